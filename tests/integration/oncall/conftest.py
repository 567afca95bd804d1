"""An office whose fleet has people on call, with PagerDuty and a chat service standing in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fleets import write, write_fleet
from tests.integration.oncall import standing_in
from tests.integration.oncall.standing_in import StandIn
from tests.offices import Office, office_of, start

start()

KEY = "0123456789abcdefcanary0123456789"
HOOK = "canary-of-the-webhook"
CANARIES = ("canary", KEY, HOOK)


def turns(*people: str, **more: Any) -> dict[str, Any]:
    """A rotation in which the first person has it for ten days yet."""
    began = datetime.now(UTC).date() - timedelta(days=3)
    hand_over = {"day": f"{began:%A}".lower(), "at": "00:00"}
    return {"people": [*people], "start": f"{began}", "every": "2w", "hand_over": hand_over, **more}


ONCALL: dict[str, Any] = {
    "people": {
        "ada": {"name": "Ada Example", "login": "ada", "email": "ada@example.org"},
        "ben": {"name": "Ben Example", "email": "ben@example.org"},
    },
    "rotations": {"primary": turns("ada", "ben")},
    "escalation": {
        "P1": [
            {"to": "primary"},
            {"to": "pager"},
            {"to": "primary", "turn": "next", "after": "30m"},
            {"to": "contact", "after": "30m"},
        ]
    },
}
HUBS: dict[str, Any] = {"earth/prod": {}, "moon/prod": {}}


@dataclass
class Room:
    """The office, and what stands in for the world."""

    office: Office
    pagerduty: StandIn
    chat: StandIn

    def page(self, key: str = "hubfleet/earth/prod/down", **more: Any) -> Any:
        from hubfleet.office.oncall import paging
        from hubfleet.office.oncall.models import Page

        told = {"hub": "earth/prod", "community": "earth", "priority": "P1"}
        text = {"summary": "Earth is down", "text": "No answer.", "url": "http://localhost/i/1"}
        paging.page(key, **{**told, **text, **more})
        return Page.objects.filter(key=key).latest("id")

    def turn(self, at: datetime) -> None:
        """What the console's loops do at a moment."""
        from hubfleet.office.oncall import delivering, escalating

        escalating.work(at)
        delivering.deliver_due(at)

    def sent(self, page: Any) -> list[tuple[str, str, str, str]]:
        rows = page.deliveries.order_by("id")
        return [(row.act, row.way, row.to, row.state) for row in rows]

    def letters(self) -> list[tuple[str, str]]:
        from hubfleet.office.post.models import Message

        return [(one.recipient, one.subject) for one in Message.objects.order_by("id")]


def write_oncall(root: Path, pager: str, chat: str, **changes: Any) -> None:
    """`oncall.yaml` and its secrets, sealed for the key of this test."""
    from hubfleet.fleet.secrets.age import Identity, seal

    services = {"pager": {"events": f"https://{pager}"}}
    write(root / "oncall.yaml", {**ONCALL, "pagerduty": services, **changes})
    keys = Identity().public_keys()

    def sealed(value: str, key: str) -> str:
        return seal(value, f"oncall.secret.yaml:{key}", keys)

    channel = f"json://canary:canary@{chat}/"
    secrets = {
        "people": {"ada": {"channels": {"phone": sealed(channel, "people.ada.channels.phone")}}},
        "pagerduty": {"pager": {"routing_key": sealed(KEY, "pagerduty.pager.routing_key")}},
        "pagerduty_webhook": {"secret": sealed(HOOK, "pagerduty_webhook.secret")},
    }
    (root / "oncall.secret.yaml").write_text(yaml.safe_dump(secrets))


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    from hubfleet.fleet.secrets.own_key import make_identity

    monkeypatch.setenv("HUBFLEET_AGE_KEY_FILE", str(tmp_path / "age.key"))
    make_identity(tmp_path / "age.key")
    certificate = standing_in.certificate_in(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    root = tmp_path / "fleet"
    write_fleet(root, HUBS)
    with standing_in.pagerduty(certificate) as pager, standing_in.chat() as chat:
        write_oncall(root, pager.address, chat.address)
        with office_of(root, tmp_path / "state") as office:
            yield Room(office, pager, chat)


@pytest.fixture
def at() -> datetime:
    """Now: in the middle of a turn of Ada's."""
    from hubfleet.kit.clock import now

    return now()
