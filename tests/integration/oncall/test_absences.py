"""Feeds of time off: fetched over https, kept, and never in clear."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fleets import write
from tests.integration.oncall.conftest import ONCALL, Room, turns

AWAY = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "SUMMARY:AWAY: ada\r\nDTSTART;VALUE=DATE:{}\r\nDTEND;VALUE=DATE:{}\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Feed:
    """A server of calendars, over TLS with the certificate of the fixture."""

    def __init__(self, certificate: Path) -> None:
        present = datetime.now(UTC)
        days = [f"{present + timedelta(days=n):%Y%m%d}" for n in (-2, 3)]
        self.body = AWAY.format(*days).encode()
        self.status = 200
        feed = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(feed.status)
                if feed.status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/away.ics")
                self.send_header("Content-Length", str(len(feed.body)))
                self.end_headers()
                self.wfile.write(feed.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self.server.server_port}/canary-in-the-address.ics"


@pytest.fixture
def feed(room: Room, tmp_path: Path) -> Iterator[Feed]:
    made = Feed(tmp_path / "loopback.pem")
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    (room.office.root / "oncall.secret.yaml").unlink()
    people, rotations = ONCALL["people"], {"primary": turns("ada", "ben")}
    time_off = {"team": {"feed": made.address}}
    oncall = {"people": people, "rotations": rotations, "time_off": time_off}
    write(room.office.root / "oncall.yaml", oncall)
    assert room.office.fleet.oncall.time_off
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_who_is_away_by_the_feed_is_not_woken(room: Room, feed: Feed, at: datetime):
    from hubfleet.office.oncall import absences

    absences.refresh()
    room.page()
    room.turn(at + timedelta(seconds=1))

    assert [to for to, _ in room.letters()] == ["ben@example.org"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, None, "It does not answer: Internal Server Error"),
        (302, None, "It does not answer: it leads to an address without https"),
        (200, b"hello", "It is not iCalendar: "),
        (200, b"x" * 2_000_001, "It is larger than 2 MB."),
    ],
    ids=["away", "leads elsewhere", "no calendar", "large"],
)
def test_a_feed_that_fails_leaves_what_it_said_last(
    room: Room, feed: Feed, at: datetime, status: int, body: bytes | None, said: str
):
    from django.db import connection

    from hubfleet.office.oncall import absences

    absences.refresh()
    feed.status, feed.body = status, body if body is not None else feed.body
    absences.refresh()
    off = absences.read_all(room.office.fleet, at)

    assert [one.person for one in off.read.absences] == ["ada"]
    [trouble] = off.troubles
    assert (trouble.code, trouble.place) == ("calendar-not-read", "team")
    assert trouble.why.startswith(said)
    connection.close()
    assert b"canary" not in (room.office.state / "office.sqlite").read_bytes()


def test_a_feed_that_nobody_declares_any_more_is_forgotten(room: Room, feed: Feed):
    from hubfleet.office.oncall import absences
    from hubfleet.office.oncall.models import Calendar

    absences.refresh()
    assert Calendar.objects.count() == 1
    (room.office.root / "oncall.yaml").unlink()
    assert not room.office.fleet.oncall.time_off
    absences.refresh()
    assert Calendar.objects.count() == 0
