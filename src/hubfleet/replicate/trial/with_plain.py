"""A bundle's hub with stock JupyterHub, run from the bundle's own files where hubfleet cannot be
imported: proof that people can go on without it.

The Python is a virtual environment made of links to what is installed here, all but hubfleet. The
only thing that is added to the bundle's configuration is where the proxy is, which ports are free,
and a token for the trial itself.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.units import counted
from hubfleet.platforms.local.answers import status_of
from hubfleet.platforms.local.proxy import ensure_proxy_program
from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target
from hubfleet.replicate.bundle.container import opened
from hubfleet.replicate.bundle.manifest import Manifest, Promise
from hubfleet.replicate.data.databases import everybody
from hubfleet.replicate.trial.bare_python import make_python
from hubfleet.replicate.trial.comparing import Trial, compare_packages, compare_people
from hubfleet.replicate.trial.kernels import packages_of_kernels
from hubfleet.replicate.trial.signing_in import fault_of_sign_in
from hubfleet.replicate.trial.with_hubfleet import digest_of, free_port, probed_words

Report = Callable[[str, str], None]
_COME_UP = 60.0
_END = 30.0

_TRIAL_CONFIG = """
import os
c = get_config()
load_subconfig("jupyterhub_config.py")
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
services = list(c.JupyterHub.services) if c.JupyterHub.services else []
c.JupyterHub.services = services + [dict(name="trial", api_token=os.environ["TRIAL_TOKEN"])]
roles = list(c.JupyterHub.load_roles) if c.JupyterHub.load_roles else []
c.JupyterHub.load_roles = roles + [
    dict(
        name="trial",
        scopes=[s + "!user={user}" for s in ("admin:users", "servers", "access:servers")],
        services=["trial"],
    )
]
if os.getuid() == 0:
    c.Spawner.args = ["--allow-root"]
"""


def try_with_plain(bundle: Path, manifest: Manifest, folder: Path, report: Report) -> list[Trial]:
    """Every hub of a bundle that was checked, one after the other."""
    report("a Python without hubfleet", "being made")
    python = make_python(folder / "python")
    files = folder / "bundle"
    _lay_out(bundle, manifest, files)
    return [_try(files, manifest, short, python, report) for short in sorted(manifest.hubs)]


def _lay_out(bundle: Path, manifest: Manifest, target: Path) -> None:
    """The bundle as a folder, checked once more on the way."""
    with opened(bundle) as again:
        for path, reading in again.parts():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as out:
                while data := reading.read(1 << 20):
                    out.write(data)
    (target / "manifest.json").write_bytes(manifest.text())


def _try(files: Path, manifest: Manifest, short: str, python: Path, report: Report) -> Trial:
    name = f"{manifest.community}/{short}"
    trial, promise = Trial(name), manifest.hubs[short]
    plain = files / "hubs" / short / "plain"
    if promise.database:
        shutil.copyfile(files / "hubs" / short / "hub.sqlite", plain / "jupyterhub.sqlite")
    if promise.homes or promise.shared:
        report(f"files of {name}", "being restored")
        restore = files / "restore_homes.py"
        fault = _fault_of([str(python), str(restore), str(plain.parent), str(plain / "homes")])
        if fault:
            raise _failed(restore, fault)
        _compare_data(trial, manifest, short, plain)
    unmade = _make_environments(files, plain, python, name, report) if promise.packages else ""
    users = [person for person in promise.users if person not in promise.admins]
    person = users[0] if users else PROBE_USER
    report(name, "starting with stock JupyterHub")
    with _running(plain, python, person, report) as (target, password):
        report(name, "being tried as a person would")
        probed = asyncio.run(probe_hub(target))
        trial.add("probe", [] if probed.verdict != "failed" else [probed_words(probed)])
        _sign_in(trial, promise, target, person, password)
        if unmade:
            trial.add("packages", [f"the environment could not be made: {unmade}"])
        elif promise.packages:
            report(name, "being asked for its packages")
            _packages(trial, promise, target)
    compare_people(trial, promise, everybody(plain / "jupyterhub.sqlite"))
    return trial


def _make_environments(files: Path, plain: Path, python: Path, name: str, report: Report) -> str:
    """With the bundle's own program; what went wrong, or nothing."""
    report(f"software of {name}", "being installed")
    program = files / "make_environments.py"
    command = [str(python), str(program), str(plain.parent), str(plain / "environments")]
    return _fault_of(command)


