"""The world of the simulated platform: hubs and snapshots as records, in memory or in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import failure
from hubfleet.kit.files import write_atomically
from hubfleet.planning.observation import Observation, ObservedHub, State
from hubfleet.platforms.platform import Snapshot


@dataclass(frozen=True, slots=True)
class SimulatedHub:
    """One hub. `changed`: it runs what this simulation gave it, not what it had at the start."""

    cluster: str
    state: State
    values: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0
    url: str = ""
    since: str = ""
    changed: bool = False
    closing: str = ""

    def observed(self, name: str) -> ObservedHub:
        return ObservedHub(
            name,
            self.cluster,
            self.state,
            self.values,
            self.software,
            self.revision,
            self.url,
            self.since,
            closing=self.closing,
        )


class World:
    """Every change is in the file, if there is one, before the call returns.

    `history` lists what was done for good: (`apply` | `roll-back` | `remove`, hub, revision).
    """

    def __init__(self, path: Path | None = None) -> None:
        self.hubs: dict[str, SimulatedHub] = {}
        self.snapshots: dict[str, tuple[Snapshot, SimulatedHub]] = {}
        self.history: list[tuple[str, str, int]] = []
        self._path = path
        self._lock = Lock()
        if path is not None and path.exists():
            self._read(json.loads(path.read_text()))

    @classmethod
    def seen(cls, observations: Iterable[Observation]) -> World:
        """A world that begins as the real one is."""
        world = cls()
        for observation in observations:
            for hub in observation.hubs.values():
                world.hubs[hub.name] = SimulatedHub(
                    hub.cluster,
                    hub.state,
                    dict(hub.values),
                    dict(hub.software),
                    hub.revision,
                    hub.url,
                    hub.since,
                )
        return world

    def begin(self, name: str, cluster: str, url: str) -> None:
        """An act has begun: until it ends the hub is down, and runs what it ran before."""
        with self._lock:
            before = self.hubs.get(name) or SimulatedHub(cluster, "stopped", url=url)
            self.hubs[name] = replace(before, state="stopped")
            self._write()

    def put(self, name: str, hub: SimulatedHub, what: str) -> None:
        with self._lock:
            self.hubs[name] = hub
            self.history.append((what, name, hub.revision))
            self._write()

    def crash(self, name: str) -> None:
        with self._lock:
            self.hubs[name] = replace(self.hubs[name], state="crashed")
            self._write()

    def close(self, name: str, until: str) -> None:
        """With an empty time, the hub is open again."""
        with self._lock:
            self.hubs[name] = replace(self.hubs[name], closing=until)
            self._write()

    def remove(self, name: str) -> SimulatedHub:
        with self._lock:
            gone = self.hubs.pop(name)
            self.history.append(("remove", name, gone.revision))
            self._write()
            return gone

    def keep(self, name: str, hub: SimulatedHub) -> Snapshot:
        with self._lock:
            number = sum(one.hub == name for one, _ in self.snapshots.values()) + 1
            made = Snapshot(name, f"{name}@{number}", hub.revision, timestamp(), 0, "simulated")
            self.snapshots[made.id] = (made, hub)
            self._write()
            return made

    def kept(self, snapshot: str) -> tuple[Snapshot, SimulatedHub]:
        if snapshot not in self.snapshots:
            raise failure(
                "unknown-snapshot",
                f"there is no snapshot {snapshot!r}",
                hint="this is a simulation: only what was made in it exists",
            )
        return self.snapshots[snapshot]

    def _write(self) -> None:
        if self._path is None:
            return
        facts = {
            "hubs": {name: asdict(hub) for name, hub in self.hubs.items()},
            "snapshots": [[asdict(one), asdict(hub)] for one, hub in self.snapshots.values()],
            "history": self.history,
        }
        write_atomically(self._path, json.dumps(facts))

    def _read(self, facts: dict[str, Any]) -> None:
        self.hubs = {name: SimulatedHub(**hub) for name, hub in facts["hubs"].items()}
        for one, hub in facts["snapshots"]:
            self.snapshots[one["id"]] = (Snapshot(**one), SimulatedHub(**hub))
        self.history = [(what, hub, revision) for what, hub, revision in facts["history"]]
