"""Who is on call and what was sent, as pages; who may see them, and who may take a page on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.integration.oncall.conftest import CANARIES, Room, turns, write_oncall

SECOND = timedelta(seconds=1)


def signed_in(room: Room, login: str = "", *staff: str) -> Any:
    client = Client(SERVER_NAME="localhost")
    if login:
        from hubfleet.office.accounts.models import Person

        known = Person.objects.filter(login=login).first() or room.office.person(login, *staff)
        client.force_login(known, backend="hubfleet.office.accounts.signing_in.OpenAccounts")
    return client


def test_the_page_says_who_has_it_who_is_next_and_what_was_sent(room: Room, at: datetime):
    room.page()
    room.turn(at + SECOND)
    text = signed_in(room, "eve", "engineer").get("/oncall/").content.decode()

    assert "Ada Example" in text
    assert "Ben Example" in text
    assert "Earth is down" in text
    assert "ada/phone, pager" in text
    assert "nobody has it" in text
    assert "Nobody is on call" not in text
    assert not any(canary in text for canary in CANARIES)


def test_gaps_are_a_banner(room: Room, at: datetime):
    hours = {"start": "00:00", "end": "12:00"}
    write_oncall(
        room.office.root,
        room.pagerduty.address,
        room.chat.address,
        rotations={"primary": turns("ada", hours=hours)},
        time_off={"team": {"file": "no.ics"}},
        escalation={},
    )
    assert room.office.fleet.oncall.time_off
    text = signed_in(room, "eve", "engineer").get("/oncall/").content.decode()

    assert "Nobody is on call at some hours." in text
    assert "Pages go to hubs@example.org then." in text
    assert "nobody is on call in primary from " in text
    assert "A calendar of time off cannot be read: no.ics. No such file or directory." in text


def test_a_fleet_without_people_on_call_says_how_to_begin(room: Room):
    (room.office.root / "oncall.secret.yaml").unlink()
    (room.office.root / "oncall.yaml").unlink()
    assert not room.office.fleet.oncall.rotations
    text = signed_in(room, "eve", "engineer").get("/oncall/").content.decode()

    assert "Pages go to hubs@example.org by mail." in text
    assert "Nobody was paged yet" in text


def test_taking_a_page_on(room: Room, at: datetime):
    from hubfleet.office.audit.models import Entry

    page = room.page()
    room.turn(at + SECOND)
    client = signed_in(room, "eve", "engineer")
    where = f"/oncall/pages/{page.pk}/"
    assert "I have it" in client.get(where).content.decode()

    answer = client.post(f"{where}acknowledge/", follow=True)
    text = answer.content.decode()
    assert "You have it. Nobody else is woken." in text
    assert "eve has it" in text
    assert "I have it" not in text
    page.refresh_from_db()
    assert page.acknowledged_by == "eve"
    client.post(f"{where}acknowledge/")
    [entry] = Entry.objects.filter(act="answer-pages")
    assert (entry.who, entry.hub, entry.what) == (
        "eve",
        "earth/prod",
        "took on the page `hubfleet/earth/prod/down`",
    )


@pytest.mark.parametrize(
    ("login", "staff", "seen", "taken"),
    [
        ("eve", "engineer", 200, 302),
        ("gus", "community-guide", 200, 403),
        ("cy", "", 404, 404),
        ("", "", 302, 302),
    ],
)
def test_who_may_see_a_page_and_take_it_on(
    room: Room, login: str, staff: str, seen: int, taken: int
):
    page = room.page()
    client = signed_in(room, login, *([staff] if staff else []))
    where = f"/oncall/pages/{page.pk}/"

    assert client.get(where).status_code == seen
    assert client.post(f"{where}acknowledge/").status_code == taken
    page.refresh_from_db()
    assert page.acknowledged_by == ("eve" if staff == "engineer" else "")


def test_whoever_responds_on_the_hub_may_take_its_page_on(room: Room):
    from tests.fleets import write

    rae = {"name": "Rae", "email": "rae@example.org", "login": "rae"}
    owns = {"respond-to-incidents": "community"}
    write(
        room.office.root / "communities/earth/community.yaml",
        {"name": "Earth", "representatives": [rae], "responsibilities": owns},
    )
    assert room.office.fleet.hubs
    theirs, others = room.page(), room.page("moon", hub="moon/prod", community="moon")
    client = signed_in(room, "rae")

    assert client.post(f"/oncall/pages/{theirs.pk}/acknowledge/").status_code == 302
    assert client.post(f"/oncall/pages/{others.pk}/acknowledge/").status_code == 404
    assert client.get("/oncall/").status_code == 403


def test_the_calendar_opens_by_a_key_of_ones_own(room: Room):
    client = signed_in(room, "eve", "engineer")
    text = client.get("/oncall/").content.decode()
    [address] = [part.split('"')[0] for part in text.split('href="')[1:] if ".ics?" in part[:99]]
    stranger = Client(SERVER_NAME="localhost")

    answer = stranger.get(address)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert b"SUMMARY:Ada Example is on call (primary)" in answer.content
    assert client.get("/oncall/primary.ics").status_code == 200
    for wrong in ("/oncall/primary.ics", f"{address}x", "/oncall/primary.ics?key=1:abc"):
        assert stranger.get(wrong).status_code == 404
    assert stranger.get(address.replace("primary", "second")).status_code == 404

    from hubfleet.office.accounts.models import StaffRole

    StaffRole.objects.all().delete()
    assert stranger.get(address).status_code == 404
    assert urlsplit(address).path == "/oncall/primary.ics"


def test_hostile_words_stay_words(room: Room, at: datetime):
    bad = "<script>alert(1)</script>"
    page = room.page(summary=bad, text=bad, url="javascript:alert(1)")
    room.turn(at + SECOND)
    client = signed_in(room, "eve", "engineer")

    for where in ("/oncall/", f"/oncall/pages/{page.pk}/"):
        text = client.get(where).content.decode()
        assert bad not in text
        assert "javascript:" not in text


def test_a_test_page_reaches_who_is_on_call_and_ends_with_the_answer(
    room: Room, at: datetime, capsys: pytest.CaptureFixture[str]
):
    from hubfleet.office.oncall import paging

    key = f"{paging.TEST}1"
    page = room.page(key, hub="", community="", summary="Test page")
    room.turn(at + SECOND)
    room.turn(at + timedelta(hours=9))
    assert {to for _, _, to, _ in room.sent(page)} == {"ada@example.org", "ada/phone", "pager"}
    paging.acknowledge(key, "ada")
    room.turn(at + timedelta(hours=10))

    assert [act for act, _ in room.pagerduty.acts()][-1] == "resolve"
    page.refresh_from_db()
    assert page.closed_at
