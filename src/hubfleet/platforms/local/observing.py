"""What is true of a hub, from its process, its record and its own answer."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from hubfleet import __version__
from hubfleet.planning.observation import ObservedHub, State
from hubfleet.platforms.local import answers
from hubfleet.platforms.local.closing import closing_until
from hubfleet.platforms.local.control_status import ChildStatus, LocalStatus
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.ports import listens
from hubfleet.platforms.local.processes import is_alive, seconds_since
from hubfleet.platforms.local.spec import DamagedFileError, HubSecrets, HubSpec, RunRecord

COME_UP = 90.0
"""Seconds until a hub must answer. A forked hub needs less than one; a machine may be busy."""


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
        return HubSpec.from_json(record.spec)
    except (OSError, ValueError):
        return None


def known(folder: HubFolder) -> HubSpec | None:
    """What the hub runs, else what it should run, else what it ran last.

    None only where both files are damaged.
    """
    if spec := living(folder) or _to_run(folder):
        return spec
    with suppress(OSError, ValueError):
        return HubSpec.from_json(RunRecord.read(folder.run).spec or {})
    return None


def _to_run(folder: HubFolder) -> HubSpec | None:
    with suppress(OSError, ValueError):
        return HubSpec.read(folder.spec)
    return None


def observe_hub(folder: HubFolder, status: LocalStatus) -> ObservedHub:
    """One hub as it is; a hub that is down and that no keeper tries again counts as stopped.

    A hub whose files are damaged is shown without values: whatever is declared is then a change.
    """
    runs = living(folder)
    child = status.hubs.get(folder.name) if status.keeper else None
    state: State
    if runs:
        state = _state_of(folder, runs)
    else:
        state = "crashed" if child and child.state == "crashed" else "stopped"
    note = "; ".join(filter(None, (_damage(folder), _note(state, child))))
    spec = runs or _to_run(folder)
    if spec is None:
        last = known(folder)
        cluster, revision = (last.cluster, last.revision) if last else ("", 0)
        return ObservedHub(folder.name, cluster, state, {}, revision=revision, note=note)
    return ObservedHub(
        name=folder.name,
        cluster=spec.cluster,
        state=state,
        values=spec.flat,
        software=spec.software,
        revision=spec.revision,
        url=spec.url,
        since=_since(folder) if runs else "",
        note=note,
        closing=closing_until(folder.path),
    )


def is_long_up(folder: HubFolder) -> bool:
    """Whether the hub's process has had the time to come up."""
    with suppress(OSError, ValueError):
        return seconds_since(RunRecord.read(folder.run).start_time) >= COME_UP
    return False


def _state_of(folder: HubFolder, runs: HubSpec) -> State:
    """A hub that is long up and does not answer gets a second chance: it may only be busy."""
    if answers_itself(folder, runs):
        return "running"
    if not is_long_up(folder):
        return "starting"
    return "running" if answers_itself(folder, runs) else "hanging"


def answers_itself(folder: HubFolder, runs: HubSpec) -> bool:
    """Whether the hub answers on its port, and not somebody who took the port."""
    try:
        pid = RunRecord.read(folder.run).pid
    except (OSError, ValueError):
        return False
    return answers.hub_answers(runs.port) and listens(pid, runs.port)


def _since(folder: HubFolder) -> str:
    with suppress(OSError, ValueError):
        return RunRecord.read(folder.run).since
    return ""


def _damage(folder: HubFolder) -> str:
    """Which of the hub's files cannot be used, and why; empty when all can."""
    said = []
    for kind, path in (
        (HubSpec, folder.spec),
        (RunRecord, folder.run),
        (HubSecrets, folder.secrets),
    ):
        try:
            kind.read(path)
        except FileNotFoundError:
            pass
        except DamagedFileError as error:
            said.append(f"{path.name} is damaged: {error.why}")
        except OSError as error:
            said.append(f"{path.name} cannot be read: {error.strerror}")
    return "; ".join(said)


def _note(state: State, child: ChildStatus | None) -> str:
    if state == "hanging":
        return "its process lives but does not answer"
    if state != "crashed" or child is None:
        return ""
    ended = f" ({child.last_exit})" if child.last_exit else ""
    again = f", next try at {child.next_try}" if child.next_try else ""
    return f"ended by itself{ended}, {child.failures} times in a row{again}"
