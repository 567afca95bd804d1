"""The arithmetic of use: what one reading adds to the days of a hub. Pure; knows no Django.

A server counts from the moment at which its hub says it started until the last reading that saw it.
So what lies between that reading and its end, a minute at most, counts for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta

from hubfleet.meters.samples import ServerSample
from hubfleet.office.usage.periods import by_day

GIB = 1024**3
HOUR = 3600.0

LONGEST_BACK = timedelta(days=7)
"""Time that a server ran before anybody saw it counts no further back than this."""

GAP = timedelta(minutes=5)
"""What a server takes now is taken for what it took since the reading before, up to this long."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What can be added up: hours of servers, of GiB of memory, of CPUs.

    `measured` are the hours of servers in which memory in use was measured at all.
    """

    sessions: int = 0
    server_hours: float = 0.0
    requested: float = 0.0
    used: float = 0.0
    measured: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Hours) -> Hours:
        return Hours(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Hours)))


@dataclass(frozen=True, slots=True)
class Session:
    """A server as it is known: counted up to `counted_to`; `ended` is None while it runs."""

    started: datetime
    counted_to: datetime
    requested: int | None
    cpu_seconds: float = 0.0
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """What one reading says: every session as it is now, what it adds, and when each ran."""

    sessions: Mapping[str, Session]
    days: Mapping[date, Hours]
    ran: Mapping[str, tuple[datetime, datetime]]
    """From when to when the reading found it running, by the key of its session."""


def advance(
    known: Mapping[str, Session],
    seen: Mapping[str, ServerSample],
    at: datetime,
    before: datetime | None,
) -> Advance:
    """Bring sessions up to a reading at `at`; `before` is the time of the reading before it.

    Both maps are by key. A reading that is no later than what is counted adds nothing.
    """
    sessions: dict[str, Session] = {}
    days: dict[date, Hours] = {}
    ran: dict[str, tuple[datetime, datetime]] = {}
    for key, server in seen.items():
        old = known.get(key)
        new = old or _opened(server, at)
        if old is None:
            _add(days, new.started.astimezone(UTC).date(), Hours(sessions=1))
        ran[key] = (new.counted_to, max(at, new.counted_to))
        sessions[key] = _counted(new, server, at, before, days)
    for key, old in known.items():
        if key not in seen:
            sessions[key] = replace(old, ended=old.ended or old.counted_to)
    return Advance(sessions, days, ran)


def _opened(server: ServerSample, at: datetime) -> Session:
    started = min(at, max(server.started, at - LONGEST_BACK))
    return Session(started, started, server.requested)


def _counted(
    old: Session,
    server: ServerSample,
    at: datetime,
    before: datetime | None,
    days: dict[date, Hours],
) -> Session:
    gib = (old.requested or 0) / GIB
    for day, seconds in by_day(old.counted_to, at):
        hours = seconds / HOUR
        _add(days, day, Hours(server_hours=hours, requested=hours * gib))
    if server.used is not None:
        for day, seconds in by_day(_measured_from(old, at, before), at):
            hours = seconds / HOUR
            _add(days, day, Hours(used=hours * server.used / GIB, measured=hours))
    cpu = old.cpu_seconds
    if server.cpu_seconds is not None:
        # Less than before: processes that counted have ended and are not counted any more.
        _add(days, at.astimezone(UTC).date(), Hours(cpu=max(0.0, server.cpu_seconds - cpu) / HOUR))
        cpu = max(cpu, server.cpu_seconds)
    return replace(old, counted_to=max(old.counted_to, at), cpu_seconds=cpu, ended=None)


def _measured_from(old: Session, at: datetime, before: datetime | None) -> datetime:
    since = old.started if before is None else max(before, old.started)
    return max(since, old.counted_to, at - GAP)


def _add(days: dict[date, Hours], day: date, hours: Hours) -> None:
    days[day] = days.get(day, Hours()) + hours


def total(found: Iterable[Hours]) -> Hours:
    """All of them together, in whatever order they come."""
    result = Hours()
    for one in found:
        result += one
    return result
