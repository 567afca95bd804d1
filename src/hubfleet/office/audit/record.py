"""Writing to the record. Whoever acts calls `record` in the transaction of the act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hubfleet.office.audit.models import Entry

Outcome = Literal["done", "refused", "hidden", "failed"]
Through = Literal["console", "api", "cli", "product"]

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and by which way; the product itself when nothing is said."""

    login: str = "hubfleet"
    id: str = ""
    address: str | None = None
    through: Through = "product"


def record(
    actor: Actor,
    act: str,
    *,
    community: str = "",
    hub: str = "",
    outcome: Outcome = "done",
    what: str = "",
    details: Mapping[str, Any] | None = None,
) -> Entry:
    """One entry. `act` is an action of the rights or a verb; `details` must hold no secret.

    Names that somebody guessed at (a hub that is none) are cut to what the columns hold.
    """
    return Entry.objects.create(
        who=actor.login[:150],
        who_id=actor.id[:36],
        act=act[:60],
        community=(community or hub.partition("/")[0])[:40],
        hub=hub[:80],
        outcome=outcome,
        what=what[:_LONGEST],
        details=dict(details or {}),
        address=actor.address,
        through=actor.through,
    )
