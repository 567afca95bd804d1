"""A console over two clusters and two communities, with people of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubfleet.kit.clock import now
from tests.fleets import write, write_fleet
from tests.offices import Office, office_of, start

# Before the tests are imported: which settings Django has is decided once in a process.
start()

from tests.scripted import ScriptedDesk  # noqa: E402

CONSOLE = {"sign_in": "console"}
HUBS: dict[str, dict[str, Any]] = {
    "ant/prod": {"title": "Ants", "access": {"admins": ["ann"], "allow": {"users": ["bo"]}}},
    "ant/staging": {"stage": "staging", "access": {"admins": ["ann"]}},
    "bee/prod": {"title": "Bees", "cluster": "cove", "access": {"admins": ["zoe"]}},
    "cat/one": {"access": {"admins": ["cat"]}},
    "cat/two": {"access": {"admins": ["cat"]}},
    "cat/three": {"access": {"admins": ["cat"]}},
}


@dataclass
class Watch:
    """The office of these tests, and short ways to say what happens in the world."""

    office: Office
    desk: ScriptedDesk

    @property
    def fleet(self) -> Any:
        return self.desk.fleet()

    def client(self, login: str = "") -> Any:
        from django.test import Client

        from hubfleet.office.accounts.models import Person

        client = Client(SERVER_NAME="localhost")
        if login:
            client.force_login(
                Person.objects.get(login=login),
                backend="hubfleet.office.accounts.signing_in.OpenAccounts",
            )
        return client

    def turn(self, hub: str, state: str, cause: str = "hub", at: datetime | None = None) -> None:
        """Our own checks are sure of it."""
        from hubfleet.office.reactions import turns
        from hubfleet.office.watching.models import Turn

        at = at or now()
        Turn.objects.create(
            hub=hub, state=state, cause="" if state == "up" else cause,
            what=f"{hub} does not answer" if state != "up" else "", began_at=at, at=at,
        )  # fmt: skip
        turns.react()

    def probe(self, hub: str, verdict: str = "healthy", at: datetime | None = None) -> None:
        from hubfleet.office.watching.models import ProbeRecord

        cause = "" if verdict == "healthy" else "the server did not start"
        ProbeRecord.objects.create(hub=hub, at=at or now(), verdict=verdict, seconds=1, cause=cause)

    def follow(self, after: timedelta = timedelta(0)) -> list[str]:
        """One turn of the loop, so much later; the hubs that it asked a probe of."""
        from hubfleet.office.incidents import following, intake
        from hubfleet.office.incidents.models import Incident

        asked: list[str] = []
        at = now() + after
        intake.reconsider(self.fleet, at)
        for number in Incident.objects.filter(resolved_at=None).values_list("pk", flat=True):
            following.keep_up(number, self.fleet, at, lambda hub, _by: asked.append(hub))
        return asked

    def incidents(self) -> list[Any]:
        from hubfleet.office.incidents.models import Incident

        return list(Incident.objects.order_by("id"))

    def hubs(self, incident: Any) -> list[str]:
        return list(incident.affected.order_by("hub").values_list("hub", flat=True))

    def pages(self) -> list[tuple[str, str]]:
        """Key and priority of every page."""
        from hubfleet.office.oncall.models import Page

        return list(Page.objects.order_by("id").values_list("key", "priority"))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    from hubfleet import wiring
    from hubfleet.office import ports
    from hubfleet.office.watching import latest

    root = tmp_path / "fleet"
    write_fleet(root, HUBS, defaults={"access": CONSOLE})
    for name, login in (("ant", "ada"), ("bee", "zoe"), ("cat", "cat")):
        people = [{"name": f"{login.title()} X", "email": f"{login}@example.org", "login": login}]
        declared: dict[str, Any] = {"name": name.title(), "representatives": people}
        if name == "bee":
            declared["responsibilities"] = {"respond-to-incidents": "community"}
        write(root / f"communities/{name}/community.yaml", declared)
    with office_of(root, tmp_path / "state") as office:
        desk = ScriptedDesk(wiring.open_installation(root, tmp_path / "state"))
        ports.install(desk)
        latest._latest.clear()
        for login in ("ada", "ann", "bo", "zoe", "cat"):
            office.person(login)
        office.person("eve", "engineer")
        office.person("max", "engineer")
        office.person("sue", "support-triager")
        office.person("lea", "leadership")
        yield Watch(office, desk)
        latest._latest.clear()
