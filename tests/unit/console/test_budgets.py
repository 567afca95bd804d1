"""What a target leaves for failures, and what is left of it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.watching.budgets import (
    Budget,
    Measured,
    Month,
    budget,
    in_budget,
    in_time,
    worst_first,
)

BERLIN = ZoneInfo("Europe/Berlin")
MARCH = Month(2026, 3, BERLIN)
END = datetime(2026, 4, 1, tzinfo=UTC)
DAY = 86400.0


def of(*measured: Measured, target: float | None = 99.5, at: datetime = END) -> Budget:
    return budget("ant/prod", "production", MARCH, target, measured, at)


def test_a_month_is_one_of_the_services_zone() -> None:
    assert MARCH.start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert MARCH.end == datetime(2026, 3, 31, 22, tzinfo=UTC)
    # The clocks go forward.
    assert MARCH.seconds == 31 * DAY - 3600
    assert (str(MARCH), str(MARCH.next()), str(MARCH.before())) == ("2026-03", "2026-04", "2026-02")
    january = Month(2026, 1, BERLIN)
    assert (str(january.before()), str(january.before().next())) == ("2025-12", "2026-01")
    assert Month.named("2026-03", BERLIN) == MARCH
    assert MARCH.last.isoformat() == "2026-03-31"


@pytest.mark.parametrize("text", ["2026-13", "2026-3", "march", "0000-01", "9999-12", "2026-03\n"])
def test_what_is_not_a_month(text: str) -> None:
    with pytest.raises(HubfleetError) as raised:
        Month.named(text, BERLIN)
    assert str(raised.value) == (
        f"error[not-a-month]: `{text}` is not a month\n"
        "  hint: write the year and the month as in 2026-11"
    )


def test_what_is_left_of_a_month() -> None:
    """An hour down of the 3.72 that 99.5 % of this March leave."""
    found = of(Measured(10 * DAY, 3600), Measured(5 * DAY, 0, 7200))
    assert found.allowed is not None
    assert found.allowed == pytest.approx(0.005 * (31 * DAY - 3600 - 7200))
    assert found.left == pytest.approx(found.allowed - 3600)
    assert found.burn == pytest.approx(3600 / (15 * DAY + 3600) / 0.005)
    assert found.unmeasured == pytest.approx(31 * DAY - 3600 - 15 * DAY - 3600 - 7200)
    assert found.state == "kept"
    assert found.as_json() == {
        "hub": "ant/prod",
        "stage": "production",
        "target": 99.5,
        "availability": 99.722,
        "up_seconds": 15 * DAY,
        "down_seconds": 3600,
        "excused_seconds": 7200,
        "unmeasured_seconds": 31 * DAY - 3600 - 15 * DAY - 3600 - 7200,
        "budget_seconds": 13338,
        "left_seconds": 9738,
        "left": 0.73,
        "burn": 0.55,
        "state": "kept",
        "excluded": [],
    }


@pytest.mark.parametrize(
    ("measured", "target", "state"),
    [
        (Measured(DAY, 0), None, "no target"),
        (Measured(), 99.5, "not measured"),
        (Measured(0, 0, DAY), 99.5, "not measured"),
        (Measured(DAY, 0), 99.5, "kept"),
        (Measured(DAY, 3600), 99.5, "at risk"),
        (Measured(20 * DAY, 5 * 3600), 99.5, "missed"),
        (Measured(0, DAY), 99.5, "missed"),
    ],
)
def test_states(measured: Measured, target: float | None, state: str) -> None:
    assert of(measured, target=target).state == state


def test_a_miss_is_never_rounded_away() -> None:
    found = of(Measured(30 * DAY, 1), target=99.99995)
    assert found.as_json()["availability"] == 99.999
    assert of(Measured(9995, 5)).as_json()["availability"] == 99.95


def test_what_needs_a_look_comes_first() -> None:
    found = [
        of(Measured(DAY), target=None),
        of(Measured(DAY)),
        of(Measured(DAY, 3600)),
        of(),
        of(Measured(0, DAY)),
    ]
    assert [one.state for one in worst_first(found)] == [
        "missed",
        "at risk",
        "not measured",
        "kept",
        "no target",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-0.4, "0 s"),
        (59.9, "59 s"),
        (-61, "-1 min"),
        (13338, "3 h 42 min"),
        (172800, "2 d 0 h"),
        (-200000, "-2 d 7 h"),
    ],
)
def test_time_in_words(seconds: float, words: str) -> None:
    assert in_time(seconds) == words


def test_a_budget_in_words() -> None:
    assert in_budget(3600, 7200) == "1 h 0 min of 2 h 0 min"
    assert in_budget(-3600, 7200) == "1 h 0 min over 2 h 0 min"
    assert in_budget(None, None) == "-"


SECONDS = st.integers(min_value=0, max_value=31 * 86400 - 3600).map(float)
TARGETS = st.floats(min_value=50, max_value=99.999, allow_nan=False)


@given(SECONDS, SECONDS, SECONDS, TARGETS)
def test_laws(up: float, down: float, excused: float, target: float) -> None:
    found = of(Measured(up, down, excused), target=target)
    assert found.allowed is not None
    assert found.left == found.allowed - down
    assert found.unmeasured >= 0
    # More down never leaves more, and more excused never leaves more.
    worse = of(Measured(up, down + 60, excused), target=target)
    assert worse.left is not None
    assert worse.left < found.left
    assert found.allowed <= (of(target=target).allowed or 0)
    # A month that was measured whole is missed exactly when it was less available than promised.
    if up + down >= 1:
        whole = MARCH.seconds / (up + down)
        month = of(Measured(up * whole, down * whole), target=target)
        assert month.available is not None
        if abs(month.available - target / 100) > 1e-9:
            assert (month.state in ("missed", "at risk")) == (month.available < target / 100)


@given(st.integers(1, 9998), st.integers(1, 12))
def test_months_join_without_a_gap(year: int, month: int) -> None:
    one = Month(year, month, ZoneInfo("Australia/Lord_Howe"))
    assert one.end == one.next().start
    if (year, month) > (1, 2):
        assert one.before().next() == one
        assert Month.named(str(one), one.zone) == one