def _packages(trial: Trial, promise: Promise, target: Target) -> None:
    """Each kernel is asked itself: what lies on the disk may be something that nobody runs."""
    kernels = {name: name or "python3" for name in promise.packages}
    found = asyncio.run(packages_of_kernels(target, kernels.values()))
    for name, promised in promise.packages.items():
        there = found[kernels[name]]
        if isinstance(there, str):
            trial.add(f"packages of {name}" if name else "packages", [there])
        else:
            compare_packages(trial, promised, there, name)


def _sign_in(trial: Trial, promise: Promise, target: Target, person: str, password: str) -> None:
    if promise.sign_in not in ("shared-password", "console"):
        trial.leave("sign-in", f"it needs a client of your own ({promise.sign_in})")
    elif person == PROBE_USER:
        trial.leave("sign-in", "nobody but admins is promised")
    else:
        fault = asyncio.run(fault_of_sign_in(target, person, password))
        trial.add("sign-in", [fault] if fault else [], f"{person} came in")


def _compare_data(trial: Trial, manifest: Manifest, short: str, plain: Path) -> None:
    """Each home below its owner's name, and shared folders; before anybody works in them."""
    promise = manifest.hubs[short]
    trees = {
        f"the home of {person}": (plain / "homes" / person, f"homes/{index}")
        for person, index in promise.homes.items()
    }
    trees |= {name: (plain / name, name) for name in ("shared", "shared-readwrite")}
    differing = []
    for called, (tree, archive) in trees.items():
        part = manifest.files.get(f"hubs/{short}/{archive}.tar")
        if part is not None and (not tree.is_dir() or digest_of(tree) != part.sha256):
            differing.append(called)
    trial.add("data", differing, counted(len(promise.homes), "home"))


def _fault_of(command: list[str]) -> str:
    """The end of what a program of the bundle said when it failed; nothing where it did not."""
    # Where uv is beside hubfleet, it is quicker than pip and has everything in its cache.
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    said = (done.stderr or done.stdout).strip()
    return (said[-500:] or f"code {done.returncode}") if done.returncode else ""


def _failed(program: Path, why: str) -> HubfleetError:
    return failure(
        "trial-failed",
        "a program of the bundle failed",
        place=str(program),
        why=why,
        hint="ask whoever made the bundle; nothing was changed here",
    )


@contextmanager
def _running(
    plain: Path, python: Path, person: str, report: Report
) -> Iterator[tuple[Target, str]]:
    """The hub, up and answering; ended with all that it started when the block ends."""
    token, password = secrets.token_hex(24), secrets.token_hex(8)
    port = free_port()
    proxy = ensure_proxy_program(lambda phase: report("the proxy", phase))
    text = _TRIAL_CONFIG.format(proxy=proxy, api=free_port(), hub=free_port(), user=person)
    (plain / "trial_config.py").write_text(text)
    environment = {
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(plain),
        "LANG": "C.UTF-8",
        "HUB_URL": f"http://127.0.0.1:{port}/",
        "HUB_PASSWORD": password,
        "HUB_ADMIN_PASSWORD": secrets.token_hex(24),
        "HUB_CLIENT_ID": "trial",
        "HUB_CLIENT_SECRET": secrets.token_hex(8),
        "HUB_CALLBACK_URL": f"http://127.0.0.1:{port}/hub/oauth_callback",
        "TRIAL_TOKEN": token,
    }
    with (plain / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), str(python.parent / "jupyterhub"), "-f", "trial_config.py"],
            cwd=plain,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_up(process, port, plain / "hub.log")
        yield Target(person, f"http://127.0.0.1:{port}/", None, person, token), password
    finally:
        _end(process, plain, python)


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _COME_UP
    while status_of(port, "/hub/health") != 200:
        if process.poll() is not None or time.monotonic() > deadline:
            raise failure(
                "trial-failed",
                "stock JupyterHub did not come up with the bundle's configuration",
                place=str(log),
                why=log.read_text(errors="replace").strip()[-500:],
                hint="run again with --keep, and look at the log",
            )
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes], plain: Path, python: Path) -> None:
    """The hub first, which ends people's servers and the proxy; then whatever it left."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END)
    if process.poll() is None:
        process.kill()
        process.wait()
    deadline = time.monotonic() + _END
    while (left := _left(plain, python.parent)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _left(*folders: Path) -> list[int]:
    """Processes that know one of the trial's folders: as their home, or on their path, which is all
    that the hub's services are given.
    """
    found = []
    needles = [os.fsencode(folder) for folder in folders]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (process / "environ").read_bytes()
            mine = int(process.name) == os.getpid()
            if not mine and any(needle in environment for needle in needles):
                found.append(int(process.name))
    return found
