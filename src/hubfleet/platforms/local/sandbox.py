"""Keeping people apart: what bubblewrap is asked for, and what is said where it is not there.

`bubblewrap_command` is a pure function from a `Seat` (one person's server) to the arguments in
front of the server's own command. `find_sandbox` tries whether this machine lets us use them.
Order matters to bubblewrap: an empty place must come before what is bound below it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hubfleet.fleet.model import HubValues
from hubfleet.fleet.sign_in import people_by_kind, people_by_name
from hubfleet.kit.errors import Problem
from hubfleet.platforms.local import listening
from hubfleet.platforms.local.limits import Limiter, find_limiter

HOME_INSIDE = Path("/home/jovyan")
"""Where every person's home is seen; the same path as in the images used on Kubernetes."""

RUNTIME_INSIDE = Path("/run/jupyter")
"""Kernels' sockets: private to the sandbox, and short, because socket paths are limited."""

LAUNCHER_INSIDE = Path("/run/hubfleet/singleuser.py")
MEMORY_EVENTS_INSIDE = Path("/run/memory-events")

_WAIVER = "without-isolation"
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_SETTINGS = (
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "fonts",
    "host.conf",
    "hosts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "protocols",
    "resolv.conf",
    "services",
    "timezone",
    # Not the whole of `pki` and `ssl`: private keys lie there too.
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
)
_NAMESPACES = (
    "--unshare-user",
    "--uid",
    "1000",
    "--gid",
    "1000",
    "--disable-userns",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--new-session",
    "--cap-drop",
    "ALL",
)


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """A folder that people of one hub have in common, seen as `~/<name>`."""

    name: str
    path: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Seat:
    """What one person's server may see of this machine.

    `readable` are the folders of Python interpreters and environments; `hidden` is the state
    folder, put out of sight even where it lies below one of them. `accounts` holds a `passwd` and
    a `group` file that know nobody of this machine. `inside` is the folder with the launcher and
    what belongs to it, `memory_events` the file in which the kernel counts who ran out of memory.
    Only builds of environments have `writable` folders.
    """

    home: Path
    inside: Path
    accounts: Path
    hidden: Path
    hostname: str
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    shared: tuple[SharedFolder, ...] = ()
    memory_events: Path | None = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Whether people can be kept apart here: `program` is None where not, and `why` says why."""

    program: str | None
    why: str = ""


def bubblewrap_command(program: str, seat: Seat) -> list[str]:
    """The arguments in front of a server's command.

    Without `--die-with-parent`: servers outlive the hub that started them.
    """
    return [
        program,
        *_NAMESPACES,
        "--hostname",
        seat.hostname,
        *_system(),
        *_readable(seat),
        *(word for path in seat.writable for word in ("--bind", str(path), str(path))),
        *("--ro-bind", str(seat.accounts / "passwd"), "/etc/passwd"),
        *("--ro-bind", str(seat.accounts / "group"), "/etc/group"),
        *("--perms", "0700", "--dir", str(RUNTIME_INSIDE)),
        *("--ro-bind", str(seat.inside), str(LAUNCHER_INSIDE.parent)),
        *_memory_events(seat.memory_events),
        *("--bind", str(seat.home), str(HOME_INSIDE)),
        *_shared(seat.shared),
        *("--remount-ro", "/"),
        "--chdir",
        str(HOME_INSIDE),
        "--",
    ]


def _system() -> list[str]:
    arguments = ["--tmpfs", "/tmp"]  # noqa: S108, the sandbox's own
    arguments += ["--tmpfs", "/run", "--dev", "/dev", "--proc", "/proc"]
    # Where hubfleet runs as root, the machine's own settings in /proc/sys would be writable:
    # the kernel asks who owns the process outside, not which rights it has inside.
    arguments += ["--remount-ro", "/proc"]
    arguments += ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            arguments += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    for name in _SYSTEM_SETTINGS:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return arguments


def _readable(seat: Seat) -> list[str]:
    """Binds of `readable`; the state folder is emptied before what lies inside it is bound.

    Links are followed for every comparison: the state folder can be reached on more than one way.
    """
    hidden = seat.hidden.resolve()
    inside = [path for path in seat.readable if path.resolve().is_relative_to(hidden)]
    outside = [path for path in seat.readable if path not in inside]
    arguments = []
    for path in outside:
        if not path.is_relative_to("/usr"):
            arguments += ["--ro-bind", str(path), str(path)]
    for path in dict.fromkeys(_ways_to(hidden, (Path("/usr"), *outside))):
        arguments += ["--tmpfs", str(path)]
    for path in inside:
        arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def _ways_to(hidden: Path, visible: Iterable[Path]) -> Iterable[Path]:
    for path in visible:
        if hidden.is_relative_to(path.resolve()):
            yield path / hidden.relative_to(path.resolve())


def _shared(shared: Iterable[SharedFolder]) -> list[str]:
    arguments = []
    for folder in shared:
        bind = "--bind" if folder.writable else "--ro-bind"
        arguments += [bind, str(folder.path), str(HOME_INSIDE / folder.name)]
    return arguments


def _memory_events(events: Path | None) -> list[str]:
    return [] if events is None else ["--ro-bind", str(events), str(MEMORY_EVENTS_INSIDE)]


def interpreter_folders(environment: Path | None) -> tuple[Path, ...]:
    """What must be readable for the server and its kernels to run: prefixes, outermost first.

    A virtual environment needs the Python that it was made from, which may be anywhere.
    """
    folders = {Path(sys.base_prefix), Path(sys.prefix)}
    if environment is not None:
        folders |= {environment, *_base_of(environment)}
    folders |= {folder.resolve() for folder in folders}
    return tuple(sorted(folders, key=lambda folder: (len(folder.parts), folder)))


def _base_of(environment: Path) -> Iterable[Path]:
    """The prefix of the Python behind `environment/bin/python`, found by following its links."""
    link = environment / "bin" / "python"
    for _ in range(8):
        if not link.is_symlink():
            break
        link = link.parent / link.readlink()
        if link.parent.name == "bin" and not link.is_relative_to(environment):
            yield Path(*link.parent.parent.parts)


@functools.cache
def find_sandbox() -> Sandbox:
    """Tries a sandbox with everything that a server's has; once per process."""
    program = shutil.which("bwrap")
    if program is None:
        return Sandbox(None, "bubblewrap (the program bwrap) is not installed")
    trial = [program, *_NAMESPACES, *_system(), "--", "/usr/bin/env", "true"]
    try:
        done = subprocess.run(trial, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Sandbox(None, f"bubblewrap does not run: {error}")
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return Sandbox(None, f"bubblewrap is installed but does not work: {reason[-1]}")
    return Sandbox(program)


def write_accounts(folder: Path) -> Path:
    """`passwd` and `group` as a sandbox sees them; the second call changes nothing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    texts = {
        "passwd": f"jovyan:x:1000:1000::{HOME_INSIDE}:/bin/bash\n"
        "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
        "group": "jovyan:x:1000:\nnogroup:x:65534:\n",
    }
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    return folder


def machine_abilities(
    sandbox: Sandbox, limiter: Limiter, *, account: int, doors: str | None = None
) -> tuple[str, ...]:
    """What this machine cannot do, in full sentences; empty where it can do everything.

    `account` is the numeric id of the account that runs hubfleet, `doors` what is to be said of
    the ports that people's programs may take.
    """
    sentences = []
    if sandbox.program is None:
        sentences.append(
            f"People are not kept apart from each other: {sandbox.why}. "
            "Each of them can read every home and signal every process of this account."
        )
    if account == 0:
        sentences.append(
            "hubfleet runs as root: whoever broke out of a sandbox would be root. "
            "Run it from an ordinary account where you can."
        )
    sentences += filter(None, (limiter.remark, doors))
    return tuple(sentences)


def this_machine() -> tuple[str, ...]:
    """`machine_abilities` of the machine and account that this process runs on."""
    return machine_abilities(
        find_sandbox(), find_limiter(), account=os.getuid(), doors=listening.remark()
    )


def waive_isolation(folder: Path, *, waived: bool) -> None:
    """Note in a hub's folder whether the operator accepts that people are not kept apart."""
    if waived:
        (folder / _WAIVER).touch(mode=0o600)
    else:
        (folder / _WAIVER).unlink(missing_ok=True)


def isolation_is_waived(folder: Path) -> bool:
    """Whether `waive_isolation` noted so; asked at every start of a person's server."""
    return (folder / _WAIVER).exists()


def refuse_without_isolation(
    hub: str, values: HubValues, *, account: str, sandbox: Sandbox, waived: bool
) -> Problem | None:
    """The refusal of a hub whose people could read each other's files, or None when it may run.

    A hub for nobody but the person whose account runs hubfleet needs no walls.
    """
    if sandbox.program is not None or waived:
        return None
    if not people_by_kind(values.access) and people_by_name(values) <= {account}:
        return None
    return Problem(
        "no-isolation",
        f"hub {hub} lets in people who could read each other's files on this machine",
        place=None,
        why=f"{sandbox.why}; without it every server runs with the rights of {account!r}",
        hint="install bubblewrap 0.8 or later, or accept it with --without-isolation",
    )
