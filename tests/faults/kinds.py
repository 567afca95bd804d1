"""The kinds of fault, each put into a real fleet and taken back."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from hubfleet.platforms.local import answers
from hubfleet.platforms.local.limits import find_limiter
from hubfleet.platforms.local.proxy import proxy_api, proxy_token
from hubfleet.platforms.local.spec import HubSecrets, HubSpec
from tests.faults import stand_ins
from tests.faults.lab import HUBS, VICTIM, Fault, Lab
from tests.places import until

Put = Callable[[Lab], Iterator[None]]
FAULTS: list[Fault] = []


def fault(name: str, cause: str, **more: Any) -> Callable[[Put], Put]:
    """Adds a kind to the list."""

    def add(put: Put) -> Put:
        FAULTS.append(Fault(name, cause, contextmanager(put), **more))
        return put

    return add


def missing(fault: Fault) -> str:
    """Why this machine cannot have the fault; empty when it can."""
    if fault.mounts and not _can_mount():
        return "this account may not mount file systems"
    if fault.limits and "memory" not in find_limiter().parents:
        return "this machine cannot limit memory"
    return ""


@cache
def _can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True, capture_output=True)
        return True


@fault("hub killed", "hub", quick=True)
def hub_killed(lab: Lab) -> Iterator[None]:
    with lab.keeper_asleep():
        os.kill(lab.pid(), signal.SIGKILL)
        yield


@fault("hub hangs", "hub", quick=True)
def hub_hangs(lab: Lab) -> Iterator[None]:
    with lab.keeper_asleep():
        hub = lab.pid()
        os.kill(hub, signal.SIGSTOP)
        yield
        os.kill(hub, signal.SIGCONT)


def _proxy(lab: Lab) -> int:
    pid = lab.client().status().proxy.pid
    assert pid is not None
    return pid


@fault("proxy killed", "proxy", hits=HUBS, quick=True)
def proxy_killed(lab: Lab) -> Iterator[None]:
    proxy = _proxy(lab)
    with lab.keeper_asleep():
        os.kill(proxy, signal.SIGKILL)
        yield


@fault("proxy hangs", "proxy", hits=HUBS)
def proxy_hangs(lab: Lab) -> Iterator[None]:
    proxy = _proxy(lab)
    with lab.keeper_asleep():
        os.kill(proxy, signal.SIGSTOP)
        yield
        os.kill(proxy, signal.SIGCONT)


@fault("keeper killed", "", hits=(), said="The keeper is not running")
def keeper_killed(lab: Lab) -> Iterator[None]:
    """Hubs and people go on: nobody's hub may be reported, and the place says so itself."""
    os.kill(lab.client().facts().pid, signal.SIGKILL)
    yield
    done = lab.place.run("up", fleet=lab.fleet)
    assert done.returncode == 0, done.stderr


@fault("proxy lost the hub's route", "proxy", quick=True)
def route_lost(lab: Lab) -> Iterator[None]:
    state = lab.place.state
    spec = HubSpec.read(lab.folder().spec)
    answers.drop_routes(proxy_api(state), proxy_token(state), spec.domain)
    until(lambda: not lab.answers(VICTIM), "the route to be gone", 10)
    yield
    # What a hub does when its proxy was restarted.
    os.kill(lab.pid(), signal.SIGHUP)


@fault("another program under the hub's name", "proxy")
def another_program(lab: Lab) -> Iterator[None]:
    with stand_ins.answering(200, b"<h1>It works!</h1>") as address:
        lab.doors[VICTIM] = {"connect_to": address}
        yield
        del lab.doors[VICTIM]


@fault("no route to the cluster", "network", quick=True)
def no_route(lab: Lab) -> Iterator[None]:
    with stand_ins.no_route() as address:
        lab.doors[VICTIM] = {"connect_to": address}
        yield
        del lab.doors[VICTIM]


@fault("name without an address", "network")
def no_name(lab: Lab) -> Iterator[None]:
    lab.doors[VICTIM] = {"url": "http://garden.invalid:8000/", "connect_to": None}
    yield
    del lab.doors[VICTIM]


