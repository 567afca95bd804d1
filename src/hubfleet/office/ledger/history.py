"""Reading revisions: a page of them, one by its name, the one before it."""

from __future__ import annotations

import re

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.ledger.models import Revision
from hubfleet.office.ledger.revisions import RevisionRecord

_NAMED = re.compile(r"(?P<hub>[^@\s]+/[^@\s]+)@(?P<number>[0-9]{1,9})")


def page(alias: str, hub: str | None, limit: int, before: int | None) -> list[RevisionRecord]:
    """The newest first."""
    rows = Revision.objects.using(alias).order_by("-id")
    if hub is not None:
        rows = rows.filter(hub=hub)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [record_of(row) for row in rows[:limit]]


def find(alias: str, named: str) -> RevisionRecord:
    """By `hub@number` (the newest of that name) or `id`; raises `unknown-revision`."""
    rows = Revision.objects.using(alias)
    if match := _NAMED.fullmatch(named):
        found = rows.filter(hub=match["hub"], number=int(match["number"])).order_by("-id").first()
    elif named.isascii() and named.isdigit() and len(named) <= 18:
        found = rows.filter(id=int(named)).first()
    else:
        found = None
    if found is None:
        raise _unknown(named)
    return record_of(found)


def previous(alias: str, record: RevisionRecord) -> RevisionRecord | None:
    """What the hub ran before; None for its first."""
    return next(iter(page(alias, record.hub, 1, record.id)), None)


def record_of(row: Revision) -> RevisionRecord:
    return RevisionRecord(
        id=row.id,
        rollout=row.rollout_id,
        hub=row.hub,
        number=row.number,
        action=row.action,
        declaration=row.declaration,
        values=row.values,
        environment=row.environment,
        software=row.software,
        who=row.who,
        why=row.why,
        began=row.began_at,
        at=row.at,
        seconds=row.seconds,
        snapshot=row.snapshot,
        verdict=row.verdict,
        probe=row.probe,
        restored_from=row.restored_from,
    )


def _unknown(named: str) -> HubfleetError:
    return failure(
        "unknown-revision",
        f"there is no revision {named!r}",
        why="a revision is named community/hub@number, or by the number in the first column",
        hint="`hubfleet history` lists them",
    )
