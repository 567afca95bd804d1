"""PagerDuty calls back: who is it, what does it say, and was it heard before?"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.integration.oncall.conftest import HOOK, Room

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ADDRESS = "/api/pages/pagerduty"


def event(kind: str, at: datetime, number: str = "E1", **more: Any) -> bytes:
    data = {"id": "Q1", "type": "incident", "incident_key": "hubfleet/earth/prod/down", **more}
    inside = {
        "id": number,
        "event_type": f"incident.{kind}",
        "resource_type": "incident",
        "occurred_at": at.isoformat(),
        "agent": {"id": "P1", "summary": "Ben Example", "type": "user_reference"},
        "data": data,
    }
    return json.dumps({"event": inside}).encode()


def signature(body: bytes, secret: str = HOOK) -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def call(body: bytes, signed: str | None = None, **more: Any) -> Any:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    headers = {"X-PagerDuty-Signature": signature(body) if signed is None else signed}
    return client.post(ADDRESS, body, content_type="application/json", headers=headers, **more)


def test_an_acknowledgement_there_is_one_here(room: Room, at: datetime):
    from hubfleet.office.audit.models import Entry
    from hubfleet.office.oncall.signals import acknowledged

    heard: list[tuple[str, str]] = []

    def listen(key: str, by: str, **_: Any) -> None:
        heard.append((key, by))

    acknowledged.connect(listen)
    page = room.page()
    room.turn(at + SECOND)
    answer = call(event("acknowledged", at))
    acknowledged.disconnect(listen)

    assert (answer.status_code, answer.json()) == (202, {"done": True})
    page.refresh_from_db()
    assert page.acknowledged_by == "Ben Example at PagerDuty"
    assert heard == [("hubfleet/earth/prod/down", "Ben Example at PagerDuty")]
    room.turn(at + MINUTE)
    # It need not be told what it said; the people do.
    assert [act for act, _ in room.pagerduty.acts()] == ["trigger"]
    assert room.letters()[-1][1] == "[P1, Ben Example at PagerDuty has it] Earth is down"
    [entry] = Entry.objects.filter(act="page-acknowledge")
    assert (entry.hub, entry.what) == (
        "earth/prod",
        "took on the page `hubfleet/earth/prod/down`",
    )


def test_a_resolution_there_settles_it_here(room: Room, at: datetime):
    page = room.page()
    room.turn(at + SECOND)

    assert call(event("resolved", at)).json() == {"done": True}
    page.refresh_from_db()
    assert page.settled_at is not None


def test_the_same_call_again_does_nothing(room: Room, at: datetime):
    room.page()
    body = event("acknowledged", at)

    assert [call(body).json()["done"] for _ in range(3)] == [True, False, False]


def test_a_call_of_yesterday_does_nothing_to_a_page_of_today(room: Room, at: datetime):
    page = room.page()

    assert call(event("resolved", at - timedelta(days=2))).json() == {"done": False}
    page.refresh_from_db()
    assert page.settled_at is None


@pytest.mark.parametrize(
    "signed",
    ["", "v1=", "v1=00", signature(b"another body"), "v1=" + "\u00e9" * 64, "v0=x," * 5000],
)
def test_a_forged_call_is_refused(room: Room, at: datetime, signed: str):
    page = room.page()
    answer = call(event("resolved", at), signed)

    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "the signature is not PagerDuty's"},
    )
    page.refresh_from_db()
    assert page.settled_at is None


def test_while_the_secret_is_changed_either_signature_is_good(room: Room, at: datetime):
    room.page()
    body = event("acknowledged", at)

    assert call(body, f"{signature(body, 'the next one')},{signature(body)}").status_code == 202


def test_without_a_declared_secret_nobody_is_known(room: Room, at: datetime):
    (room.office.root / "oncall.secret.yaml").unlink()
    (room.office.root / "oncall.yaml").write_text("people: {}\n")
    assert room.office.fleet.oncall.pagerduty_webhook.secret is None

    for secret in ("", HOOK):
        body = event("resolved", at)
        assert call(body, signature(body, secret)).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"event": null}', 400),
        (b"[" * 100_000, 400),
        (b'{"event": {"event_type": "pagey.ping", "data": {}}}', 202),
        (b"x" * 300_000, 413),
    ],
    ids=["nothing", "a list", "no event", "deep", "a ping", "large"],
)
def test_garbage_is_answered_and_does_nothing(room: Room, body: bytes, status: int):
    assert call(body).status_code == status


def test_only_calls_are_taken(room: Room):
    assert Client(SERVER_NAME="localhost").get(ADDRESS).status_code == 405
