"""The checks that the console makes by itself: `light` and `paths` are called every few seconds.

Each does what is due and returns. Which hubs that are and when is `due`'s arithmetic; what the
results mean is `judging`'s. Neither acts twice for one due time: who calls holds the lease of the
schedules.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from threading import Lock, Thread
from zoneinfo import ZoneInfo

from django.db import connections

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ports import desk
from hubfleet.office.watching import latest, probing
from hubfleet.office.watching.due import Pace, Subject, slot, subjects
from hubfleet.office.watching.judging import Result, Terms, judge
from hubfleet.office.watching.maintenance import covered, now_of
from hubfleet.office.watching.models import Check, Condition
from hubfleet.probes.verdict import ProbeResult, Stage, result

SCHEDULE = "schedule"
"""Who asked for a path that nobody asked for."""

LONGEST = 60.0
"""Seconds after which a round of paths begins no further one: others have something due as well."""


def light() -> str:
    """Check every hub that is due; says which ones turned."""
    found = _subjects()
    if not found:
        return ""
    at, terms = now(), _terms()
    _keep_rows(found, at, terms.pace)
    due = Check.objects.filter(kind=Check.Kind.LIGHT, due_at__lte=at, hub__in=list(found))
    names = list(due.order_by("due_at").values_list("hub", flat=True))
    if not names:
        return ""
    urls = {name: found[name].url for name in names}
    results = desk().check(urls, terms.pace.certificate_days)
    ended = now()
    turns = judge(Check.Kind.LIGHT, [Result.of_light(one, ended) for one in results], found, terms)
    return _said([f"{turn.hub} is {turn.state}" for turn in turns])


def paths() -> str:
    """Walk a person's path through the hubs that are due, a few at once, none in a maintenance."""
    found = _subjects()
    if not found:
        return ""
    terms = _terms()
    room = _Room(found, terms)
    first = room.next()
    if first is None:
        return ""
    # Daemons: a console that is told to end does not wait for a probe.
    crew = [
        Thread(target=room.work, args=(hub,), name="path", daemon=True)
        for hub in (first, *[None] * (terms.pace.at_once - 1))
    ]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    if room.failed:
        raise room.failed[0]
    return _said(room.said)


class _Room:
    """Hands out the hubs that are due, each to one thread."""

    def __init__(self, found: Mapping[str, Subject], terms: Terms) -> None:
        self._found = found
        self._terms = terms
        self._lock = Lock()
        self._taken: set[str] = set()
        self.said: list[str] = []
        self.failed: list[Exception] = []
        self._until = time.monotonic() + LONGEST

    def next(self) -> str | None:
        """The hub that waits longest; None when none is due, or time is up."""
        if time.monotonic() > self._until:
            return None
        at = now()
        with self._lock:
            due = Check.objects.filter(kind=Check.Kind.PATH, due_at__lte=at)
            failing = Check.objects.filter(kind=Check.Kind.LIGHT, verdict="failed")
            away = set(failing.values_list("hub", flat=True))
            maintenance = now_of(at)
            for hub in due.order_by("due_at").values_list("hub", flat=True):
                free = hub in self._found and hub not in self._taken and hub not in away
                # A hub that does not even answer is not walked through; it waits its turn.
                if free and not covered(hub, at, maintenance):
                    self._taken.add(hub)
                    return hub
        return None

    def work(self, first: str | None) -> None:
        """Walk until nothing is due."""
        try:
            hub = first or self.next()
            while hub is not None:
                self._walk(hub)
                hub = self.next()
        except Exception as error:
            self.failed.append(error)
        finally:
            connections.close_all()

    def _walk(self, hub: str) -> None:
        found = _walk(hub)
        probing.keep(found, SCHEDULE)
        results = [Result.of_path(found, now())]
        turns = judge(Check.Kind.PATH, results, self._found, self._terms)
        with self._lock:
            self.said += [f"{turn.hub} is {turn.state}" for turn in turns]
            self._taken.discard(hub)


def _walk(hub: str) -> ProbeResult:
    try:
        return desk().probe([hub])[0]
    except HubfleetError as error:
        return result(hub, 0.0, [Stage("name", False, 0.0, error.problems[0].what)])


def _said(lines: list[str]) -> str:
    shown = "; ".join(lines[:5])
    return f"{shown}; and {len(lines) - 5} more" if len(lines) > 5 else shown


def _terms() -> Terms:
    service = desk().fleet().service
    return Terms(Pace.of(service.checks), ZoneInfo(service.timezone), now_of(now()))


def _subjects() -> dict[str, Subject]:
    """The hubs that ought to work; none before this process has looked at the fleet."""
    seen = latest.get()
    if seen is None:
        return {}
    known = Condition.objects.exclude(state="unknown").values_list("hub", "url")
    return subjects(desk().fleet(), seen.observations, dict(known))


_KEPT = ("hub", "revision", "due_at")


def _keep_rows(found: Mapping[str, Subject], at: datetime, pace: Pace) -> None:
    """Give each hub its rows, forget hubs that are not declared, and see who was changed."""
    paths = Check.objects.filter(kind=Check.Kind.PATH)
    rows = {hub: (revision, due) for hub, revision, due in paths.values_list(*_KEPT)}
    new = [one for name, one in found.items() if name not in rows]
    if new:
        Condition.objects.bulk_create(
            [Condition(hub=one.hub, cluster=one.cluster, url=one.url) for one in new],
            ignore_conflicts=True,
        )
        Check.objects.bulk_create(
            [
                Check(hub=one.hub, kind=kind, revision=one.revision, due_at=due)
                for one in new
                for kind, due in (
                    (Check.Kind.LIGHT, at),
                    (Check.Kind.PATH, slot(one.hub, at, pace.path)),
                )
            ],
            ignore_conflicts=True,
        )
    gone = set(rows) - set(desk().fleet().hubs)
    if gone:
        Check.objects.filter(hub__in=gone).delete()
        Condition.objects.filter(hub__in=gone).delete()
    for name, one in found.items():
        revision, due = rows.get(name, (one.revision, at))
        if one.revision > revision:
            paths.filter(hub=name).update(revision=one.revision, due_at=min(due, at))
            Condition.objects.filter(hub=name).update(cluster=one.cluster, url=one.url)
