"""Who comes in, in words; until when; and what the provider is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import HubValues
from hubfleet.fleet.sign_in import (
    access_note,
    callback_url,
    ended_notes,
    is_over,
    people_by_kind,
    people_by_name,
)
from tests.fleets import write_fleet


def hub(**access: Any) -> HubValues:
    chosen = {"sign_in": "shared-password", **access}
    return HubValues.model_validate({"access": chosen, "groups": {"class": ["eve"]}})


def test_people_are_named_by_lists_and_by_groups():
    values = hub(admins=["Ada"], allow={"users": ["bob"], "groups": ["class"]})
    assert people_by_name(values) == {"ada", "bob", "eve"}
    assert people_by_kind(values.access) == ()


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ({"everyone": True}, ("everyone who knows the password, under any name",)),
        ({"sign_in": "console"}, ("users and groups kept in the console",)),
        (
            {"sign_in": "console", "everyone": True, "until": "2026-12-01"},
            (
                "everyone with an account at the console until 2026-12-01",
                "users and groups kept in the console",
            ),
        ),
        (
            {"sign_in": "github", "everyone": True, "until": "2026-12-01"},
            ("everyone with an account on GitHub until 2026-12-01",),
        ),
        (
            {"sign_in": "github", "allow": {"organisations": ["Reef"], "teams": ["moon:dive"]}},
            ("members of reef", "members of moon:dive"),
        ),
        (
            {"sign_in": "google", "allow": {"domains": ["uni.example"]}},
            ("accounts of uni.example",),
        ),
        (
            {
                "sign_in": "oidc",
                "allow": {"groups": ["class"]},
                "oidc": {"groups_claim": "groups", "admin_groups": ["Staff"]},
            },
            ("members of class", "members of Staff as admins"),
        ),
        (
            {
                "sign_in": "cilogon",
                "cilogon": {
                    "idps": [
                        {"id": "urn:a", "username_claim": "eppn", "allow_all": True},
                        {"id": "urn:b", "username_claim": "eppn", "allowed_domains": ["*.b"]},
                    ]
                },
            },
            ("everyone of urn:a", "*.b by urn:b"),
        ),
    ],
)
def test_people_who_are_not_named_are_said_in_words(
    access: dict[str, Any], said: tuple[str, ...]
) -> None:
    assert people_by_kind(hub(**access).access) == said


def test_the_last_day_itself_still_counts():
    access = hub(everyone=True, until="2026-12-01").access
    assert not is_over(access, date(2026, 12, 1))
    assert is_over(access, date(2026, 12, 2))
    assert access_note(access, date(2026, 12, 1)) == "open to everyone until 2026-12-01"
    assert access_note(access, date(2026, 12, 2)) == (
        "open to everyone until 2026-12-01, which has passed: no new sign-in"
    )
    assert access_note(hub(everyone=True).access, date(2026, 12, 2)) == ""


def test_a_fleet_tells_whose_last_day_has_passed(tmp_path: Path):
    access = {"everyone": True, "until": "2026-12-01"}
    fleet = write_fleet(tmp_path, {"earth/prod": {"access": access}, "earth/other": {}})
    assert ended_notes(fleet, date(2026, 12, 1)) == []
    (note,) = ended_notes(fleet, date(2027, 1, 1))
    assert note == (
        "communities/earth/hubs/prod.yaml:3:3: earth/prod was open to everyone until 2026-12-01, "
        "which has passed: no new sign-in"
    )


def test_the_callback_address_is_the_hubs_own():
    elsewhere = callback_url("hub.example.org", on_this_machine=False)
    assert elsewhere == "https://hub.example.org/hub/oauth_callback"
    local = "http://prod-earth.localhost:8000/hub/oauth_callback (or your --port instead of 8000)"
    assert callback_url("prod-earth.localhost", on_this_machine=True) == local
