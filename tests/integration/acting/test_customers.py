"""Where a community stands, by its agreement and its hubs."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

TODAY = date(2026, 3, 1)
BEFORE, LATER = date(2025, 1, 1), date(2027, 1, 1)
ROLLED_OUT = SimpleNamespace(stage="production", revision=3)
NEW = SimpleNamespace(stage="production", revision=0)
STAGING = SimpleNamespace(stage="staging", revision=3)


@pytest.mark.parametrize(
    ("start_day", "end", "hubs", "stage"),
    [
        (BEFORE, None, [ROLLED_OUT, STAGING], "active"),
        (BEFORE, TODAY, [ROLLED_OUT], "active"),
        (BEFORE, None, [STAGING, NEW], "set-up"),
        (LATER, None, [ROLLED_OUT], "set-up"),
        (BEFORE, date(2026, 2, 28), [ROLLED_OUT], "ended"),
        (BEFORE, None, [], "leaving"),
        (LATER, None, [], "set-up"),
        (None, None, [ROLLED_OUT], "active"),
        (None, None, [], "set-up"),
    ],
)
def test_where_a_community_stands(start_day, end, hubs, stage):
    from hubfleet.office.console.acts.customers import stage_of

    agreement = SimpleNamespace(start=start_day, end=end) if start_day else None
    community: Any = SimpleNamespace(file=SimpleNamespace(agreement=agreement), hubs=hubs)
    assert stage_of(community, hubs, TODAY) == stage
