"""Stores what a reading says: sessions, who counts in which period, and the days.

Everything that one reading adds is one transaction, guarded by the time of the reading before it:
of two processes that read a hub at once, one stores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import Q

from hubfleet.kit.errors import Problem
from hubfleet.meters.counters import added
from hubfleet.meters.samples import BriefServer, HubSample, ServerSample, SpawnCounters
from hubfleet.office.usage import days as arithmetic
from hubfleet.office.usage.adding import add_to_day, count_again
from hubfleet.office.usage.days import Hours, advance
from hubfleet.office.usage.hashing import Keyring, one_spelling
from hubfleet.office.usage.models import Presence, Reading, Session
from hubfleet.office.usage.periods import PRESENT, Kind, days_touched, start_of


@dataclass(frozen=True, slots=True)
class _Names:
    """The hashes of one server."""

    user: str
    key: str
    person: str
    place: str


def keep(
    sample: HubSample,
    before: Reading | None,
    ring: Keyring,
    left_out: Collection[str],
    kept: Mapping[Kind, date],
) -> bool:
    """Store a reading; False where another process has stored one since `before`.

    `left_out` are people who do not count. In periods that begin before `kept` nobody is counted
    any more, because those who were are forgotten.
    """
    last = before.at if before is not None else None
    if last is not None and sample.at <= last:
        return False
    servers = [one for one in sample.servers if one_spelling(one.user) not in left_out]
    brief = [one for one in sample.brief if one_spelling(one.user) not in left_out]
    was_idle = before is not None and before.running == 0
    with transaction.atomic():
        if not _claim(sample, last, len(servers)):
            return False
        spawns = _spawned(before, sample)
        if servers or brief or not was_idle:
            _Keeper(sample, ring, kept).keep(servers, brief, last)
        if spawns is not None:
            add_to_day(sample.hub, sample.at.date(), Hours(), 0, spawns)
    return True


def _claim(sample: HubSample, last: datetime | None, running: int) -> bool:
    """Whether this reading is the next one; from then on other processes wait."""
    if last is None:
        Reading.objects.bulk_create([Reading(hub=sample.hub)], ignore_conflicts=True)
    spawns = None if sample.spawns is None else sample.spawns.as_json()
    changed = {"at": sample.at, "running": running, "trouble": "", "spawns": spawns}
    return bool(Reading.objects.filter(hub=sample.hub, at=last).update(**changed))


def _spawned(before: Reading | None, sample: HubSample) -> SpawnCounters | None:
    """The starts since the reading before; None where nothing is known to have happened."""
    if sample.spawns is None or before is None or before.spawns is None:
        return None
    found = added(SpawnCounters.from_json(before.spawns), sample.spawns)
    return found if found.started or found.failed or found.rejected else None


def note_trouble(hub: str, problem: Problem) -> None:
    """Why the hub was not read; what is known of it stays as it is."""
    text = f"{problem.what}: {problem.why}" if problem.why else problem.what
    Reading.objects.bulk_create([Reading(hub=hub)], ignore_conflicts=True)
    Reading.objects.filter(hub=hub).exclude(trouble=text).update(trouble=text)


class _Keeper:
    """Stores one reading of one hub, inside its transaction."""

    def __init__(self, sample: HubSample, ring: Keyring, kept: Mapping[Kind, date]) -> None:
        self._at, self._hub, self._ring, self._kept = sample.at, sample.hub, ring, kept
        self._community = sample.hub.partition("/")[0]

    def keep(
        self,
        servers: Iterable[ServerSample],
        brief: Iterable[BriefServer],
        last: datetime | None,
    ) -> None:
        names, seen = {}, {}
        for server in servers:
            one = self._named(server.user, server.server, server.started)
            names[one.key], seen[one.key] = one, server
        rows = self._rows(list(names))
        known = {key: _session_of(row) for key, row in rows.items()}
        moved = advance(known, seen, self._at, last)
        self._store_sessions(rows, names, moved.sessions)
        counts = [
            (names[key].user, moment)
            for key, (start, end) in moved.ran.items()
            for moment in _moments(start, end)
        ]
        starts = [(names[key].user, moved.sessions[key].started) for key in seen if key not in rows]
        for short, ended in self._really_brief(brief, rows.values()):
            counts.append((short.user, ended))
            starts.append((short.user, ended))
            self._store_brief(short, ended)
        self._count_people(counts, starts)
        for day, hours in moved.days.items():
            add_to_day(self._hub, day, hours)
        add_to_day(self._hub, self._at.date(), Hours(), len(names))

    def _named(self, user: str, server: str, started: datetime) -> _Names:
        user = one_spelling(user)
        started = started.astimezone(UTC)
        month = start_of("month", started.date())

        def hashed(*words: str) -> str:
            return self._ring.hashed(self._community, "month", month, *words)

        key = hashed(user, server, started.isoformat())
        return _Names(user, key, hashed(user), hashed(user, server))

    def _rows(self, keys: list[str]) -> dict[str, Session]:
        """Sessions that run as far as is known, and those that turn out to run still."""
        wanted = Q(ended=None) | Q(key__in=keys)
        return {row.key: row for row in Session.objects.filter(wanted, hub=self._hub)}

    def _store_sessions(
        self,
        rows: Mapping[str, Session],
        names: Mapping[str, _Names],
        sessions: Mapping[str, arithmetic.Session],
    ) -> None:
        new, changed = [], []
        for key, session in sessions.items():
            if key in rows:
                row = rows[key]
                changed.append(row)
            else:
                one = names[key]
                row = Session(hub=self._hub, key=key, person=one.person, place=one.place)
                new.append(row)
            for name, value in asdict(session).items():
                setattr(row, name, value)
        Session.objects.bulk_create(new)
        Session.objects.bulk_update(changed, ["counted_to", "ended", "cpu_seconds"])

    def _really_brief(
        self, brief: Iterable[BriefServer], rows: Iterable[Session]
    ) -> Iterator[tuple[_Names, datetime]]:
        """Without servers that ran at the reading before: those have merely ended."""
        places = {(start_of("month", row.started.date()), row.place) for row in rows}
        months = {month for month, _ in places}
        for one in brief:
            ended = min(one.ended.astimezone(UTC), self._at)
            ran = any(
                (month, self._named(one.user, one.server, _at_start(month)).place) in places
                for month in months
            )
            if not ran:
                yield self._named(one.user, one.server, ended), ended

    def _store_brief(self, one: _Names, ended: datetime) -> None:
        """Its length is not known, and counts as none."""
        row = Session(
            hub=self._hub, key=one.key, person=one.person, place=one.place,
            started=ended, counted_to=ended, ended=ended,
        )  # fmt: skip
        Session.objects.bulk_create([row], ignore_conflicts=True)
        add_to_day(self._hub, ended.date(), Hours(sessions=1))

    def _count_people(
        self,
        present: Iterable[tuple[str, datetime]],
        starts: Iterable[tuple[str, datetime]],
    ) -> None:
        """Write down whoever was not counted yet, and count again where somebody was new."""
        wanted: dict[tuple[Kind, date, str], datetime] = {}
        kinds: tuple[tuple[tuple[Kind, ...], Iterable[tuple[str, datetime]]], ...] = (
            (PRESENT, present),
            (("billed",), starts),
        )
        for some, moments in kinds:
            for user, moment in moments:
                for kind in some:
                    start = start_of(kind, moment.date())
                    if start < self._kept[kind]:
                        continue
                    person = self._ring.hashed(self._community, kind, start, user)
                    named = (kind, start, person)
                    wanted[named] = min(moment, wanted.get(named, moment))
        if not wanted:
            return
        kinds_there, starts_there, people = (set(column) for column in zip(*wanted, strict=True))
        here = Presence.objects.filter(
            hub=self._hub, kind__in=kinds_there, start__in=starts_there, person__in=people
        )
        known = {(str(k), s, p) for k, s, p in here.values_list("kind", "start", "person")}
        rows = [
            Presence(
                community=self._community, hub=self._hub, kind=kind, start=start, person=person,
                since=since,
            )
            for (kind, start, person), since in wanted.items()
            if (str(kind), start, person) not in known
        ]  # fmt: skip
        Presence.objects.bulk_create(rows, ignore_conflicts=True)
        for kind_counted, first in sorted({(row.kind, row.start) for row in rows}):
            count_again(self._community, self._hub, kind_counted, first)


def _at_start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def _moments(start: datetime, end: datetime) -> Iterator[datetime]:
    """One moment of each day in which it ran, the first one of the first."""
    for number, day in enumerate(days_touched(start, end)):
        yield start if number == 0 else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _session_of(row: Session) -> arithmetic.Session:
    return arithmetic.Session(
        row.started, row.counted_to, row.requested, row.cpu_seconds, row.ended
    )


def end_sessions_of_removed(hubs: Collection[str]) -> None:
    """A hub that is not declared any more is not read: its servers ended when last seen."""
    running = set(Session.objects.filter(ended=None).values_list("hub", flat=True).distinct())
    for hub in running.difference(hubs):
        for row in Session.objects.filter(hub=hub, ended=None):
            row.ended = row.counted_to
            row.save(update_fields=["ended"])
