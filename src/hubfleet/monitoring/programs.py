"""What is installed here: JupyterHub's version, and what promtool and amtool say."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.errors import Problem

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Heard:
    """`asked` are the programs that looked; `absent` those that are not installed."""

    asked: tuple[str, ...]
    absent: tuple[str, ...]
    problems: tuple[Problem, ...]


def installed_jupyterhub() -> str:
    """The version that local hubs run."""
    from importlib.metadata import PackageNotFoundError, version

    from hubfleet.monitoring.watched import UNKNOWN_VERSION

    try:
        return version("jupyterhub")
    except PackageNotFoundError:
        return UNKNOWN_VERSION


def ask_programs(folder: Path) -> Heard:
    """Have the files of a rendering looked at by those who will read them."""
    rules = [str(path) for path in sorted(folder.glob("rules*/*.yml"))]
    calls = {
        "promtool": [
            # Tokens lie on the machine of Prometheus, which need not be this one.
            ["check", "config", "--syntax-only", str(folder / "prometheus.yml")],
            ["check", "rules", *rules],
        ],
        "amtool": [["check-config", str(folder / "alertmanager.yml")]],
    }
    asked, absent, problems = [], [], []
    for program, commands in calls.items():
        path = shutil.which(program)
        if path is None:
            absent.append(program)
            continue
        asked.append(program)
        for command in commands:
            problems += _ask(path, program, command)
    return Heard(tuple(asked), tuple(absent), tuple(problems))


def _ask(path: str, program: str, arguments: list[str]) -> list[Problem]:
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=_LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [_refused(program, arguments, str(error))]
    if done.returncode == 0:
        return []
    return [_refused(program, arguments, " ".join((done.stdout + done.stderr).split()))]


def _refused(program: str, arguments: list[str], why: str) -> Problem:
    return Problem(
        "monitoring-refused",
        f"{program} refuses the rendered files",
        Path(arguments[-1]).name,
        why,
        "render anew; if it stays so, this is a fault of hubfleet's",
    )
