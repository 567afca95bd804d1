"""What the office needs from the running fleet: one port, implemented by `hubfleet.wiring`.

The lowest room of the office, so that every room may ask. `install` is called once, when the
office starts; afterwards `desk()` gives the fleet's desk to whoever asks, from any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import Problem
from hubfleet.meters.samples import HubSample, Since
from hubfleet.planning.observation import Observation
from hubfleet.planning.plan import Plan
from hubfleet.planning.schedule import Schedule
from hubfleet.platforms.platform import RollbackPreview, Snapshot
from hubfleet.platforms.remaining import ClusterRemains
from hubfleet.probes.light import LightResult
from hubfleet.probes.verdict import ProbeResult


@dataclass(frozen=True, slots=True)
class HubApi:
    """How to speak to a hub's own API; `token` is a secret and `repr` leaves it out.

    `url` is the hub's public address with a trailing slash. `connect_to` is the host and port to
    open when the name in it is one that only browsers resolve.
    """

    url: str
    connect_to: tuple[str, int] | None
    token: str

    def __repr__(self) -> str:
        return f"HubApi(url={self.url!r})"


class FleetDesk(Protocol):
    """The fleet as it is declared and as it runs. Every call may raise `HubfleetError`."""

    @property
    def root(self) -> Path:
        """The folder of the declaration."""
        ...

    @property
    def state(self) -> Path:
        """The state folder."""
        ...

    def fleet(self) -> Fleet:
        """As the files say; as they last said without errors while they have some.

        Looks at the files at most once a second.
        """
        ...

    def reload(self) -> Fleet:
        """The same, looking at the files now: for whoever has just changed one."""
        ...

    def troubles(self) -> tuple[Problem, ...]:
        """Why `fleet` is not what the files say now; empty when it is."""
        ...

    def observe(self) -> list[Observation]:
        """What every cluster holds now."""
        ...

    def plan(self) -> Plan:
        """What `apply` would do now."""
        ...

    def schedule(self, plan: Plan) -> Schedule:
        """When each step of the plan would begin."""
        ...

    def objections(self, plan: Plan) -> tuple[Problem, ...]:
        """Why `apply` would refuse the plan as it stands, a freeze included."""
        ...

    def people(self) -> Mapping[str, Sequence[str]]:
        """Who has a server running now, by hub; hubs without anybody are left out."""
        ...

    def logs(self, hub: str, lines: int) -> list[str]:
        """The last lines of a hub's log, oldest first."""
        ...

    def probe(self, names: Sequence[str]) -> list[ProbeResult]:
        """Walk a person's path through these hubs now; takes many seconds."""
        ...

    def check(self, urls: Mapping[str, str], certificate_days: int) -> list[LightResult]:
        """Ask these hubs whether they answer; `urls` are the addresses that they had last."""
        ...

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        """What a hub can go back to, oldest first."""
        ...

    def preview_rollback(self, hub: str, snapshot: str) -> RollbackPreview:
        """What going back would do; changes nothing."""
        ...

    def hub_api(self, hub: str) -> HubApi:
        """How to speak to the hub's own API."""
        ...

    def sample(self, hub: str, since: Since | None = None) -> HubSample:
        """Whose servers run on a declared hub now, and what they take; raises `hub-not-read`.

        `since` is the reading before this one: servers that came and went in between are found.
        """
        ...

    def remains(self, hub: str, cluster: str) -> ClusterRemains:
        """What a hub left on a cluster; raises `cluster-not-declared`, or why nobody can look."""
        ...

    def program(self) -> list[str]:
        """The words that start `hubfleet` on this fleet and state folder in another process.

        The command follows them: `[*program(), "apply", "--yes", *where()]`.
        """
        ...

    def where(self) -> list[str]:
        """`--fleet DIR --state DIR` for a command started with `program`."""
        ...


_desk: list[FleetDesk] = []


def install(chosen: FleetDesk) -> None:
    """Make this the desk that everybody asks; the last one counts."""
    _desk[:] = [chosen]


def desk() -> FleetDesk:
    """The fleet's desk."""
    if not _desk:
        raise RuntimeError("the office was not started: nobody installed a fleet desk")
    return _desk[0]
