"""To which incident a trouble belongs. Pure.

One hub with one kind of trouble is in one open incident. Hubs of one cluster that fail alike within
a short time are one incident. What ended by itself and returns soon is the same one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Trouble:
    """One hub (empty: the service) with one kind of trouble, from one source."""

    hub: str
    cluster: str
    kind: str
    priority: str
    what: str
    began_at: datetime
    source: str
    """`turn`, or `alert:<fingerprint>`."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """An incident as far as grouping looks at it."""

    number: int
    kind: str
    troubles: frozenset[tuple[str, str]]
    """`(hub, kind)`."""
    turned: frozenset[str]
    """Hubs that our own checks say are broken now."""
    clusters: frozenset[str]
    joined_at: datetime
    """When its last hub began to fail."""
    by_machine: bool
    resolved_at: datetime | None = None
    alone: bool = True
    """Nobody has taken it."""


@dataclass(frozen=True, slots=True)
class Spans:
    """How long things count as together, and as a return."""

    same_cause: timedelta
    returning: timedelta


_BELOW = frozenset({"infrastructure", "hub-unreachable"})
"""When what is below the hubs breaks, their addresses do not answer: one cause."""


def belongs_to(trouble: Trouble, known: Sequence[Known], at: datetime, spans: Spans) -> int | None:
    """The number of its incident, open or to be opened again; None for a new one."""
    opened = [one for one in known if one.resolved_at is None]
    for found in (
        (one for one in opened if (trouble.hub, trouble.kind) in one.troubles),
        # What our checks say of a hub is one story, also when the cause turns out to be another.
        (one for one in opened if trouble.source == "turn" and trouble.hub in one.turned),
        (one for one in known if _returns(trouble, one, at, spans.returning)),
        (one for one in opened if _same_cause(trouble, one, spans.same_cause)),
    ):
        number = _newest(found)
        if number is not None:
            return number
    return None


def _returns(trouble: Trouble, one: Known, at: datetime, within: timedelta) -> bool:
    if one.resolved_at is None or not one.alone or at - one.resolved_at > within:
        return False
    return (trouble.hub, trouble.kind) in one.troubles


def _same_cause(trouble: Trouble, one: Known, within: timedelta) -> bool:
    if not one.by_machine or not trouble.cluster or trouble.cluster not in one.clusters:
        return False
    alike = trouble.kind == one.kind or {trouble.kind, one.kind} <= _BELOW
    return alike and abs(trouble.began_at - one.joined_at) <= within


def _newest(found: Iterable[Known]) -> int | None:
    return max((one.number for one in found), default=None)


def title_of(troubles: Sequence[tuple[str, str]], what: str, words: str) -> str:
    """What an incident is called: `(hub, cluster)` of all that is broken, and what is known."""
    hubs = sorted({hub for hub, _ in troubles if hub})
    clusters = sorted({cluster for _, cluster in troubles if cluster})
    said = " ".join(what.split()) or words
    if not hubs:
        title = said
    elif len(hubs) == 1:
        title = said if hubs[0] in said else f"{hubs[0]}: {said}"
    elif len(clusters) == 1:
        title = f"{len(hubs)} hubs on {clusters[0]}: {words}"
    else:
        title = f"{len(hubs)} hubs: {words}"
    return title if len(title) <= 160 else title[:159] + "…"