@contextmanager
def _front(lab: Lab, *, begins: int, ends: int, name: str = "") -> Iterator[None]:
    """The hub behind https, with a certificate from and until so many days from now."""
    spec = HubSpec.read(lab.folder().spec)
    folder = lab.place.state.path / "front"
    folder.mkdir()
    days = (dt.timedelta(days=begins), dt.timedelta(days=ends))
    file = stand_ins.certificate(folder, name or spec.domain, *days)
    try:
        with stand_ins.encrypted(file, lab.place.port) as address:
            url = f"https://{spec.domain}:{lab.place.port}/"
            lab.doors[VICTIM] = {"url": url, "connect_to": address}
            lab.trusted = stand_ins.trusting(file)
            yield
    finally:
        lab.trusted = None
        del lab.doors[VICTIM]
        shutil.rmtree(folder)


@fault("certificate has expired", "certificate", quick=True)
def certificate_expired(lab: Lab) -> Iterator[None]:
    with _front(lab, begins=-90, ends=-1):
        yield


@fault("certificate ends in three days", "certificate")
def certificate_ends(lab: Lab) -> Iterator[None]:
    with _front(lab, begins=-87, ends=3):
        yield


@fault("certificate of another name", "certificate")
def certificate_of_another(lab: Lab) -> Iterator[None]:
    with _front(lab, begins=-1, ends=90, name="somebody-else.example.org"):
        yield


@fault("clock is an hour wrong", "sign-in", hits=HUBS)
def clock_wrong(lab: Lab) -> Iterator[None]:
    """This machine's own: what others tell it is too old, or not yet true."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with mock.patch("hubfleet.probes.clocks.now", lambda: later):
        yield


@fault("the probe's token is wrong", "sign-in")
def token_wrong(lab: Lab) -> Iterator[None]:
    file = lab.folder().secrets
    kept = HubSecrets.read(file)
    replace(kept, probe_token="0" * 64).write(file)
    yield
    kept.write(file)


def _provider(values: dict[str, Any], address: str) -> None:
    values["jupyterhub"]["config"] |= {
        "JupyterHub": {"authenticator_class": "generic-oauth"},
        "GenericOAuthenticator": {
            "client_id": "hub",
            "client_secret": "wrong",
            "authorize_url": f"{address}/authorize",
            "token_url": f"{address}/token",
            "userdata_url": f"{address}/me",
            "allow_all": True,
        },
    }


@fault("the sign-in service does not know the hub", "sign-in", quick=True)
def provider_refuses(lab: Lab) -> Iterator[None]:
    with (
        stand_ins.answering(400, b'{"error": "invalid_client"}') as (host, port),
        lab.changed(lambda values: _provider(values, f"http://{host}:{port}")),
    ):
        yield


@fault("the sign-in service is away", "sign-in")
def provider_away(lab: Lab) -> Iterator[None]:
    with lab.changed(lambda values: _provider(values, "http://127.0.0.1:9")):
        yield


@fault("a start limit that is too short", "spawner")
def wrong_traitlet(lab: Lab) -> Iterator[None]:
    def change(values: dict[str, Any]) -> None:
        values["jupyterhub"]["config"]["Spawner"] = {"start_timeout": 1, "http_timeout": 1}

    with lab.changed(change):
        yield


@fault("a trait that the hub cannot start with", "hub")
def fatal_traitlet(lab: Lab) -> Iterator[None]:
    def change(values: dict[str, Any]) -> None:
        values["jupyterhub"]["config"]["JupyterHub"] = {"authenticator_class": "no.such.Class"}

    with lab.changed(change, up=False):
        yield


@fault("more people than the hub may start at once", "capacity")
def spawn_storm(lab: Lab) -> Iterator[None]:
    def change(values: dict[str, Any]) -> None:
        # As when the places are taken: none is left.
        values["jupyterhub"]["config"]["JupyterHub"] = {"concurrent_spawn_limit": -1}

    with lab.changed(change):
        yield


@fault("the hub's database is locked", "hub")
def database_locked(lab: Lab) -> Iterator[None]:
    with closing(sqlite3.connect(lab.folder().database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@fault("the hub's database is no database", "hub")
def database_broken(lab: Lab) -> Iterator[None]:
    file = lab.folder().database
    kept = file.with_suffix(".kept")
    spec = HubSpec.read(lab.folder().spec)
    lab.client().stop(VICTIM)
    until(lambda: not lab.answers(VICTIM), "the hub to stop", 30)
    shutil.move(file, kept)
    file.write_bytes(b"this is not a database\n" * 500)
    lab.client().start(VICTIM)
    yield
    lab.client().stop(VICTIM)
    shutil.move(kept, file)
    lab.run(replace(spec, revision=spec.revision + 2))


@fault("the file of secrets is damaged", "hub")
def secrets_damaged(lab: Lab) -> Iterator[None]:
    """As a cookie secret that lost its end; the hub does not start with it."""
    file, spec = lab.folder().secrets, HubSpec.read(lab.folder().spec)
    kept, door = file.read_text(), lab.target(VICTIM)
    lab.client().stop(VICTIM)
    until(lambda: not lab.answers(VICTIM), "the hub to stop", 30)
    lab.fixed[VICTIM] = door
    file.write_text(json.dumps({**json.loads(kept), "cookie_secret": None}))
    lab.client().start(VICTIM)
    yield
    del lab.fixed[VICTIM]
    lab.client().stop(VICTIM)
    file.write_text(kept)
    lab.run(replace(spec, revision=spec.revision + 2))


@contextmanager
def _mounted(lab: Lab, *options: str) -> Iterator[Path]:
    """The probe's home as a file system of its own."""
    home = lab.home()
    mount = ["mount", "-t", "tmpfs", "-o", ",".join(("mode=0700", *options)), "tmpfs", str(home)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True, capture_output=True)


