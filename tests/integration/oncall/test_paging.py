"""A page from its call to the person: who is told, when, once; and its end."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.fleets import write
from tests.integration.oncall.conftest import CANARIES, KEY, Room, turns, write_oncall


@contextmanager
def post_office() -> Iterator[tuple[Any, list[tuple[str, str]]]]:
    """A mail server, and Django's way to it."""
    from django.core.mail import get_connection

    taken: list[tuple[str, str]] = []

    class Takes:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            taken.extend((to, envelope.content.decode()) for to in envelope.rcpt_tos)
            return "250 OK"

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    controller = Controller(Takes(), hostname="127.0.0.1", port=port)
    controller.start()
    backend = "django.core.mail.backends.smtp.EmailBackend"
    try:
        yield get_connection(backend, host="127.0.0.1", port=port, timeout=5), taken
    finally:
        controller.stop()


SECOND = timedelta(seconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEY_OF_PAGE = "hubfleet/earth/prod/down"


def hours_from(begin: datetime) -> dict[str, str]:
    """Four hours of every day."""
    return {"start": f"{begin:%H:%M}", "end": f"{begin + 4 * HOUR:%H:%M}"}


def test_a_page_reaches_who_is_on_call_by_every_way_once(room: Room, at: datetime):
    page = room.page()
    for n in range(1, 6):
        room.page()
        room.turn(at + n * timedelta(seconds=2))

    assert room.sent(page) == [
        ("trigger", "mail", "ada@example.org", "sent"),
        ("trigger", "channel", "ada/phone", "sent"),
        ("trigger", "pagerduty", "pager", "sent"),
    ]
    [event] = room.pagerduty.heard
    assert (event["event_action"], event["dedup_key"]) == ("trigger", KEY_OF_PAGE)
    assert event["routing_key"] == KEY
    told = {key: event["payload"][key] for key in ("summary", "source", "severity", "component")}
    assert told == {
        "summary": "Earth is down",
        "source": "prod-earth.localhost",
        "severity": "critical",
        "component": "earth/prod",
    }
    [message] = room.chat.heard
    assert (message["title"], "No answer." in message["message"]) == ("[P1] Earth is down", True)
    assert room.letters() == [("ada@example.org", "[P1] Earth is down")]


def test_steps_are_taken_until_somebody_acknowledges(room: Room, at: datetime):
    from hubfleet.office.oncall import paging

    page = room.page()
    room.turn(at + SECOND)
    room.turn(at + 29 * MINUTE)
    assert ("ben@example.org", "[P1] Earth is down") not in room.letters()
    room.turn(at + 31 * MINUTE)
    assert room.letters()[-1] == ("ben@example.org", "[P1] Earth is down")

    paging.acknowledge(page.key, "ben")
    paging.acknowledge(page.key, "ada")
    room.turn(at + 120 * MINUTE)

    page.refresh_from_db()
    assert (page.acknowledged_by, page.due_at) == ("ben", None)
    assert room.pagerduty.acts() == [("trigger", KEY_OF_PAGE), ("acknowledge", KEY_OF_PAGE)]
    assert [to for to, _ in room.letters()] == [
        "ada@example.org",
        "ben@example.org",
        "ada@example.org",
        "ben@example.org",
    ]
    assert room.letters()[-1][1] == "[P1, ben has it] Earth is down"


def test_a_console_that_was_down_takes_one_step_at_a_time(room: Room, at: datetime):
    page = room.page()
    room.turn(at + timedelta(hours=9))

    assert {to for _, _, to, _ in room.sent(page)} == {"ada@example.org", "ada/phone", "pager"}
    page.refresh_from_db()
    assert page.due_at == at + timedelta(hours=9, minutes=30)


def test_the_end_is_told_wherever_the_page_was(room: Room, at: datetime):
    from hubfleet.office.oncall import paging

    page = room.page()
    room.turn(at + SECOND)
    paging.settle(page.key)
    room.turn(at + MINUTE)
    assert room.pagerduty.acts() == [("trigger", KEY_OF_PAGE)]
    room.turn(at + 3 * MINUTE)

    assert room.pagerduty.acts() == [("trigger", KEY_OF_PAGE), ("resolve", KEY_OF_PAGE)]
    assert [one["title"] for one in room.chat.heard][-1] == "[P1, over] Earth is down"
    assert room.letters()[-1] == ("ada@example.org", "[P1, over] Earth is down")
    # The next trouble of the same kind is another page.
    again = room.page()
    assert again.pk != page.pk


def test_flapping_is_one_page(room: Room, at: datetime):
    from hubfleet.office.oncall import paging

    page = room.page()
    room.turn(at + SECOND)
    for _ in range(20):
        paging.settle(page.key)
        room.turn(at + MINUTE)
        room.page()
        room.turn(at + MINUTE)

    page.refresh_from_db()
    assert (page.returns, page.settled_at, page.closed_at) == (20, None, None)
    assert room.pagerduty.acts() == [("trigger", KEY_OF_PAGE)]
    assert len(room.letters()) == 1


def test_what_was_over_before_anybody_was_told_reaches_nobody(room: Room, at: datetime):
    from hubfleet.office.oncall import paging

    page = room.page()
    paging.settle(page.key)
    room.turn(at + HOUR)

    assert room.sent(page) == []
    assert room.pagerduty.heard == []


def test_a_page_of_a_transaction_that_is_rolled_back_never_was(room: Room, at: datetime):
    from django.db import transaction

    from hubfleet.office.oncall.models import Page

    with pytest.raises(RuntimeError), transaction.atomic():
        room.page()
        raise RuntimeError("the incident was not written")
    room.turn(at + SECOND)

    assert not Page.objects.exists()
    assert room.letters() == []


def test_a_priority_that_rises_begins_anew_and_tells_nobody_twice(room: Room, at: datetime):
    page = room.page(priority="P3")
    room.turn(at + SECOND)
    assert room.letters() == [("hubs@example.org", "[P3] Earth is down")]
    room.page(priority="P1")
    room.turn(at + MINUTE)

    assert ("trigger", "channel", "ada/phone", "sent") in room.sent(page)
    assert len(room.pagerduty.heard) == 1


def test_pagerduty_is_away_for_an_hour_and_one_page_arrives_afterwards(room: Room, at: datetime):
    page = room.page()
    room.pagerduty.says = 500
    for n in range(120):
        if n == 60:
            room.pagerduty.says = 429
        room.turn(at + n * timedelta(seconds=30))
    assert room.pagerduty.heard == []
    assert set(room.pagerduty.refused) == {500, 429}
    # The operator's contact is told that nobody may have been woken.
    assert ("hubs@example.org", "[P1] Earth is down") in room.letters()
    room.pagerduty.says = 202
    for n in range(12):
        room.turn(at + HOUR + n * timedelta(seconds=30))

    assert room.pagerduty.acts() == [("trigger", KEY_OF_PAGE)]
    row = page.deliveries.get(way="pagerduty")
    outcomes = [one.outcome for one in row.attempts.order_by("id")]
    assert outcomes == ["later"] * (len(outcomes) - 1) + ["sent"]
    assert 10 < len(outcomes) < 30


@pytest.mark.parametrize("end", ["acknowledge", "settle"])
def test_what_is_taken_on_or_over_while_pagerduty_is_away_wakes_nobody(
    room: Room, at: datetime, end: str
):
    from hubfleet.office.oncall import paging

    page = room.page()
    room.pagerduty.says = 503
    room.turn(at + SECOND)
    paging.acknowledge(page.key, "ada") if end == "acknowledge" else paging.settle(page.key)
    room.turn(at + 3 * MINUTE)
    room.pagerduty.says = 202
    room.turn(at + HOUR)

    # A try without an answer may have been heard: its end is told, which PagerDuty may ignore.
    act = "acknowledge" if end == "acknowledge" else "resolve"
    assert room.pagerduty.acts() == [(act, KEY_OF_PAGE)]
    assert ("trigger", "pagerduty", "pager", "dropped") in room.sent(page)


def test_a_refusal_for_good_ends_it_and_is_told(room: Room, at: datetime):
    room.pagerduty.says = 400
    page = room.page()
    room.turn(at + SECOND)
    room.turn(at + HOUR)

    row = page.deliveries.get(way="pagerduty")
    assert (row.state, row.tries) == ("failed", 1)
    assert row.trouble.startswith("400 ")
    assert ("hubs@example.org", "[P1] Earth is down") in room.letters()


@pytest.mark.parametrize(("library", "way"), [("pagerduty", "pagerduty"), ("apprise", "channel")])
def test_without_the_extra_the_page_says_which_and_tells_the_contact(
    room: Room, at: datetime, monkeypatch: pytest.MonkeyPatch, library: str, way: str
):
    from hubfleet.office.oncall import carriers

    monkeypatch.setattr(carriers, "installed", lambda name: name != library)
    page = room.page()
    room.turn(at + SECOND)

    assert page.deliveries.get(way=way).trouble == (
        f"the library `{library}` is missing: install hubfleet with its extra: "
        "pip install 'hubfleet[paging]'"
    )
    assert ("hubs@example.org", "[P1] Earth is down") in room.letters()


def test_nobody_on_call_is_said_loudly_and_reaches_the_contact(
    room: Room, at: datetime, caplog: pytest.LogCaptureFixture
):
    night = turns("ada", hours=hours_from(at + 2 * HOUR))
    write_oncall(
        room.office.root,
        room.pagerduty.address,
        room.chat.address,
        rotations={"primary": night},
        escalation={},
    )
    assert room.office.fleet.oncall.rotations["primary"].hours
    with caplog.at_level(logging.ERROR, "hubfleet.console"):
        page = room.page()
        room.turn(at + SECOND)

    assert room.letters() == [("hubs@example.org", "[P1] Earth is down")]
    assert caplog.messages == [
        "page `hubfleet/earth/prod/down` (P1): nobody is on call in the rotation primary: "
        "the operator's contact instead"
    ]
    page.refresh_from_db()
    assert page.gap


def test_what_the_community_owns_reaches_the_community_first(room: Room, at: datetime):
    write(
        room.office.root / "communities/earth/community.yaml",
        {
            "name": "Earth",
            "representatives": [{"name": "Rae", "email": "rae@example.org"}],
            "responsibilities": {"respond-to-incidents": "community"},
        },
    )
    assert room.office.fleet.hubs
    room.page()
    room.turn(at + SECOND)
    assert room.letters() == [("rae@example.org", "[P1] Earth is down")]
    room.turn(at + 5 * HOUR)
    assert ("ada@example.org", "[P1] Earth is down") in room.letters()


def test_a_community_that_was_removed_still_pages_the_operator(room: Room, at: datetime):
    room.page("hubfleet/gone/prod/down", hub="gone/prod", community="gone")
    room.turn(at + SECOND)

    assert [one["dedup_key"] for one in room.pagerduty.heard] == ["hubfleet/gone/prod/down"]


def test_a_page_of_p2_wakes_in_working_hours(room: Room, at: datetime):
    people: Any = {"ada": {"name": "Ada Example", "email": "ada@example.org"}}
    people["ada"]["working_hours"] = hours_from(at + 2 * HOUR)
    write_oncall(
        room.office.root,
        room.pagerduty.address,
        room.chat.address,
        people=people,
        rotations={"primary": turns("ada")},
        escalation={},
    )
    assert room.office.fleet.hubs
    room.page(priority="P2")
    room.turn(at + SECOND)
    assert room.letters() == [("ada@example.org", "[P2] Earth is down")]
    assert room.chat.heard == []
    room.turn(at + 2 * HOUR)
    assert len(room.chat.heard) == 1


def test_a_page_that_meets_a_bug_stops_no_other(
    room: Room, at: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    from hubfleet.office.oncall import escalating

    bad, good = room.page("bad"), room.page("good")
    right = escalating.take_step

    def take_step(fleet: Any, page: Any, *more: Any) -> None:
        if page.key == "bad":
            raise ZeroDivisionError
        right(fleet, page, *more)

    monkeypatch.setattr(escalating, "take_step", take_step)
    with caplog.at_level(logging.ERROR, "hubfleet.console"):
        room.turn(at + SECOND)

    assert room.sent(bad) == []
    assert len(room.sent(good)) == 3
    assert "its step could not be taken, and is tried again" in caplog.text
    monkeypatch.undo()


def test_a_page_arrives_as_mail(room: Room, at: datetime):
    from hubfleet.office.post import sending

    room.page()
    room.turn(at + SECOND)
    with post_office() as (carrier, taken):
        assert sending.deliver_due(carrier).sent == 1

    [(to, text)] = taken
    assert to == "ada@example.org"
    assert "Subject: [P1] Earth is down" in text
    for line in (
        "No answer.",
        "More: http://localhost/i/1",
        "Take it on: http://localhost:8010/oncall/pages/1/",
        "You are told because: Ada Example is on call in the rotation primary.",
    ):
        assert line in text.replace("\r\n", "\n")


def test_no_secret_is_stored_or_logged(
    room: Room, at: datetime, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    from django.db import connection

    with caplog.at_level(logging.DEBUG):
        room.page()
        room.pagerduty.says = room.chat.says = 500
        room.turn(at + SECOND)
        room.pagerduty.says = 400
        room.turn(at + MINUTE)
    connection.close()
    kept = (room.office.state / "office.sqlite").read_bytes().decode("latin-1")
    printed = "".join(capfd.readouterr())
    for canary in CANARIES:
        assert canary not in kept
        assert canary not in caplog.text
        assert canary not in printed
