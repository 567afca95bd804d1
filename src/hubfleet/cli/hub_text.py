"""What `hubfleet hub` prints: endings with their dates, and the ledger of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from hubfleet.cli import output

if TYPE_CHECKING:
    from hubfleet.office.leaving.models import Asset, Ending


def ending_as_json(ending: Ending, today: date) -> dict[str, Any]:
    """The shape that `--json` promises."""
    from hubfleet.kit.clock import timestamp
    from hubfleet.office.leaving.dates import phase_of

    def at(moment: Any) -> str | None:
        return timestamp(moment) if moment else None

    return {
        "hub": ending.hub,
        "phase": phase_of(ending.progress, ending.dates, today),
        "dates": ending.dates.as_json(),
        "asked_by": ending.asked_by,
        "reason": ending.reason,
        "consent": {"of": ending.consent_of, "by": ending.consent_by, "at": at(ending.consent_at)},
        "confirmed": {"by": ending.confirmed_by, "at": at(ending.confirmed_at)},
        "data": ending.data,
        "cancelled": at(ending.cancelled_at),
        "gone": at(ending.gone_at),
        "settled": at(ending.settled_at),
        "closed": at(ending.closed_at),
    }


def print_ending(ending: Ending, today: date) -> None:
    """The dates, and what is to be done next."""
    from hubfleet.office.leaving.dates import phase_of

    phase = phase_of(ending.progress, ending.dates, today)
    output.say(f"{ending.hub}: {phase}")
    dates = ending.dates
    rows = [
        ("asked", f"{dates.asked} by {ending.asked_by}"),
        ("consent", ending.consent_of or "missing"),
        ("second person", ending.confirmed_by or "missing"),
        ("reminders", ", ".join(map(str, dates.reminders)) or "none"),
        ("final export from", str(dates.export_from)),
        ("last day", str(dates.last_day)),
        ("removed from", str(dates.removal)),
        ("aggregates deleted", str(dates.retention_end)),
    ]
    for name, value in rows:
        output.say(f"  {name:<20}{value}")
    if dates.late and phase != "cancelled":
        output.tell(f"note: less notice than agreed; it should have been known by {dates.notice}")
    next_step = what_next(ending, today)
    if next_step:
        output.tell(f"next: {next_step}")


def what_next(ending: Ending, today: date) -> str:
    """Who does what next, in a sentence; empty when nothing is to be done."""
    hub, progress = ending.hub, ending.progress
    if progress.cancelled or progress.forgotten:
        return ""
    if progress.settled:
        return f"hubfleet hub certificate {hub} --to FILE"
    if not progress.consent:
        return "a representative agrees, in the console or with --consent-of"
    if not progress.confirmed:
        return f"somebody else confirms: hubfleet hub end {hub} --confirm"
    return _next_of_agreed(ending, today)


def _next_of_agreed(ending: Ending, today: date) -> str:
    hub = ending.hub
    if ending.gone_at is not None:
        return f"hubfleet hub evidence {hub}, then hubfleet hub erase {hub}"
    if today < ending.removal:
        return f"from {ending.removal} on, take {hub} out of the declaration"
    return f"take {hub} out of the declaration: hubfleet apply --allow-removals"


def print_endings(endings: Sequence[Ending], today: date) -> None:
    """One line each."""
    from hubfleet.office.leaving.dates import phase_of

    if not endings:
        output.say("No hub ends.")
    for one in endings:
        phase = phase_of(one.progress, one.dates, today)
        output.say(f"{one.hub}  {phase}  last day {one.last_day}")
        next_step = what_next(one, today)
        if next_step:
            output.say(f"    next: {next_step}")


def print_assets(ending: Ending, assets: Sequence[Asset]) -> None:
    """The ledger: a line for each kind."""
    from hubfleet.office.leaving.evidence import TITLES

    width = max((len(TITLES[one.kind]) for one in assets), default=0)
    for one in assets:
        output.say(f"{TITLES[one.kind]:<{width}}  {one.state:<9} {one.evidence}")
    if ending.settled_at is not None:
        output.say(f"Nothing is left of {ending.hub}.")
        return
    open_kinds = [one.kind for one in assets if one.state not in ("deleted", "kept")]
    output.say(f"Left, or not shown to be gone: {', '.join(open_kinds)}")


def print_doomed(ending: Ending, assets: Sequence[Asset]) -> None:
    """What erasing will delete, with its size."""
    from hubfleet.office.leaving.evidence import BY_HAND, TITLES
    from hubfleet.platforms.local.homes.quota import readable

    output.say(f"Of {ending.hub} this is deleted for good:")
    for one in assets:
        if one.count and one.state != "kept" and one.kind not in BY_HAND:
            size = f", {readable(one.size)}" if one.size else ""
            output.say(f"  {TITLES[one.kind]}: {one.count}{size}")
