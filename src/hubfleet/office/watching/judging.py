"""What becomes of results: counted, written down, and turned into up, degraded or down.

`judge` takes the results of one round of one kind of check, in one transaction. A hub that turns
gets one row of `Turn`, whatever finds out that it is down, and its days are counted again from the
moment at which the trouble began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from hubfleet.office.watching.counting import recount
from hubfleet.office.watching.due import Pace, Subject, alike, next_light, next_path, shared
from hubfleet.office.watching.maintenance import Window, covered
from hubfleet.office.watching.models import Check, Condition, Finding, Turn
from hubfleet.office.watching.standings import put_standing, standing_of
from hubfleet.office.watching.turning import State, forgive, take, worst
from hubfleet.probes.light import LightResult
from hubfleet.probes.verdict import ProbeResult, Verdict, class_of


@dataclass(frozen=True, slots=True)
class Result:
    """One result of either kind."""

    hub: str
    verdict: Verdict
    at: datetime
    seconds: float
    cause: str = ""
    what: str = ""
    hint: str = ""
    certificate_until: datetime | None = None

    @classmethod
    def of_light(cls, found: LightResult, at: datetime) -> Result:
        return cls(
            found.hub, found.verdict, at, found.seconds, found.cause, found.what, found.hint,
            found.certificate_until,
        )  # fmt: skip

    @classmethod
    def of_path(cls, found: ProbeResult, at: datetime) -> Result:
        cause = class_of(found.cause)
        return cls(found.hub, found.verdict, at, found.seconds, cause, found.cause, found.hint)


@dataclass(frozen=True, slots=True)
class Terms:
    """What results are judged by."""

    pace: Pace
    zone: ZoneInfo
    maintenance: tuple[Window, ...] = ()


def judge(
    kind: Check.Kind, results: Sequence[Result], subjects: Mapping[str, Subject], terms: Terms
) -> list[Turn]:
    """Write the results down; the turns that follow from them."""
    if not results:
        return []
    by_hub = {one.hub: one for one in results}
    with transaction.atomic():
        checks = list(
            Check.objects.select_for_update().filter(kind=kind, hub__in=by_hub).order_by("hub")
        )
        findings = [
            found
            for check in checks
            if (found := _count(check, by_hub[check.hub], terms)) is not None
        ]
        Finding.objects.bulk_create(findings)
        Check.objects.bulk_update(checks, _FIELDS, batch_size=200)
        if kind == Check.Kind.LIGHT:
            _hurry(checks, subjects)
        turned = [check.hub for check in checks if check.hub in subjects]
        return _settle(turned, by_hub, subjects, terms)


_FIELDS = (
    "at", "verdict", "cause", "what", "hint", "seconds", "certificate_until", "state", "began_at",
    "counted", "due_at",
)  # fmt: skip


def _count(check: Check, result: Result, terms: Terms) -> Finding | None:
    """Bring the row up to date; what is worth remembering of it."""
    news = (check.verdict, check.cause) != (result.verdict, result.cause)
    check.at, check.verdict, check.cause = result.at, result.verdict, result.cause
    check.what, check.hint, check.seconds = result.what, result.hint, result.seconds
    check.certificate_until = result.certificate_until
    standing = standing_of(check)
    if result.verdict != "healthy" and covered(check.hub, result.at, terms.maintenance):
        standing = forgive(standing)
    else:
        standing = take(standing, result.verdict, result.at, terms.pace.thresholds)
    put_standing(check, standing)
    following = next_light if check.kind == Check.Kind.LIGHT else next_path
    check.due_at = following(check.hub, standing, result.at, terms.pace)
    if not news:
        return None
    return Finding(
        hub=check.hub, kind=check.kind, at=result.at, verdict=result.verdict, cause=result.cause,
        what=result.what,
    )  # fmt: skip


def _hurry(checks: Sequence[Check], subjects: Mapping[str, Subject]) -> None:
    """Where one hub fails for what it shares with others, ask the others at once: then all of them
    turn together, and one page tells of all.
    """
    clusters = {
        subjects[check.hub].cluster
        for check in checks
        if check.hub in subjects
        and check.verdict == "failed"
        and shared(check.cause)
        and standing_of(check).failed.count == 1
    }
    beside = [name for name, one in subjects.items() if one.cluster in clusters]
    present = max((check.at for check in checks if check.at), default=None)
    if beside and present:
        Check.objects.filter(
            kind=Check.Kind.LIGHT, hub__in=beside, due_at__gt=present, verdict="healthy"
        ).update(due_at=present)


def _settle(
    hubs: Sequence[str],
    results: Mapping[str, Result],
    subjects: Mapping[str, Subject],
    terms: Terms,
) -> list[Turn]:
    """Compare what all kinds of check say with what is known of each hub."""
    kinds: dict[str, list[Check]] = {hub: [] for hub in hubs}
    for check in Check.objects.filter(hub__in=hubs):
        kinds[check.hub].append(check)
    known = {row.hub: row for row in Condition.objects.select_for_update().filter(hub__in=hubs)}
    turns = []
    for hub in hubs:
        row = known.get(hub)
        said = worst(standing_of(check).state for check in kinds[hub])
        if row is None or row.state == said:
            continue
        check = next(one for one in kinds[hub] if one.state == said)
        if (turn := _turn(row, said, check, results[hub].at, terms.zone)) is not None:
            turns.append(turn)
    _say_what_is_shared(turns, subjects)
    return Turn.objects.bulk_create(turns)


def _turn(row: Condition, state: State, check: Check, at: datetime, zone: ZoneInfo) -> Turn | None:
    """The hub's condition from now on, and the fact that others react to.

    None for one that is known for the first time, and works: nobody waits for that.
    """
    ails = state in ("degraded", "down")
    before, began = row.state, check.began_at or at
    row.state, row.since = state, began
    row.cause, row.what, row.hint = (check.cause, check.what, check.hint) if ails else ("", "", "")
    row.save(update_fields=["state", "since", "cause", "what", "hint"])
    if "down" in (before, state):
        recount(row.hub, down=state == "down", since=began, at=at, zone=zone)
    if before == "down" and check.kind == Check.Kind.LIGHT:
        Check.objects.filter(hub=row.hub, kind=Check.Kind.PATH).update(due_at=at)
    if (before, state) == ("unknown", "up"):
        return None
    return Turn(
        hub=row.hub, state=state, cause=row.cause, what=row.what, hint=row.hint, began_at=began,
        at=at,
    )  # fmt: skip


def _say_what_is_shared(turns: Sequence[Turn], subjects: Mapping[str, Subject]) -> None:
    """Add to what each turn says how many hubs of its cluster fail in the same way now."""
    failing: dict[tuple[str, str], list[str]] = {}
    clusters: dict[str, list[str]] = {}
    for name, one in subjects.items():
        clusters.setdefault(one.cluster, []).append(name)
    if not any(turn.state == "down" and shared(turn.cause) for turn in turns):
        return
    rows = Check.objects.filter(kind=Check.Kind.LIGHT, verdict="failed", hub__in=list(subjects))
    for hub, cause in rows.values_list("hub", "cause"):
        failing.setdefault((subjects[hub].cluster, cause), []).append(hub)
    for turn in turns:
        cluster = subjects[turn.hub].cluster
        if turn.state == "down" and shared(turn.cause):
            said = alike(cluster, failing.get((cluster, turn.cause), ()), clusters[cluster])
            turn.what = f"{turn.what}; {said}" if said else turn.what
