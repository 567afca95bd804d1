"""A console with a fleet of two communities, and browsers that are nobody yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import offices
from tests.fleets import write_fleet
from tests.offices import Office, office_of

offices.start()

HUBS: dict[str, dict[str, Any]] = {
    "ant/prod": {"access": {"sign_in": "console", "admins": ["ada"], "allow": {"users": ["bo"]}}},
    "ant/staging": {"stage": "staging", "access": {"sign_in": "console", "admins": ["ada"]}},
    "bee/prod": {"access": {"sign_in": "console", "admins": ["zoe"]}},
}


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    write_fleet(tmp_path / "fleet", HUBS)
    with office_of(tmp_path / "fleet", tmp_path / "state") as found:
        yield found


@pytest.fixture
def browser(office):
    """Somebody's browser, with CSRF as in the real one."""
    from django.test import Client

    return Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0 Firefox/1 Linux"})
