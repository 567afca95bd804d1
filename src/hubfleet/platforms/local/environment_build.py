"""Building one environment with uv, and saying in plain words why it could not be built.

In this order: `find_python`, `resolve` to a lock, `install` from the lock, compile. Requirements
reach uv on its standard input or in a file, never in a shell's words.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hubfleet.kit.errors import HubfleetError, Place, failure

_MINUTES = {"find": 1, "resolve": 5, "install": 30}

Phase = Literal["find", "resolve", "install"]

_UNREACHABLE = (
    "error sending request",
    "dns error",
    "Connection refused",
    "tcp connect error",
    "operation timed out",
    "request failed after",
    "Could not connect",
    "Network connectivity is disabled",
)
_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "os error 28")


@dataclass(frozen=True, slots=True)
class Builder:
    """What to build. `lock` is a descriptor that uv inherits, so that it is held until uv ends."""

    packages: list[str]
    python: str | None
    place: Place | None
    lock: int | None
    report: Callable[[str], None]
    constraints: list[str] = field(default_factory=list)

    @property
    def version(self) -> str:
        """The Python it is built for, such as `3.12`."""
        return self.python or f"{sys.version_info.major}.{sys.version_info.minor}"

    def find_python(self, log: Path) -> str:
        """The interpreter to build for; never downloads one."""
        if self.python in {None, f"{sys.version_info.major}.{sys.version_info.minor}"}:
            return sys.executable
        found = self._uv("find", log, "python", "find", "--no-python-downloads", str(self.python))
        return found.strip()

    def resolve(self, interpreter: str, log: Path, previous: str = "") -> str:
        """The exact versions of everything, with hashes; those of `previous` where they fit."""
        self.report("resolving packages")
        options = ["--python", interpreter, "--only-binary", ":all:", "--generate-hashes"]
        options += ["--no-annotate", "--no-header", "--no-python-downloads"]
        given = "\n".join(self.packages) + "\n"
        with tempfile.TemporaryDirectory(dir=log.parent) as folder:
            constraints, answer = Path(folder) / "constraints.txt", Path(folder) / "lock.txt"
            constraints.write_text("\n".join(self.constraints) + "\n")
            answer.write_text(previous)
            files = ["--constraints", str(constraints), "--output-file", str(answer)]
            self._uv("resolve", log, "pip", "compile", "-", *options, *files, given=given)
            return answer.read_text()

    def install(
        self, interpreter: str, lock: Path, path: Path, log: Path, *, own_files: bool
    ) -> None:
        """A new environment at `path` with what the lock says.

        `own_files` for one that somebody's code will write to: the others share their files with
        uv's cache, and so with every other environment.
        """
        self.report("installing packages")
        self._uv(
            "install", log, "venv", "--no-python-downloads", "--python", interpreter, str(path)
        )
        target = ("--python", str(path / "bin" / "python"))
        exact = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirements")
        copy = ("--link-mode", "copy") if own_files else ()
        self._uv("install", log, "pip", "install", *target, *copy, *exact, str(lock))

    def compile_now(self, interpreter: str, path: Path) -> None:
        """Write the bytecode of all packages, and wait for it."""
        self.report("compiling packages")
        subprocess.run(_compile(interpreter, path), check=False, **_UNSEEN)

    def compile_later(self, interpreter: str, path: Path, busy: Path) -> None:
        """The same behind other work, while the environment is used already.

        It takes longer than all the rest, and whoever imports a package before it was compiled
        only waits longer for it. `busy` stays locked until it is done.
        """
        with busy.open("w") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The shell ends at once, so that nobody has to wait for the compiler.
            command = ["/bin/sh", "-c", 'nice -n 19 "$@" &', "sh", *_compile(interpreter, path)]
            session: dict[str, Any] = {"start_new_session": True, "pass_fds": [file.fileno()]}
            subprocess.run(command, check=False, **session, **_UNSEEN)

    def _uv(self, phase: Phase, log: Path, *arguments: str, given: str = "") -> str:
        command = [_uv_program(), *arguments, "--color", "never", "--no-progress"]
        with subprocess.Popen(
            command,
            cwd=log.parent,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=() if self.lock is None else (self.lock,),
            start_new_session=True,
        ) as process:
            try:
                output, messages = process.communicate(given, timeout=_MINUTES[phase] * 60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise failure(
                    "environment-timeout",
                    f"the environment was not built: uv took more than {_MINUTES[phase]} minutes",
                    place=self.place,
                    why=f"it was to {phase} {', '.join(self.packages)}",
                    hint=f"see {log}; try again when the package index answers quicker",
                ) from None
            except BaseException:
                process.kill()
                raise
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ uv {' '.join(arguments)}\n{messages}\n")
        if process.returncode:
            raise explain(phase, messages, python=self.python, place=self.place, log=log)
        return output


_UNSEEN: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.DEVNULL,
    "stderr": subprocess.DEVNULL,
}


def _compile(interpreter: str, path: Path) -> list[str]:
    """Without `site`: installed packages could bring files that run when Python starts.

    Tests of packages, a third of all that there is, are left out: nobody imports them.
    """
    folders = map(str, path.glob("lib/python3.*/site-packages"))
    options = ("-I", "-S", "-m", "compileall", "-q", "-j", "2", "-x", "site-packages/.*/tests?/")
    return [interpreter, *options, *folders]


def explain(
    phase: Phase, messages: str, *, python: str | None, place: Place | None, log: Path
) -> HubfleetError:
    """The error for what uv wrote before it gave up."""
    if any(sign in messages for sign in _FULL):
        return disk_full(log.parent.parent)
    if phase == "find":
        return failure(
            "python-not-available",
            f"Python {python} is not on this machine",
            place=place,
            why="uv found no such interpreter",
            hint=f"install it (`uv python install {python}` does without root), or leave out "
            "`environment.python` to use the one that hubfleet runs on",
        )
    if any(sign in messages for sign in _UNREACHABLE):
        return failure(
            "package-index-unreachable",
            "the package index cannot be reached",
            place=place,
            why=_reason(messages, last=True),
            hint="check this machine's network, or set UV_DEFAULT_INDEX to another index",
        )
    if "no wheels" in messages or "no usable wheels" in messages or "no-build" in messages:
        return failure(
            "package-without-wheel",
            "a package exists only as source for this Python and machine",
            place=place,
            why=_reason(messages),
            hint="choose a version that has a wheel, or another Python; sources are not built, "
            "because that would run their code outside the sandbox",
        )
    if "was yanked" in messages:
        return failure(
            "package-yanked",
            "a package was withdrawn by its authors",
            place=place,
            why=_reason(messages),
            hint=f"choose another version, or pin exactly this one to use it anyway; see {log}",
        )
    code = "package-unresolvable" if phase == "resolve" else "environment-failed"
    what = "the packages cannot be installed together" if phase == "resolve" else "uv gave up"
    hint = "correct the name or the versions" if phase == "resolve" else "try again"
    return failure(code, what, place=place, why=_reason(messages), hint=f"{hint}; see {log}")


def disk_full(folder: Path) -> HubfleetError:
    """No room for an environment below `folder`."""
    return failure(
        "disk-full",
        "the environment was not built: the disk is full",
        place=str(folder),
        why="an environment needs some hundred megabytes",
        hint="free some space and run the same command again; nothing half-built was kept",
    )


def _reason(messages: str, *, last: bool = False) -> str:
    """Uv's reason in one short line, without its chain of words."""
    causes = re.findall(r"^\s*(?:cause:|╰─▶|├─▶)\s*(.+(?:\n {5,}\S.*)*)", messages, re.MULTILINE)
    if not causes:
        causes = re.findall(r"^error:\s*(.+)", messages, re.MULTILINE)
    text = " ".join((causes[-1 if last else 0] if causes else "uv gave no reason").split())
    text = re.sub(r"(?:,? and you require [^,]+)?,? (?:so )?we can conclude that .*", "", text)
    text = re.sub(r"^Because ", "", text)
    return text if len(text) <= 300 else text[:297] + "..."


def _uv_program() -> str:
    """The uv that comes with hubfleet; imported late, as only builds need it."""
    import uv

    return str(uv.find_uv_bin())


def _environment() -> dict[str, str]:
    """What uv may know: people's own settings of index and cache, but no other environment."""
    hidden = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON"}
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    # Certificates as the machine knows them: an organisation may have added its own.
    return {"UV_NATIVE_TLS": "1", **kept}
