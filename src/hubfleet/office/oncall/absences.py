"""Time off as the calendars say it: files are read when asked, feeds every quarter of an hour.

A feed is fetched by a loop of its own and kept: when it is away, what it said last counts, and the
trouble is shown. An address may hold a token, so tables know a feed by a digest of it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO
from urllib.error import URLError
from urllib.parse import urlsplit

from django.conf import settings

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.rota import Absence
from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import Secret
from hubfleet.fleet.time_off import MAX_BYTES, Read, joined, read_files, read_time_off
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.office.oncall.models import Calendar
from hubfleet.office.ports import desk

log = logging.getLogger("hubfleet.console")

SECONDS = 20
BACK, AHEAD = timedelta(days=7), timedelta(weeks=60)
"""The window around now that is read."""


@dataclass(frozen=True, slots=True)
class Off:
    """What all calendars say; `troubles` are those that could not be read, with their words."""

    read: Read = field(default_factory=Read)
    troubles: tuple[Problem, ...] = ()


def known(fleet: Fleet, at: datetime) -> tuple[Absence, ...]:
    """Who is away around a moment. A calendar that cannot be read spares nobody."""
    return read_all(fleet, at).read.absences


def read_all(fleet: Fleet, at: datetime) -> Off:
    """Everything that the calendars say around a moment."""
    start, end = at - BACK, at + AHEAD
    read, problems = read_files(fleet.root, fleet.oncall, start, end)
    reads, troubles = [read], list(problems)
    for name, source in fleet.oncall.time_off.items():
        if source.feed is None:
            continue
        kept = Calendar.objects.filter(source=_known_by(name, source.feed)).first()
        try:
            if kept is not None and kept.content:
                people = fleet.oncall.people
                reads.append(read_time_off(kept.content, people, start, end, place=name))
        except HubfleetError as error:
            troubles += error.problems
        if kept is None or kept.trouble:
            troubles += _unread(name, kept.trouble if kept else "It was not read yet.").problems
    return Off(joined(reads), tuple(troubles))


def _unread(place: str, why: str) -> HubfleetError:
    return failure(
        "calendar-not-read",
        "a calendar of time off is not read",
        place=place,
        why=why,
        hint="mend the file or address in oncall.yaml; until then what it said last counts",
    )


def _known_by(name: str, feed: Secret | str | None) -> str:
    mark = feed.mark if isinstance(feed, Secret) else _digest(feed or "")
    return f"{name}:{mark}"


def _digest(text: str) -> str:
    return hmac.new(str(settings.SECRET_KEY).encode(), text.encode(), hashlib.sha256).hexdigest()[
        :12
    ]


def refresh() -> None:
    """Fetch every feed; called again and again by the console."""
    fleet, at = desk().fleet(), now()
    current = []
    for name, source in fleet.oncall.time_off.items():
        if source.feed is None:
            continue
        key = _known_by(name, source.feed)
        current.append(key)
        row, _ = Calendar.objects.get_or_create(source=key)
        row.tried_at = at
        try:
            address = source.feed
            text = fetched(
                str(address.reveal(Identity())) if isinstance(address, Secret) else address
            )
            read_time_off(text, fleet.oncall.people, at - BACK, at + AHEAD, place=name)
        except HubfleetError as error:
            problem = error.problems[0]
            row.trouble = (problem.why or problem.what)[:500]
            log.warning("the calendar `%s` of time off is not read: %s", name, row.trouble)
        else:
            row.content, row.read_at, row.trouble = text, at, ""
        row.save()
    Calendar.objects.exclude(source__in=current).delete()


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """A redirect must not lead to where anybody can change it on the way."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: object,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise URLError("it leads to an address without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def fetched(address: str) -> str:
    """A feed's text; raises what went wrong, without the address."""
    place = "a feed of time off"
    if urlsplit(address).scheme != "https":
        raise _unread(place, "It is not an https address.")
    try:
        opener = urllib.request.build_opener(_OnlyHttps())
        with opener.open(address, timeout=SECONDS) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "reason", None) or type(error).__name__
        raise _unread(place, f"It does not answer: {said}".replace(address, "<secret>")) from None
    if len(data) > MAX_BYTES:
        raise _unread(place, f"It is larger than {MAX_BYTES // 1_000_000} MB.")
    return data.decode("utf-8", "replace")
