"""A console over a scripted fleet: the real declaration and tables, made-up observations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fleets import write, write_fleet
from tests.offices import Office, office_of, start

# Before the tests are imported: which settings Django has is decided once in a process.
start()

from tests.scripted import ScriptedDesk  # noqa: E402

CONSOLE = {"sign_in": "console"}
HUBS = {
    "ant/prod": {"title": "Ants", "access": {"admins": ["ada"], "allow": {"users": ["bo"]}}},
    "ant/staging": {"stage": "staging", "access": {"admins": ["ada"]}},
    "bee/prod": {"title": "Bees", "cluster": "cove", "access": {"admins": ["zoe"]}},
}


@dataclass
class Console:
    """The office, its scripted desk, and a way to ask for pages as somebody."""

    office: Office
    desk: ScriptedDesk

    def client(self, login: str = "", *staff: str) -> Any:
        from django.test import Client

        client = Client(enforce_csrf_checks=False, SERVER_NAME="localhost")
        if login:
            from hubfleet.office.accounts.models import Person

            found = Person.objects.filter(login=login).first()
            client.force_login(
                found or self.office.person(login, *staff),
                backend="hubfleet.office.accounts.signing_in.OpenAccounts",
            )
        return client

    def look(self) -> None:
        from hubfleet.office.watching import observing

        observing.look()

    def acts(self, **wanted: Any) -> list[Any]:
        from hubfleet.office.audit.models import Entry

        return list(Entry.objects.filter(**wanted).order_by("id"))


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    from hubfleet import wiring
    from hubfleet.office import ports
    from hubfleet.office.watching import latest

    root = tmp_path / "fleet"
    write_fleet(root, HUBS, defaults={"access": CONSOLE})
    zoe = {"name": "Zoe Example", "email": "zoe@example.org", "login": "zoe"}
    write(root / "communities/bee/community.yaml", {"name": "Bee", "representatives": [zoe]})
    with office_of(root, tmp_path / "state") as office:
        desk = ScriptedDesk(wiring.open_installation(root, tmp_path / "state"))
        ports.install(desk)
        latest._latest.clear()
        made = Console(office, desk)
        made.look()
        yield made
        latest._latest.clear()


@pytest.fixture
def ledger(console: Console) -> Iterator[Any]:
    from hubfleet.office.site.opening import open_ledger

    with open_ledger(console.office.state, version="0.0.0") as opened:
        yield opened


@pytest.fixture
def until() -> Any:
    from tests.places import until as wait

    return lambda true: wait(true, "what was asked for")
