"""An office over a scripted fleet whose hubs are read at times that a test makes up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fleets import write_fleet
from tests.offices import Office, office_of, start

# Before the tests are imported: which settings Django has is decided once in a process.
start()

from hubfleet.meters.samples import (  # noqa: E402
    BriefServer,
    HubSample,
    ServerSample,
    SpawnCounters,
)
from tests.scripted import ScriptedDesk  # noqa: E402

HUBS: dict[str, dict[str, Any]] = {
    "ant/prod": {"access": {"sign_in": "console", "admins": ["ada"]}},
    "ant/staging": {"stage": "staging", "access": {"sign_in": "console", "admins": ["ada"]}},
    "bee/prod": {"access": {"sign_in": "console", "admins": ["zoe"]}},
}
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
"""A Wednesday."""
GIB = 1024**3


@dataclass
class Place:
    """The office and its desk."""

    office: Office
    desk: ScriptedDesk
    clock: Any
    """Sets the time for the room."""

    def read(
        self,
        hub: str,
        at: datetime,
        *servers: ServerSample,
        spawns: SpawnCounters | None = None,
        brief: tuple[BriefServer, ...] = (),
    ) -> None:
        """One round in which this hub alone answers."""
        from hubfleet.office.usage import sampling

        self.clock(at)
        self.desk.samples = {hub: HubSample(hub, at, servers, spawns, brief)}
        sampling.work()

    def people(self, scope: str, kind: str) -> dict[str, int]:
        from hubfleet.office.usage.models import People

        rows = People.objects.filter(scope=scope, kind=kind).order_by("start")
        return {row.start.isoformat(): row.count for row in rows}

    def day(self, scope: str, day: str = "2026-11-18") -> Any:
        from hubfleet.office.usage.models import UseDay

        return UseDay.objects.filter(scope=scope, day=day).first() or UseDay()


def server(user: str, started: datetime, **more: Any) -> ServerSample:
    return ServerSample(user, more.pop("name", ""), started, **more)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    from hubfleet import wiring
    from hubfleet.office import ports
    from hubfleet.office.usage import adding, sampling

    root = tmp_path / "fleet"
    write_fleet(root, HUBS)
    with office_of(root, tmp_path / "state") as office:
        desk = ScriptedDesk(wiring.open_installation(root, tmp_path / "state"))
        ports.install(desk)

        def clock(at: datetime) -> None:
            monkeypatch.setattr(sampling, "now", lambda: at)
            monkeypatch.setattr(adding, "now", lambda: at)

        yield Place(office, desk, clock)
