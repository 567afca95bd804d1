"""A console with three hubs that were created and do not run, and people of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import offices
from tests.fleets import write_fleet
from tests.integration.identity.asking import Hub, created
from tests.offices import Office, office_of

offices.start()

CONSOLE: dict[str, Any] = {"sign_in": "console", "admins": ["ada"], "allow": {"users": ["bo"]}}
HUBS: dict[str, dict[str, Any]] = {
    "ant/prod": {"access": CONSOLE},
    "bee/prod": {"access": {"sign_in": "console", "admins": ["zoe"], "allow": {"users": []}}},
    "bee/closed": {"access": {"sign_in": "shared-password", "admins": ["zoe"]}},
}


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    write_fleet(tmp_path / "fleet", HUBS)
    with office_of(tmp_path / "fleet", tmp_path / "state") as found:
        for name in HUBS:
            created(found, name)
        yield found


@pytest.fixture
def ant(office) -> Hub:
    return Hub(office, "ant/prod")


@pytest.fixture
def bee(office) -> Hub:
    return Hub(office, "bee/prod")


@pytest.fixture
def browser():
    """Somebody's browser, with CSRF as in the real one."""
    from django.test import Client

    return Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0 Firefox/1 Linux"})
