"""What a hub's page tells of the checks: the last of each kind, by what it is judged, its turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.monitoring import Checks
from hubfleet.kit.clock import now
from hubfleet.office.watching.availability import Month
from hubfleet.office.watching.maintenance import covered, now_of
from hubfleet.office.watching.models import Check, Condition, Finding, Turn
from hubfleet.office.watching.months import months

MONTHS = 3
"""Those whose availability a hub's page shows."""
_VERDICTS = {"healthy": "good", "degraded": "warn", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of check."""

    title: str
    verdict: str
    word: str
    at: datetime | None
    seconds: float
    what: str
    hint: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """All of it."""

    state: str
    since: datetime | None
    kinds: tuple[Kind, ...]
    certificate_until: datetime | None
    maintained: bool
    terms: str
    turns: Sequence[Turn]
    findings: Sequence[Finding]

    @property
    def word(self) -> str:
        return {"up": "good", "degraded": "warn", "down": "bad"}.get(self.state, "quiet")


def checked(hub: str, checks: Checks) -> Checked | None:
    """None for a hub that was not checked yet."""
    condition = Condition.objects.filter(hub=hub).first()
    rows = sorted(Check.objects.filter(hub=hub), key=lambda row: row.kind)
    if condition is None or not rows:
        return None
    at = now()
    return Checked(
        condition.state,
        condition.since,
        tuple(_kind(row) for row in rows),
        next((row.certificate_until for row in rows if row.certificate_until), None),
        covered(hub, at, now_of(at)),
        in_words(checks),
        list(Turn.objects.filter(hub=hub).order_by("-id")[:6]),
        list(Finding.objects.filter(hub=hub).order_by("-id")[:10]),
    )


def _kind(row: Check) -> Kind:
    return Kind(
        row.get_kind_display().capitalize(), row.verdict, _VERDICTS.get(row.verdict, "quiet"),
        row.at, row.seconds, row.what, row.hint, row.due_at,
    )  # fmt: skip


def in_words(checks: Checks) -> str:
    """By what it is judged, in two sentences."""
    return (
        f"It is asked every {checks.light} whether it answers, and walked through every "
        f"{checks.path}. {checks.down_after} failures in a row say down, {checks.up_after} "
        "successes up."
    )


def last_months(hub: str, fleet: Fleet) -> list[Month]:
    """The measured months, the present one first; those without a record are left out."""
    zone = ZoneInfo(fleet.service.timezone)
    day: date = now().astimezone(zone).date()
    found = []
    for _ in range(MONTHS):
        found += months([hub], day, zone)
        day = day.replace(day=1) - timedelta(days=1)
    return [one for one in found if one.share.seen or one.share.excused]
