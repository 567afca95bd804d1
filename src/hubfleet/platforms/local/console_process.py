"""The console's process beside the hubs: start it in the background, tell whether it runs, end it.

`hubfleet serve` records itself, however it was started, so that `status` and `down` know of it.
Knows nothing of what the console does.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hubfleet import __version__
from hubfleet.fleet.console import ConsolePlace
from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder, write_atomically
from hubfleet.platforms.local import logfiles
from hubfleet.platforms.local.control_start import clean_environment
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.ports import who_listens
from hubfleet.platforms.local.processes import boot_id, is_alive, start_time
from hubfleet.platforms.local.spec import RunRecord

START_SECONDS = 90.0
STOP_SECONDS = 10.0
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class RunningConsole:
    """A console that lives; `works` says what it was started with."""

    pid: int
    since: str
    address: str
    bind: str
    version: str
    root: str


@dataclass(frozen=True, slots=True)
class Minding:
    """What the keeper did about a console that ended: starts so far, failures in a row, and while
    it waits when it tries again and how the console ended, as far as that is known.
    """

    restarts: int = 0
    failures: int = 0
    next_try: str = ""
    last_exit: str = ""


def read_minding(state: StateFolder) -> Minding:
    """What is known; nothing where nothing happened."""
    try:
        return Minding(**json.loads(state.console_minding.read_text()))
    except (OSError, ValueError, TypeError):
        return Minding()


def write_minding(state: StateFolder, minding: Minding) -> None:
    """For the keeper. A full disk must not end it, so nothing is raised."""
    with suppress(OSError):
        write_atomically(state.console_minding, json.dumps(asdict(minding)) + "\n")


def not_running(state: StateFolder) -> str:
    """What to say while the console does not run, and who does something about it."""
    later = read_minding(state).next_try
    cure = "Run `hubfleet up`."
    if later:
        cure = f"The keeper tries again at {later}; `hubfleet logs console` may say why it ended."
    return f"The console is not running: nobody can sign in. {cure}"


def wanted_command(state: StateFolder) -> list[str] | None:
    """How the console is started here; None where `up` started none, or `down` ended it."""
    try:
        words = json.loads(state.console_wanted.read_text())["command"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return [str(word) for word in words] if isinstance(words, list) and words else None


def begin(state: StateFolder, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the program in the background; what it says goes into the console's log."""
    with open(state.console_log, "ab", opener=_private) as written:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            env=clean_environment(),
            cwd=state.path,
            start_new_session=True,
        )


def running_console(state: StateFolder) -> RunningConsole | None:
    """The console of this state folder, when one lives."""
    try:
        record = RunRecord.read(state.console_run)
    except (OSError, ValueError):
        return None
    if record.spec is None or not is_alive(record.pid, record.start_time, record.boot):
        return None
    said = {name: str(record.spec.get(name, "")) for name in ("address", "bind", "version", "root")}
    return RunningConsole(record.pid, record.since, **said)


@contextmanager
def recorded(state: StateFolder, place: ConsolePlace, root: Path) -> Iterator[None]:
    """For `serve` itself: leave a record of this process for as long as the block runs."""
    make_private_folder(state.console)
    spec = {
        "address": place.address,
        "bind": place.bind,
        "version": __version__,
        "root": str(root),
    }
    pid = os.getpid()
    record = RunRecord(pid, start_time(pid) or 0, boot_id(), timestamp(), spec)
    record.write(state.console_run)
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            # Another one may have taken over.
            if RunRecord.read(state.console_run) == record:
                state.console_run.unlink()


