"""The keeper: the one long-lived process per state folder that owns hubs and their shared proxy.

    python -P -m hubfleet.platforms.local.keeper --state DIR --port N

Here is its way in: the lock of the folder, its log, the proxy, one import of JupyterHub, then
forking or adopting hubs; `keeper_rounds` is what it does from then on. Its death touches neither
hubs nor proxy. `control_start` starts it in the background.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import importlib
import json
import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder, write_atomically
from hubfleet.platforms.local.children import Pace
from hubfleet.platforms.local.control_status import KeeperFacts
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.keeper_requests import Door
from hubfleet.platforms.local.keeper_rounds import Keeper, RunHub
from hubfleet.platforms.local.proxy import ensure_proxy_program

log = logging.getLogger("hubfleet.keeper")

HUB_MODULE = "hubfleet.platforms.local.hub"
ENOUGH_FILES = 65536


def main(arguments: Sequence[str]) -> int:
    """Run a keeper until it is told to end; 1 when it cannot, with the reason in its log."""
    options = _options(arguments)
    ready = int(options.background) if options.background else None
    if ready is not None:
        os.set_inheritable(ready, False)
        if os.fork():
            # The caller waits for this process only; the one in the background is nobody's child.
            os._exit(0)
        os.setsid()
    os.umask(0o077)
    _allow_many_files()
    state = StateFolder(options.state.absolute())
    try:
        make_private_folder(state.path)
        os.chdir(state.path)
        _log_into(state)
        lock = _lock(state)
        if lock is None:
            log.info("another keeper has this state folder; this one ends")
            return 1
        _keep(state, options, lock, ready)
    except HubfleetError as error:
        log.error("%s", " | ".join(str(error).splitlines()))
        return 1
    except Exception:
        log.exception("the keeper broke down; hubs and proxy live on")
        return 1
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -P -m hubfleet.platforms.local.keeper")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True, help="the shared proxy's, on 127.0.0.1")
    parser.add_argument("--background", metavar="FD", help="detach; write to this once it listens")
    parser.add_argument(
        "--hub-module", default=HUB_MODULE, help="has preload() and run_hub(folder, spec)"
    )
    parser.add_argument("--pace", type=_pace, default=Pace(), help="other waits, as a JSON mapping")
    return parser.parse_args(arguments)


def _pace(text: str) -> Pace:
    known = {field.name for field in fields(Pace)}
    return Pace(**{name: value for name, value in json.loads(text).items() if name in known})


def _allow_many_files() -> None:
    """Two descriptors for each hub and some for callers: 1024 may be too few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = ENOUGH_FILES if most == resource.RLIM_INFINITY else min(ENOUGH_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def _log_into(state: StateFolder) -> None:
    written = os.open(state.keeper_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.close(written)
    handler = logging.StreamHandler(sys.stderr)
    layout = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    layout.converter = time.gmtime
    handler.setFormatter(layout)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # Hubs are forked from here and have a log of their own.
    log.propagate = False


def _lock(state: StateFolder) -> int | None:
    """The lock, held for life; None when another keeper has it."""
    descriptor = os.open(state.keeper_lock, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    # A client that asks whether the folder is kept holds it for an instant,
    # and so does a child that was forked when the last keeper was killed.
    for _ in range(50):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            time.sleep(0.01)
    os.close(descriptor)
    return None


def _keep(state: StateFolder, options: argparse.Namespace, lock: int, ready: int | None) -> None:
    facts = KeeperFacts.of_this_process(options.port)
    record = json.dumps(asdict(facts), indent=1, sort_keys=True) + "\n"
    write_atomically(state.keeper_record, record)
    preload, run_hub = _hub_functions(options.hub_module)
    program = ensure_proxy_program(log.info)
    keeper = Keeper(state, facts, program, run_hub, options.pace)
    keeper.loop.keep_from_children(lock)
    keeper.loop.catch_signals()
    if ready is not None:
        keeper.loop.keep_from_children(ready)
    # The proxy first: it becomes ready while JupyterHub is imported.
    keeper.take_over_proxy()
    _preload(preload)
    door = Door(state, keeper.loop, keeper.answer)
    log.info("keeper %d on port %d", facts.pid, facts.port)
    if ready is not None:
        os.write(ready, b"\n")
    keeper.take_over_hubs()
    keeper.run(door.tick, door.due)
    state.keeper_socket.unlink(missing_ok=True)


def _hub_functions(name: str) -> tuple[Callable[[], None], RunHub]:
    module = importlib.import_module(name)
    return module.preload, module.run_hub


def _preload(preload: Callable[[], None]) -> None:
    """Import once what every hub needs, and keep the garbage collector from unsharing it."""
    preload()
    if threading.active_count() != 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"preloading started threads, forking is not safe: {names}")
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
