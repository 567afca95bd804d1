"""Alerts and turns in: each is stored once, and makes or updates incidents.

The same alert a thousand times is one row. What is withheld, in a maintenance or by a silence, is
looked at again once that is over. Everything of one call happens in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.office.incidents.board import Board
from hubfleet.office.incidents.grouping import Trouble
from hubfleet.office.incidents.models import Alert
from hubfleet.office.incidents.silences import Quiet
from hubfleet.office.incidents.timeline import hold_turnstile
from hubfleet.office.incidents.troubles import Told, kind_of, troubles_of, turn_trouble


@dataclass
class Taken:
    """What became of a batch: numbers of incidents, and how many alerts were new, known, held."""

    incidents: set[int] = field(default_factory=set)
    new: int = 0
    known: int = 0
    withheld: int = 0

    def as_json(self) -> dict[str, object]:
        return {
            "incidents": sorted(self.incidents),
            "new": self.new,
            "known": self.known,
            "withheld": self.withheld,
        }


@transaction.atomic
def take(alerts: Sequence[Told], fleet: Fleet, at: datetime | None = None) -> Taken:
    """What Alertmanager tells. What is over is ended first, so that a flap in one call is seen."""
    at = at or now()
    taken = Taken()
    if not alerts:
        return taken
    hold_turnstile()
    batch = _Batch(fleet, at, taken, [t for one in alerts for t in troubles_of(one, fleet)])
    rows = _rows_of(alerts)
    for told in sorted(alerts, key=lambda one: (one.starts_at, one.firing)):
        key = (told.fingerprint, told.starts_at, "firing" if told.firing else "resolved")
        row = rows.get(key)
        if row is None:
            taken.new += 1
            row = rows[key] = _made(told, at, key[2])
        else:
            taken.known += 1
            Alert.objects.filter(pk=row.pk).update(times=F("times") + 1, last_at=at)
            if row.withheld not in ("maintenance", "silenced"):
                continue
        if told.firing:
            over = (told.fingerprint, told.starts_at, "resolved") in rows
            batch.fire(row, troubles_of(told, fleet), over=over)
        else:
            batch.end(row, f"alert:{told.fingerprint}", None, f"{told.name}: over")
    return taken


def _rows_of(alerts: Sequence[Told]) -> dict[tuple[str, datetime, str], Alert]:
    found: dict[tuple[str, datetime, str], Alert] = {}
    names = sorted({one.fingerprint for one in alerts})
    for start in range(0, len(names), 500):
        for row in Alert.objects.filter(fingerprint__in=names[start : start + 500]):
            found[row.fingerprint, row.starts_at, row.status] = row
    return found


def _made(told: Told, at: datetime, status: str) -> Alert:
    labels = told.labels
    hub = labels.get("hub", "")
    if hub and "/" not in hub:
        hub = f"{labels.get('community', '')}/{hub}"
    return Alert.objects.create(
        fingerprint=told.fingerprint,
        starts_at=told.starts_at,
        status=status,
        source="alertmanager",
        name=told.name,
        hub=hub[:80],
        kind=kind_of(told),
        priority=labels.get("priority", "")[:2],
        what=told.what,
        labels=dict(labels),
        url=told.url,
        received_at=at,
        last_at=at,
    )


class _Batch:
    """What a batch of alerts shares: the board, and what is to be left alone now."""

    def __init__(self, fleet: Fleet, at: datetime, taken: Taken, about: Iterable[Trouble]) -> None:
        about = list(about)
        self.fleet, self.at, self.taken = fleet, at, taken
        hubs = {one.hub for one in about}
        self.board = Board(fleet, at, hubs, {one.cluster for one in about if one.cluster})
        self.quiet = Quiet(at)

    def fire(self, row: Alert, troubles: Sequence[Trouble], *, over: bool = False) -> None:
        """Put every hub that is not to be left alone; what is left alone as a whole is withheld."""
        why = "over" if over else "" if troubles else "undeclared"
        held = [self.quiet.why(one.hub, one.kind) for one in troubles]
        if troubles and not why and all(held):
            why = held[0]
        if not why:
            for trouble, left_alone in zip(troubles, held, strict=True):
                if left_alone:
                    continue
                row.incident = self.board.put(trouble, f"alert:{row.pk}", row.url)
                self.taken.incidents.add(row.incident.pk)
        self.taken.withheld += bool(why)
        row.withheld = why
        row.save(update_fields=["withheld", "incident"])

    def end(self, row: Alert, source: str, hub: str | None, what: str) -> None:
        """What said that something is broken says it no longer."""
        touched = self.board.end(source, hub, f"alert:{row.pk}", what)
        if touched:
            row.incident = touched[0]
            row.save(update_fields=["incident"])
        self.taken.incidents |= {one.pk for one in touched}


@dataclass(frozen=True, slots=True)
class Turned:
    """A hub that went up, down or degraded, as our own checks say."""

    hub: str
    state: str
    cause: str
    what: str
    began_at: datetime


@transaction.atomic
def turned(turns: Sequence[Turned], fleet: Fleet, at: datetime | None = None) -> Taken:
    """The same for our own checks, in the order in which hubs turned."""
    at = at or now()
    taken = Taken()
    if not turns:
        return taken
    hold_turnstile()
    found = [_trouble(one, fleet) for one in turns]
    batch = _Batch(fleet, at, taken, [one for one in found if one is not None])
    for turn, trouble in zip(turns, found, strict=True):
        fingerprint = f"turn:{turn.hub}"
        if turn.state == "up":
            _all_over(batch, turn, fingerprint)
            continue
        row, new = Alert.objects.get_or_create(
            fingerprint=fingerprint,
            starts_at=turn.began_at,
            status="firing",
            defaults={
                "source": "watching", "name": turn.cause or turn.state, "hub": turn.hub[:80],
                "kind": trouble.kind if trouble else "other", "labels": {"state": turn.state},
                "priority": trouble.priority if trouble else "", "what": turn.what,
                "received_at": at, "last_at": at,
            },
        )  # fmt: skip
        taken.new += new
        taken.known += not new
        batch.fire(row, [trouble] if trouble else [])
    return taken


def _trouble(turn: Turned, fleet: Fleet) -> Trouble | None:
    if turn.state == "up":
        return None
    said = turn.what or f"{turn.hub} is {turn.state}"
    return turn_trouble(turn.hub, turn.state, turn.cause, said, turn.began_at, fleet)


def _all_over(batch: _Batch, turn: Turned, fingerprint: str) -> None:
    """A hub that is up has nothing of what our checks said before."""
    over = Alert.objects.filter(fingerprint=fingerprint, status="resolved")
    firing = Alert.objects.filter(fingerprint=fingerprint, status="firing").exclude(
        starts_at__in=over.values("starts_at")
    )
    for one in list(firing):
        row = Alert.objects.create(
            fingerprint=fingerprint, starts_at=one.starts_at, status="resolved", source="watching",
            name="up", hub=turn.hub[:80], kind=one.kind, what=turn.what,
            received_at=batch.at, last_at=batch.at,
        )  # fmt: skip
        batch.taken.new += 1
        batch.end(row, "turn", turn.hub, turn.what or f"{turn.hub} is up again")


@transaction.atomic
def reconsider(fleet: Fleet, at: datetime | None = None) -> Taken:
    """What was withheld and still fires is a trouble once the maintenance or silence is over."""
    at = at or now()
    taken = Taken()
    waiting = Alert.objects.filter(withheld__in=("maintenance", "silenced"), status="firing")
    rows = list(waiting.order_by("id")[:500])
    if not rows:
        return taken
    hold_turnstile()
    troubles = [_again(row, fleet) for row in rows]
    batch = _Batch(fleet, at, taken, [t for one in troubles for t in one])
    for row, found in zip(rows, troubles, strict=True):
        over = Alert.objects.filter(
            fingerprint=row.fingerprint, starts_at=row.starts_at, status="resolved"
        )
        batch.fire(row, found, over=over.exists())
    return taken


def _again(row: Alert, fleet: Fleet) -> tuple[Trouble, ...]:
    if row.source == "alertmanager":
        told = Told(row.fingerprint, row.starts_at, True, row.name, row.labels, row.what, row.url)
        return troubles_of(told, fleet)
    state = row.labels.get("state", "down")
    cause = "" if row.name == state else row.name
    found = turn_trouble(row.hub, state, cause, row.what, row.starts_at, fleet)
    return (found,) if found else ()
