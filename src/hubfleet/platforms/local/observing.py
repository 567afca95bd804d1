"""What is true of a hub, from its process, its record and its own answer."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from hubfleet import __version__
from hubfleet.planning.observation import ObservedHub, State
from hubfleet.platforms.local import answers
from hubfleet.platforms.local.control_status import ChildStatus, LocalStatus
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.spec import HubSpec, RunRecord


@cache
def software() -> dict[str, str]:
    """The versions that a hub would be started with now; empty where JupyterHub is missing."""
    with suppress(PackageNotFoundError):
        return {"hubfleet": __version__, "jupyterhub": version("jupyterhub")}
    return {}


def living(folder: HubFolder) -> HubSpec | None:
    """What the hub's process was started with; None when it does not live."""
    try:
        record = RunRecord.read(folder.run)
        if record.spec is None or not is_alive(record.pid, record.start_time, record.boot):
            return None
        return HubSpec(**record.spec)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def observe_hub(folder: HubFolder, status: LocalStatus) -> ObservedHub:
    """One hub as it is; a hub that is down and that no keeper tries again counts as stopped."""
    runs = living(folder)
    spec = runs or HubSpec.read(folder.spec)
    child = status.hubs.get(folder.name) if status.keeper else None
    state: State
    if runs:
        state = "running" if answers.hub_answers(runs.port) else "starting"
    else:
        state = "crashed" if child and child.state == "crashed" else "stopped"
    return ObservedHub(
        name=folder.name,
        cluster=spec.cluster,
        state=state,
        values=spec.flat,
        software=spec.software,
        revision=spec.revision,
        url=spec.url,
        since=_since(folder) if runs else "",
        note=_note(state, child),
    )


def _since(folder: HubFolder) -> str:
    with suppress(OSError, ValueError, TypeError):
        return RunRecord.read(folder.run).since
    return ""


def _note(state: State, child: ChildStatus | None) -> str:
    if state != "crashed" or child is None:
        return ""
    ended = f" ({child.last_exit})" if child.last_exit else ""
    again = f", next try at {child.next_try}" if child.next_try else ""
    return f"ended by itself{ended}, {child.failures} times in a row{again}"
