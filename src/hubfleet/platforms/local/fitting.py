"""Whether this machine can give what hubs declare: memory, CPUs, programs.

`objections` are refusals at plan time; `oversized` are sentences for the operator about limits that
no person can ever reach, which do no harm.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hubfleet.fleet.model import Hub, HubValues
from hubfleet.fleet.profiles import every_terms
from hubfleet.kit.errors import Place, Problem
from hubfleet.kit.units import format_memory, parse_memory

_PACKAGES = ("jupyter_server_proxy", "jupyter_rsession_proxy", "jupyter_collaboration")
_RSTUDIO_PLACES = ("/usr/lib/rstudio-server/bin", "/usr/local/lib/rstudio-server/bin")


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is: bytes, CPUs, Python packages beside people's servers, RStudio's server."""

    memory: int
    cpus: int
    packages: frozenset[str]
    rstudio: bool

    @classmethod
    def this(cls) -> Machine:
        """The machine and account that this process runs on."""
        return cls(
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            cpus=len(os.sched_getaffinity(0)),
            packages=frozenset(name for name in _PACKAGES if find_spec(name)),
            rstudio=shutil.which("rserver") is not None
            or any(Path(folder, "rserver").exists() for folder in _RSTUDIO_PLACES),
        )


def objections(hub: Hub, machine: Machine) -> Iterator[Problem]:
    """Why this machine cannot run a hub as it is declared."""
    yield from _guarantees(hub, machine)
    values = hub.values
    wanted = {profile.interface for profile in values.profiles} | {values.interface}
    missing = _missing_for_rstudio(machine)
    if "rstudio" in wanted and missing:
        key = "interface" if values.interface == "rstudio" else "profiles"
        yield Problem(
            "no-rstudio",
            f"{hub.name} opens RStudio, which is not installed here",
            _place(hub, key),
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.",
            "install RStudio Server on this machine, and jupyter-server-proxy and "
            "jupyter-rsession-proxy beside hubfleet; or use another `interface`",
        )
    if values.collaboration and "jupyter_collaboration" not in machine.packages:
        yield Problem(
            "no-collaboration",
            f"{hub.name} lets people work together, for which a part is not installed here",
            _place(hub, "collaboration"),
            "JupyterLab needs the package jupyter-collaboration for it.",
            "install jupyter-collaboration beside hubfleet, or remove `collaboration: true`",
        )


def _missing_for_rstudio(machine: Machine) -> list[str]:
    parts = {
        "RStudio Server": machine.rstudio,
        "jupyter-server-proxy": "jupyter_server_proxy" in machine.packages,
        "jupyter-rsession-proxy": "jupyter_rsession_proxy" in machine.packages,
    }
    return [name for name, there in parts.items() if not there]


def _guarantees(hub: Hub, machine: Machine) -> Iterator[Problem]:
    """The largest guarantee of each kind, where it is more than there is."""
    terms = [found.guarantees for _, found in every_terms(hub.values)]
    memory = max((parse_memory(found.memory) for found in terms if found.memory), default=0)
    cpu = max((found.cpu for found in terms if found.cpu is not None), default=0)
    for amount, most, key, text in (
        (memory, machine.memory, "memory", f"{_short(memory)} of memory"),
        (cpu, machine.cpus, "cpu", f"{cpu:g} CPUs"),
    ):
        if amount > most:
            there = f"{_short(machine.memory)}" if key == "memory" else f"{machine.cpus} CPUs"
            yield Problem(
                "guarantee-over-machine",
                f"{hub.name} guarantees {text} to one person",
                _place(hub, f"guarantees.{key}", "profiles"),
                f"This machine has {there}.",
                "lower the guarantee, or run the hub on a larger machine",
            )


def oversized(hubs: Mapping[str, HubValues], machine: Machine) -> Iterator[str]:
    """One sentence for each hub whose largest limit is more than this machine has."""
    for name, values in hubs.items():
        limits = [found.limits for _, found in every_terms(values)]
        memory = max((parse_memory(found.memory) for found in limits if found.memory), default=0)
        cpu = max((found.cpu for found in limits if found.cpu is not None), default=0.0)
        over = []
        if memory > machine.memory:
            over.append(f"{_short(memory)} of memory (there are {_short(machine.memory)})")
        if cpu > machine.cpus:
            over.append(f"{cpu:g} CPUs (there are {machine.cpus})")
        if over:
            yield (
                f"{name} offers up to {' and '.join(over)}: "
                "nobody can get more than this machine has."
            )


def _short(amount: int) -> str:
    """Exact where it was declared, rounded where a machine has an odd amount."""
    exact = format_memory(amount)
    return exact if len(exact) < 7 else f"{amount / 1024**3:.1f}G"


def _place(hub: Hub, *keys: str) -> Place:
    """Where the first of the keys that a file sets was written."""
    found = (hub.effective[key].place for key in keys if key in hub.effective)
    return next((place for place in found if place is not None), hub.place)
