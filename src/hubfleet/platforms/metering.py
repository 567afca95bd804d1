"""What both platforms say of a hub that cannot be read yet."""

from __future__ import annotations

from hubfleet.kit.errors import HubfleetError, failure


def no_meter_token(hub: str, place: str) -> HubfleetError:
    """The refusal for a hub that was placed before hubs had a token for it."""
    return failure(
        "no-meter-token",
        f"the use of {hub} cannot be read yet",
        place=place,
        why="an earlier hubfleet placed it, without a token for that",
        hint="run `hubfleet apply`, which gives it one",
    )