@fault("the disk is full", "storage", quick=True, mounts=True)
def disk_full(lab: Lab) -> Iterator[None]:
    with _mounted(lab, "size=64k") as home:
        (home / "big").write_bytes(b"x" * 65536)
        yield


@fault("a home that is read-only", "storage", mounts=True)
def home_read_only(lab: Lab) -> Iterator[None]:
    with _mounted(lab, "ro"):
        yield


@contextmanager
def _in_home(lab: Lab, path: str, text: str) -> Iterator[None]:
    file = lab.home() / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink()


_SERVER = ".jupyter/jupyter_server_config.py"


@fault("the kernel is missing", "environment")
def kernel_missing(lab: Lab) -> Iterator[None]:
    with _in_home(lab, _SERVER, "c.MultiKernelManager.default_kernel_name = 'gone'\n"):
        yield


@fault("a package of the kernel is broken", "environment")
def package_broken(lab: Lab) -> Iterator[None]:
    """As after a half-done installation: the kernel's program ends when it is loaded."""
    broken = "raise ImportError('libzmq.so.5: cannot open shared object file')"
    spec = {"argv": ["python3", "-c", broken], "display_name": "Broken", "language": "python"}
    with (
        _in_home(lab, ".local/share/jupyter/kernels/broken/kernel.json", json.dumps(spec)),
        _in_home(lab, _SERVER, "c.MultiKernelManager.default_kernel_name = 'broken'\n"),
    ):
        yield


@fault("the environment was deleted", "environment")
def environment_deleted(lab: Lab) -> Iterator[None]:
    spec = HubSpec.read(lab.folder().spec)
    gone = str(lab.place.state.environments / "deleted")
    lab.run(replace(spec, environment=gone, revision=spec.revision + 1))
    yield
    lab.run(replace(spec, revision=spec.revision + 2))


_STARTUP = ".ipython/profile_default/startup/00-fault.py"
_AT_CODE = "get_ipython().events.register('pre_run_cell', {})\n"


@fault("kernels die", "kernel", quick=True)
def kernels_die(lab: Lab) -> Iterator[None]:
    """As when memory runs out while somebody's code runs: the system kills them."""
    dies = _AT_CODE.format("lambda _: os.kill(os.getpid(), signal.SIGKILL)")
    with _in_home(lab, _STARTUP, f"import os, signal\n{dies}"):
        yield


@fault("kernels hang", "kernel")
def kernels_hang(lab: Lab) -> Iterator[None]:
    hangs = _AT_CODE.format("lambda _: threading.Event().wait()")
    with _in_home(lab, _STARTUP, f"import threading\n{hangs}"):
        yield


@fault("servers start slowly", "capacity")
def slow_start(lab: Lab) -> Iterator[None]:
    def change(values: dict[str, Any]) -> None:
        values["jupyterhub"]["config"]["Spawner"] = {"http_timeout": 60}

    waits = "import threading\nthreading.Event().wait(31)\n"
    with lab.changed(change), _in_home(lab, _SERVER, waits):
        yield


@fault("servers end as soon as they start", "spawner")
def servers_end(lab: Lab) -> Iterator[None]:
    with _in_home(lab, _SERVER, "import os\nos._exit(3)\n"):
        yield


@fault("memory limit too small for a server", "spawner", limits=True)
def memory_too_small(lab: Lab) -> Iterator[None]:
    """From outside a server that ends like any other; the hub's log says for want of what."""

    def change(values: dict[str, Any]) -> None:
        values["limits"]["memory"] = "128M"

    with lab.changed(change):
        yield
