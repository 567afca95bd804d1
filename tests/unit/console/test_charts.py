"""Charts are drawings with words: what is seen is also said, and nobody's text becomes markup."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from hubfleet.office.console import charts
from hubfleet.office.watching.availability import Day, Share

SVG = "{http://www.w3.org/2000/svg}"
STAGES = [
    {"name": "proxy", "ok": True, "seconds": 0.01, "detail": ""},
    {"name": "spawn", "ok": True, "seconds": 45.0, "detail": ""},
    {"name": "kernel", "ok": False, "seconds": 10.0, "detail": "died"},
]


def drawn(text: str) -> ET.Element:
    return ET.fromstring(str(text))


def test_stages_say_what_took_how_long_and_what_failed():
    chart = drawn(charts.stages(STAGES, "ant/prod"))
    assert chart.get("role") == "img"
    assert chart.get("aria-label") == (
        "Stages of the last probe of ant/prod: proxy worked, 0.01 s; spawn worked, 45.00 s; "
        "kernel failed, 10.00 s"
    )
    assert [bar.get("class") for bar in chart.iter("rect")] == ["good", "warn", "bad"]
    widths = [float(bar.get("width") or 0) for bar in chart.iter("rect")]
    assert widths[1] == max(widths)
    assert min(widths) >= 3, "a bar that took no time can still be seen"


def test_days_are_told_by_height_and_words_and_not_only_by_colour():
    first = date(2026, 3, 1)
    shares = [Share(), Share(86400, 0), Share(80000, 6400)]
    days = [Day(first + timedelta(days=n), share) for n, share in enumerate(shares)]
    chart = drawn(charts.days(days, "ant/prod"))
    assert [bar.get("class") for bar in chart.iter("rect")] == ["quiet", "good", "bad"]
    assert [bar.get("height") for bar in chart.iter("rect")] == ["10", "30", "30"]
    assert [title.text for title in chart.iter("title")] == [
        "2026-03-01: not measured",
        "2026-03-02: 100 %",
        "2026-03-03: 92.59 %",
    ]
    assert charts.in_words(days) == (
        "Measured on 2 days, with trouble on 1; the worst was 2026-03-03 with 92.59 %."
    )


def test_nothing_measured_is_said_so():
    days = [Day(date(2026, 3, 1), Share())]
    assert charts.in_words(days) == "Nothing was measured in this time."


@pytest.mark.parametrize("name", ['<script>alert(1)</script>"', "'><img src=x onerror=y>"])
def test_names_with_markup_stay_text(name):
    for chart in (
        charts.stages(STAGES, name),
        charts.probes([("2026", name, 1.0)], name),
        charts.days([Day(date(2026, 3, 1), Share(1, 1))], name),
        charts.progress([("good", 1)], 2, name),
    ):
        assert name in (drawn(chart).get("aria-label") or "")
        assert not list(drawn(chart).iter("script"))
        assert not list(drawn(chart).iter("img"))


def test_no_chart_has_a_style_of_its_own():
    """The policy of the pages forbids it."""
    assert "style=" not in charts.stages(STAGES, "x") + charts.progress([("good", 1)], 2, "x")


def test_columns_tell_of_each_day_and_never_leave_the_picture() -> None:
    found = charts.columns(
        ["2026-11-01", "2026-11-02", "<3>"],
        (
            charts.Series("asked", "quiet", (4.0, 0.0, 10.0)),
            charts.Series("used", "accent", (0.001, 0.0, 2.5)),
        ),
        "Memory of <ant>",
        "At most 10.",
    )
    assert 'aria-label="Memory of &lt;ant&gt;: At most 10."' in found
    assert "<title>2026-11-01: 4 asked</title>" in found
    assert "<title>&lt;3&gt;: 2.5 used</title>" in found
    assert found.count("<rect") == 4, "a day of nothing has no column"
    heights = [float(bar.get("height") or 0) for bar in drawn(found).iter("rect")]
    assert max(heights) == 82
    assert min(heights) == 1, "little is still seen"


def test_columns_of_nothing_are_an_empty_frame() -> None:
    found = charts.columns(["2026-11-01"], (charts.Series("users", "accent", (0.0,)),), "U", "No.")
    assert "<rect" not in found
    assert ">0</text>" in found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.012, "0.01"),
        (0.3, "0.3"),
        (3, "3"),
        (3.14, "3.1"),
        (12.5, "12"),
        (1250, "1,250"),
    ],
)
def test_amounts_have_as_many_digits_as_help(value: float, words: str) -> None:
    assert charts.amount(value) == words
