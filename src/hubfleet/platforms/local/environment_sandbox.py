"""Running what a repository brings, behind the same walls as people's servers.

`run_apart` runs one script in a sandbox that sees one environment and a scratch home, with a time
limit, a limit of disk and a limit of memory; nothing that it started outlives it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.errors import HubfleetError, Place, failure
from hubfleet.platforms.local.limits import empty_group, find_limiter, group_name, make_group
from hubfleet.platforms.local.sandbox import (
    HOME_INSIDE,
    LAUNCHER_INSIDE,
    RUNTIME_INSIDE,
    Seat,
    bubblewrap_command,
    find_sandbox,
    interpreter_folders,
    write_accounts,
)

_LOOK = 0.5
_MOST_SAID = 10_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that a script may use; `disk` counts what lies in its home and environment."""

    seconds: float = 1200.0
    disk: int = 10 * 1024**3
    memory: int = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Apart:
    """One run: the environment, the scratch folder, what must not be seen, and who asked for it.

    `what` is what people call the script; the environment is written to only with `changes`.
    `report` is told what the script says, as it says it.
    """

    what: str
    environment: Path
    scratch: Path
    state: Path
    log: Path
    bounds: Bounds
    place: Place | None = None
    changes: bool = False
    report: Callable[[str], None] | None = None

    @property
    def home(self) -> Path:
        return self.scratch / "home"


def run_apart(run: Apart, script: str) -> str:
    """Run a script of bash and return what it wrote; raises HubfleetError when it does not end
    well. Its output goes to the log, too.
    """
    program = find_sandbox().program
    if program is None:
        raise no_sandbox(run.what, run.place)
    run.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    inside = run.scratch / "inside"
    inside.mkdir(mode=0o700, exist_ok=True)
    (inside / "script").write_text(_HEAD.format(blocks=run.bounds.disk // 1024) + script)
    seat = Seat(
        home=run.home,
        inside=inside,
        accounts=write_accounts(run.scratch / "accounts"),
        hidden=run.state,
        hostname="hubfleet-environment",
        readable=interpreter_folders(run.environment),
        writable=(run.environment,) if run.changes else (),
    )
    walls = bubblewrap_command(program, seat)
    # Unlike people's servers, this must not outlive whoever started it.
    walls.insert(1, "--die-with-parent")
    name = group_name(run.state, "environment", f"{run.environment.name}-{os.getpid()}")
    group = make_group(find_limiter(), name, memory=run.bounds.memory, cpu=None)
    start = run.log.stat().st_size if run.log.exists() else 0
    try:
        with (
            run.log.open("ab") as log,
            subprocess.Popen(
                [*walls, "/bin/bash", str(LAUNCHER_INSIDE.parent / "script")],
                env=_environment(run.environment),
                cwd=run.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=group.join,  # noqa: PLW1509, nothing else starts programs here
            ) as process,
        ):
            try:
                _watch(process, run)
            finally:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
    finally:
        _clear(group.paths)
    with run.log.open("rb") as written:
        written.seek(start)
        said = written.read(_MOST_SAID).decode("utf-8", "replace")
    if process.returncode:
        raise _failed(run, process.returncode, said)
    return said


def no_sandbox(what: str, place: Place | None) -> HubfleetError:
    """The refusal to run a repository's code without walls."""
    return failure(
        "no-sandbox",
        f"{what} is not run on this machine",
        place=place,
        why=f"{find_sandbox().why}; it would run with the rights of whoever runs hubfleet",
        hint="install bubblewrap 0.8 or later, or remove it from the repository",
    )


def copy_repository(source: Path, home: Path) -> None:
    """A fresh copy of the repository as the script's home; links stay links."""
    from hubfleet.fleet.trees import walk

    for path, status in walk(source):
        target = home / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(path.readlink())
        else:
            shutil.copyfile(path, target, follow_symlinks=False)
            target.chmod(0o700 if status.st_mode & 0o100 else 0o600)


# A file may grow as far as all files together; the rest is watched from outside.
_HEAD = "ulimit -f {blocks}\nset -e\n"


def _watch(process: subprocess.Popen[bytes], run: Apart) -> None:
    """Until it ends, or uses more than it may; then the caller kills it."""
    deadline = time.monotonic() + run.bounds.seconds
    next_look = time.monotonic() + _LOOK
    told = ""
    while True:
        try:
            process.wait(min(_LOOK, max(0.0, deadline - time.monotonic())))
            return
        except subprocess.TimeoutExpired:
            pass
        if run.report is not None and (line := last_line(run.log)) != told:
            told = line
            run.report(f"running {run.what.strip('`')}: {line}")
        if time.monotonic() >= deadline:
            raise failure(
                "script-timeout",
                f"{run.what} did not end within {run.bounds.seconds:g} seconds",
                place=run.place,
                why="it was stopped with all that it had started",
                hint=f"see {run.log}; let it do less, or ask for data when people need it",
            )
        if time.monotonic() >= next_look:
            began = time.monotonic()
            if used(run.home) + (used(run.environment) if run.changes else 0) > run.bounds.disk:
                raise _too_large(run)
            # Looking through many files takes time: at most a tenth of it is spent on that.
            next_look = time.monotonic() + max(_LOOK, 10 * (time.monotonic() - began))


def last_line(log: Path) -> str:
    """The last whole line of a log that says something, short and without odd letters."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        whole = file.read().rpartition(b"\n")[0].decode("utf-8", "replace")
        lines = [line.strip() for line in whole.splitlines() if line.strip()]
        return ascii(lines[-1][:80])[1:-1] if lines else ""
    return ""


def used(folder: Path) -> int:
    """Bytes of all files below a folder, as the disk counts them; files may come and go."""
    total = 0
    pending = [folder]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def _too_large(run: Apart) -> HubfleetError:
    return failure(
        "script-too-large",
        f"{run.what} wrote more than {run.bounds.disk // 1024**2} MB",
        place=run.place,
        why="it was stopped before it could fill the disk; nothing of it was kept",
        hint=f"see {run.log}; keep data out of the environment, in people's shared folder",
    )


def _failed(run: Apart, code: int, said: str) -> HubfleetError:
    if code in (128 + signal.SIGXFSZ, -signal.SIGXFSZ) or "File size limit exceeded" in said:
        return _too_large(run)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1][:200] if lines else "it wrote nothing"
    return failure(
        "script-failed",
        f"{run.what} failed (exit code {code})",
        place=run.place,
        why=f"its last line: {ascii(last)[1:-1]}",
        hint=f"see {run.log}; mend the script, then run the same command again",
    )


def _clear(groups: tuple[Path, ...]) -> None:
    deadline = time.monotonic() + 10.0
    while not empty_group(groups) and time.monotonic() < deadline:
        time.sleep(0.02)


def _environment(environment: Path) -> dict[str, str]:
    """Made from nothing: nothing of the operator's own settings reaches a repository's code."""
    return {
        "HOME": str(HOME_INSIDE),
        "USER": "jovyan",
        "REPO_DIR": str(HOME_INSIDE),
        "LANG": "C.UTF-8",
        "PATH": f"{environment}/bin:{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(environment),
        "NB_PYTHON_PREFIX": str(environment),
        "JUPYTER_PATH": f"{environment}/share/jupyter",
        "JUPYTER_RUNTIME_DIR": str(RUNTIME_INSIDE),
        "UV_CACHE_DIR": str(HOME_INSIDE / ".cache" / "uv"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
