"""`turning.Standing` as a row of a check, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from hubfleet.office.watching.models import Check
from hubfleet.office.watching.turning import Row, Standing, State

_ROWS = ("failed", "ailing", "well", "works")


def standing_of(check: Check) -> Standing:
    """What the check adds up to."""
    rows = {name: _row(check.counted.get(name)) for name in _ROWS}
    return Standing(cast("State", check.state), check.began_at, **rows)


def put_standing(check: Check, standing: Standing) -> None:
    """Set the check's fields; the caller saves it."""
    check.state, check.began_at = standing.state, standing.began
    check.counted = {
        name: [row.count, row.since.isoformat()]
        for name in _ROWS
        if (row := getattr(standing, name)).since is not None
    }


def _row(stored: Any) -> Row:
    if not stored:
        return Row()
    return Row(int(stored[0]), datetime.fromisoformat(stored[1]))
