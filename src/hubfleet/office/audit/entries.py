"""Reading the record: filtered, newest first, in pages or as a stream for export."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from hubfleet.kit.clock import timestamp
from hubfleet.office.audit.models import Entry

COLUMNS = (
    "at", "who", "act", "community", "hub", "outcome", "what", "details", "address", "through",
)  # fmt: skip
"""What an export holds, in this order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter; what is empty does not filter. `communities` is what the reader may see at most."""

    communities: Collection[str] | None = None
    who: str = ""
    act: str = ""
    community: str = ""
    hub: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def entries(wanted: Wanted) -> QuerySet[Entry]:
    """Newest first; nothing is read before somebody iterates."""
    found = Entry.objects.all()
    if wanted.communities is not None:
        found = found.filter(community__in=list(wanted.communities))
    texts = {
        "who": wanted.who,
        "act": wanted.act,
        "community": wanted.community,
        "hub": wanted.hub,
        "outcome": wanted.outcome,
    }
    found = found.filter(**{name: value for name, value in texts.items() if value})
    if wanted.since is not None:
        found = found.filter(at__gte=wanted.since)
    if wanted.until is not None:
        found = found.filter(at__lt=wanted.until)
    return found


def as_values(entry: Entry) -> dict[str, Any]:
    """One entry as JSON values, in the order of `COLUMNS`."""
    values = {name: getattr(entry, name) for name in COLUMNS}
    return {**values, "at": timestamp(entry.at)}


def exported(wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every entry, without holding them all."""
    for entry in entries(wanted).iterator(chunk_size=1000):
        yield as_values(entry)
