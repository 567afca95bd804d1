"""Starting a keeper in the background where none runs, or saying why that cannot be."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder
from hubfleet.platforms.local import logfiles
from hubfleet.platforms.local.control import KeeperClient, NoKeeperError
from hubfleet.platforms.local.control_status import KeeperFacts, read_status_without_keeper
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.observing import living
from hubfleet.platforms.local.ports import is_free, who_listens
from hubfleet.platforms.local.proxy import ensure_proxy_program
from hubfleet.platforms.local.servers import SERVER_MARK
from hubfleet.platforms.local.spec import RunRecord

START_SECONDS = 60.0


def ensure_keeper(
    state: StateFolder,
    port: int,
    *,
    report: Callable[[str], None] = lambda _: None,
    arguments: Sequence[str] = (),
) -> KeeperClient:
    """Have a keeper run on the folder, with the shared proxy on 127.0.0.1:`port`.

    Quick when one does. Raises `HubfleetError`: `keeper-of-another-version`,
    `keeper-on-another-port`, `hubs-on-another-port`, `port-taken`, `state-not-writable`,
    `keeper-did-not-start`, and what `ensure_proxy_program` raises. `arguments` are further ones for
    the keeper's command line.
    """
    client = KeeperClient(state)
    try:
        facts = client.facts()
    except NoKeeperError:
        _check_folder(state)
        facts = _start_and_wait(client, port, report, arguments)
    _check_facts(state, facts, port)
    return client


def _start_and_wait(
    client: KeeperClient, port: int, report: Callable[[str], None], arguments: Sequence[str]
) -> KeeperFacts:
    """Start a keeper once nobody holds the lock; one that holds it may be starting or ending."""
    state = client.state
    log_before = state.keeper_log.stat().st_size
    deadline = time.monotonic() + START_SECONDS
    started = False
    while True:
        try:
            return client.facts()
        except NoKeeperError as error:
            if not _is_kept(state):
                if started:
                    raise _did_not_start(state, log_before) from None
                _check_hubs(state, port)
                _check_port(state, port)
                ensure_proxy_program(report)
                report("starting the keeper")
                _start_keeper(state, port, arguments)
                started = True
            elif time.monotonic() > deadline:
                raise _does_not_answer(state, str(error)) from error
            else:
                time.sleep(0.02)


def _check_folder(state: StateFolder) -> None:
    try:
        make_private_folder(state.path)
        os.close(os.open(state.keeper_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE))
    except OSError as error:
        raise failure(
            "state-not-writable",
            "the state folder cannot be written",
            place=str(state.path),
            why=error.strerror or str(error),
            hint="name another folder with --state or $HUBFLEET_STATE, or mend this one's "
            "owner, mode or disk",
        ) from error


def _is_kept(state: StateFolder) -> bool:
    """Whether some keeper holds the lock, even one that does not answer yet."""
    with state.keeper_lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _check_hubs(state: StateFolder, port: int) -> None:
    """Hubs that live on send people to the port that they were started with."""
    elsewhere = {
        folder.name: spec.proxy_port
        for folder in state.known_hubs()
        if (spec := living(folder)) and spec.proxy_port != port
    }
    if elsewhere:
        name, old = next(iter(elsewhere.items()))
        raise failure(
            "hubs-on-another-port",
            f"the hubs of this state folder are on port {old}, not {port}",
            place=str(state.path),
            why=f"{name} was started there and still runs"
            + (f", like {len(elsewhere) - 1} more" if len(elsewhere) > 1 else ""),
            hint=f"use --port {old}, or run `hubfleet down` first",
        )


def _check_port(state: StateFolder, port: int) -> None:
    """Free, or held by our own proxy, which lives on; one on another port will be replaced."""
    if port == _port_of_living_proxy(state) or is_free(port):
        return
    holder = who_listens(port)
    raise failure(
        "port-taken",
        f"port {port} is taken",
        place=f"127.0.0.1:{port}",
        why=f"{holder} listens on it" if holder else "another program listens on it",
        hint="end that program, or choose another port with --port",
    )


def _port_of_living_proxy(state: StateFolder) -> int | None:
    if read_status_without_keeper(state).proxy.pid is None:
        return None
    with suppress(OSError, ValueError, KeyError, IndexError, TypeError):
        command = (RunRecord.read(state.proxy / "run.json").spec or {})["command"]
        return int(command[command.index("--port") + 1])
    return None


def _start_keeper(state: StateFolder, port: int, arguments: Sequence[str]) -> None:
    """Start it in the background; return once it listens or has ended."""
    ready, says_ready = os.pipe()
    command = [
        *(sys.executable, "-P", "-m", "hubfleet.platforms.local.keeper"),
        *("--state", str(state.path.absolute()), "--port", str(port)),
        *("--background", str(says_ready), *arguments),
    ]
    try:
        with state.keeper_log.open("ab") as log:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                pass_fds=[says_ready],
                check=False,
            )
        os.close(says_ready)
        says_ready = -1
        select.select([ready], [], [], START_SECONDS)
    finally:
        os.close(ready)
        if says_ready >= 0:
            os.close(says_ready)


def _did_not_start(state: StateFolder, log_before: int) -> HubfleetError:
    found = logfiles.explain_failure(state.keeper_log, log_before)
    line = found[1] if found else next(iter(logfiles.tail(state.keeper_log, 1)), "")
    number = f":{found[0]}" if found else ""
    return failure(
        "keeper-did-not-start",
        "the keeper of the hubs did not start",
        place=f"{state.keeper_log}{number}",
        why=line or "its log says nothing",
        hint="mend what its log says, then try again",
    )


def clean_environment() -> dict[str, str]:
    """Without what another hub gave to the terminal that this may be called from."""
    foreign = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_", SERVER_MARK)
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _does_not_answer(state: StateFolder, why: str) -> HubfleetError:
    return failure(
        "keeper-does-not-answer",
        "a keeper holds the state folder, but it does not answer",
        place=str(state.path),
        why=why,
        hint=f"see {state.keeper_log}; ending the keeper ends no hub",
    )


def _check_facts(state: StateFolder, facts: KeeperFacts, port: int) -> None:
    mine = KeeperFacts.of_this_process(port)
    if not facts.works_like(mine):
        raise failure(
            "keeper-of-another-version",
            "the state folder is in use by a keeper of another version",
            place=str(state.path),
            why=f"it is {_make(facts)}; this is {_make(mine)}",
            hint=f"`kill {facts.pid}` ends that keeper and leaves hubs and servers running; "
            "then try again",
        )
    if facts.port != port:
        raise failure(
            "keeper-on-another-port",
            f"the hubs of this state folder are on port {facts.port}, not {port}",
            place=str(state.path),
            why=f"their keeper has been running since {facts.since}",
            hint=f"use --port {facts.port}, or run `hubfleet down` first",
        )


def _make(facts: KeeperFacts) -> str:
    return f"hubfleet {facts.hubfleet} with jupyterhub {facts.jupyterhub} in {facts.python}"
