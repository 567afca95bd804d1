"""A console over two communities under git, with people of every kind, asked without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleets import write, write_fleet
from tests.offices import Office, in_git, office_of, start

# Before the tests are imported: which settings Django has is decided once in a process.
start()

DEFAULTS = {"access": {"sign_in": "console", "admins": ["ada", "ann"], "allow": {"users": ["bo"]}}}


def write_two(root: Path) -> None:
    """`ant` with ada as representative and ann as admin; `bee` with bea as both."""
    root.mkdir()
    hubs: dict[str, dict[str, Any]] = {"ant/staging": {"stage": "staging"}, "ant/prod": {}}
    write_fleet(root, {**hubs, "bee/prod": {}}, defaults=DEFAULTS)
    people = [{"name": "Bea Example", "email": "bea@example.org", "login": "bea"}]
    write(root / "communities/bee/community.yaml", {"name": "Bee", "representatives": people})
    write(root / "communities/bee/hubs/prod.yaml", {"access": {"admins": ["bea"]}})
    in_git(root)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    write_two(tmp_path / "fleet")
    with office_of(tmp_path / "fleet", tmp_path / "state") as made:
        for login in ("ada", "ann", "bea", "bo"):
            made.person(login)
        made.person("eve", "engineer")
        made.person("lea", "leadership")
        yield made


@pytest.fixture
def browse(office: Office) -> Callable[..., Any]:
    """A client that checks CSRF tokens, signed in as that login; nobody without one."""
    from django.test import Client

    from hubfleet.office.accounts.models import Person

    def client(login: str = "", *, checks: bool = False) -> Client:
        made = Client(enforce_csrf_checks=checks)
        if login:
            made.force_login(Person.objects.get(login=login))
        return made

    return client


def entries(**wanted: Any) -> list[tuple[str, str, str, str]]:
    """Who, act, where and outcome of audited acts."""
    from hubfleet.office.audit.models import Entry

    rows = Entry.objects.filter(**wanted).order_by("id")
    return [(row.who, row.act, row.hub or row.community, row.outcome) for row in rows]
