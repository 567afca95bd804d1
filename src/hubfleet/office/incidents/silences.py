"""What opens no incident now: declared maintenance, and silences with a reason and an end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Q

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.incidents.models import Silence
from hubfleet.office.watching.models import Announcement

LONGEST = timedelta(days=31)
Withheld = Literal["", "maintenance", "silenced"]


class Quiet:
    """What holds at one moment, read once for a batch."""

    def __init__(self, at: datetime) -> None:
        current = Announcement.objects.filter(
            Q(ends_at=None) | Q(ends_at__gt=at),
            kind=Announcement.Kind.MAINTENANCE,
            starts_at__lte=at,
        )
        self._maintained = set(current.values_list("community", flat=True))
        self._silences = list(in_force(at))

    def why(self, hub: str, kind: str) -> Withheld:
        """Why a trouble of the hub opens nothing; empty when it does."""
        if self._maintained & {"", hub.partition("/")[0]}:
            return "maintenance"
        if any(covers(one.hub, one.kind, hub, kind) for one in self._silences):
            return "silenced"
        return ""


def covers(named: str, named_kind: str, hub: str, kind: str) -> bool:
    """Whether a silence that names this (a hub, a community, nothing) is about the hub."""
    here = named in ("", hub, hub.partition("/")[0])
    return here and named_kind in ("", kind)


def in_force(at: datetime | None = None) -> Sequence[Silence]:
    """Those that hold now, the one that ends last first."""
    at = at or now()
    return list(Silence.objects.filter(starts_at__lte=at, ends_at__gt=at))


@transaction.atomic
def silence(actor: Actor, hub: str, kind: str, reason: str, ends_at: datetime) -> Silence:
    """Open no incident for a hub, a community (or everything) until then.

    Raises `silence-without-reason` and `silence-without-end`.
    """
    if not reason.strip():
        raise failure(
            "silence-without-reason",
            "a silence needs a reason",
            why="whoever finds it later must know whether it still holds",
            hint="say why with --reason, such as the number of a ticket",
        )
    at = now()
    if not at < ends_at <= at + LONGEST:
        raise failure(
            "silence-without-end",
            "a silence must end, and within a month",
            why="one that is forgotten hides the next outage",
            hint="choose a shorter time, and make another one when it still holds then",
        )
    made = Silence.objects.create(
        hub=hub, kind=kind, reason=reason.strip()[:2000], ends_at=ends_at, made_by=actor.login
    )
    what = f"alerts of {hub or 'everything'} open no incident until {ends_at:%Y-%m-%d %H:%M} UTC"
    community, slash, _ = hub.partition("/")
    record(
        actor, "silence-alerts", community=community, hub=hub if slash else "",
        what=f"{what}: {made.reason}",
    )  # fmt: skip
    return made


@transaction.atomic
def end(actor: Actor, one: Silence) -> None:
    """End it now; the second call does nothing."""
    at = now()
    if one.ends_at <= at:
        return
    one.ends_at = at
    one.save(update_fields=["ends_at"])
    community, slash, _ = one.hub.partition("/")
    record(
        actor, "silence-alerts", community=community, hub=one.hub if slash else "",
        what=f"ended the silence of {one.hub or 'everything'}",
    )  # fmt: skip