def ensure_console(
    state: StateFolder,
    root: Path,
    place: ConsolePlace,
    report: Callable[[str], None] = lambda _: None,
    arguments: Sequence[str] = (),
) -> bool:
    """Have a console run as declared; whether it had to be started.

    One of another version, address or fleet folder is replaced: people stay signed in. Raises
    `console-port-taken` and `console-did-not-start`. `arguments` are further ones for `serve`.
    """
    before = running_console(state)
    if before is not None:
        wanted = (place.address, place.bind, __version__, str(root))
        if (before.address, before.bind, before.version, before.root) == wanted:
            _want(state, _command(state, root, place, arguments))
            return False
        report("ending the console of before")
        stop_console(state)
    _check_port(place)
    report("starting the console")
    make_private_folder(state.console)
    # Until it has begun well, the keeper leaves it alone.
    state.console_wanted.unlink(missing_ok=True)
    state.console_minding.unlink(missing_ok=True)
    command = _command(state, root, place, arguments)
    _start(state, place, command)
    _want(state, command)
    return True


def _command(
    state: StateFolder, root: Path, place: ConsolePlace, arguments: Sequence[str]
) -> list[str]:
    return [
        *(sys.executable, "-P", "-m", "hubfleet", "serve", "--quiet"),
        *("--fleet", str(root), "--state", str(state.path), "--bind", place.bind),
        *arguments,
    ]


def _want(state: StateFolder, command: list[str]) -> None:
    if wanted_command(state) != command:
        write_atomically(state.console_wanted, json.dumps({"command": command}, indent=1) + "\n")


def _start(state: StateFolder, place: ConsolePlace, command: Sequence[str]) -> None:
    """Start the process, and wait until it takes requests."""
    log = state.console_log
    log_before = log.stat().st_size if log.exists() else 0
    child = begin(state, command)
    deadline = time.monotonic() + START_SECONDS
    while not console_answers(place):
        # The keeper may have begun one at the same moment: then that one is on its way.
        if child.poll() is not None and running_console(state) is None:
            raise _did_not_start(log, log_before, "it ended at once")
        if time.monotonic() > deadline:
            raise _did_not_start(log, log_before, f"it does not answer after {START_SECONDS:.0f} s")
        time.sleep(_PAUSE)
    # It goes on without us: Popen would warn about a child that nobody waits for.
    child.returncode = 0


def console_answers(place: ConsolePlace) -> bool:
    """Whether a console takes requests there."""
    split = urlsplit(place.nearby)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": urlsplit(place.address).netloc})
        answer = connection.getresponse()
        return answer.status == 200 and answer.read() == b"ok\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop_console(state: StateFolder) -> bool:
    """End the console; whether there was one. It has some seconds for what it is doing."""
    state.console_wanted.unlink(missing_ok=True)
    state.console_minding.unlink(missing_ok=True)
    found = running_console(state)
    if found is None:
        return False
    try:
        process = os.pidfd_open(found.pid)
    except ProcessLookupError:
        return True
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            # Asked after it was opened: from here on it cannot become another process.
            if running_console(state) is None:
                return True
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if _ends(state, STOP_SECONDS):
                return True
    finally:
        os.close(process)
    raise failure(
        "does-not-stop",
        f"the console did not stop within {2 * STOP_SECONDS:.0f} s",
        place=str(state.console),
        hint="run the command again",
    )


def _ends(state: StateFolder, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if running_console(state) is None:
            return True
        time.sleep(_PAUSE / 2)
    return False


def _check_port(place: ConsolePlace) -> None:
    host, _, port = place.nearby.removeprefix("http://").rpartition(":")
    holder = who_listens(int(port))
    if not holder:
        return
    raise failure(
        "console-port-taken",
        f"the console cannot listen on {place.bind}",
        place=f"{host}:{port}",
        why=f"{holder} listens on it",
        hint="end that program; or write another port under `service`, such as "
        f"`console: {{address: http://localhost:{int(port) + 1}}}`",
    )


def _did_not_start(log: Path, log_before: int, why: str) -> HubfleetError:
    found = logfiles.explain_failure(log, log_before)
    line = found[1] if found else next(iter(logfiles.tail(log, 1)), "its log says nothing")
    number = f":{found[0]}" if found else ""
    return failure(
        "console-did-not-start",
        "the console did not start",
        place=f"{log}{number}",
        why=f"{why}: {line}",
        hint="mend what its log says, then run `hubfleet up` again; hubs run without it, but "
        "nobody can sign in to them",
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)
