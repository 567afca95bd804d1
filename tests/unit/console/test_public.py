"""What the public is told of a hub, from its state and its last verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.offices import start

start()

from hubfleet.office.console.glance import Row  # noqa: E402
from hubfleet.office.console.public import (  # noqa: E402
    Component,
    PublicStatus,
    Section,
    status_of,
)
from hubfleet.office.site.templatetags.hubfleet import ago, counted, seconds  # noqa: E402

ROW = Row(
    hub="ant/prod", community="ant", community_title="Ant", title="Ant", cluster="reef",
    stage="production", state="running", since="", url="", revision=1, users=0, note="",
    verdict="", verdict_at="", changed_at="", changed_by="", changed_why="", waiting="",
    declared=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("state", "verdict", "maintained", "status"),
    [
        ("running", "", False, "operational"),
        ("running", "healthy", False, "operational"),
        ("running", "degraded", False, "degraded_performance"),
        ("running", "failed", False, "partial_outage"),
        ("crashed", "healthy", False, "major_outage"),
        ("hanging", "", False, "major_outage"),
        ("stopped", "", True, "under_maintenance"),
        ("starting", "", False, "under_maintenance"),
        ("absent", "", False, "under_maintenance"),
    ],
)
def test_a_hubs_status(state, verdict, maintained, status):
    assert status_of(replace(ROW, state=state, verdict=verdict), maintained=maintained) == status


def told(*statuses: str) -> PublicStatus:
    components = tuple(
        Component(f"ant/{number}", f"Hub {number}", "production", status, "", ())  # type: ignore[arg-type]
        for number, status in enumerate(statuses)
    )
    sections = (Section("ant", "Ant", components),) if components else ()
    return PublicStatus("Hubs", sections, (), (), (), "2026-03-01T00:00:00Z", "UTC")


@pytest.mark.parametrize(
    ("statuses", "indicator", "sentence"),
    [
        ((), "none", "There is no hub yet"),
        (("operational", "under_maintenance"), "none", "All hubs work"),
        (("operational", "partial_outage"), "minor", "Hub 1 works only in part"),
        (("operational", "operational", "major_outage"), "major", "Hub 2 does not work"),
        (("major_outage", "major_outage", "operational"), "critical", "2 of 3 hubs have trouble"),
    ],
)
def test_the_sentence_at_the_top(statuses, indicator, sentence):
    found = told(*statuses)
    assert (found.indicator, found.sentence) == (indicator, sentence)


def test_what_nobody_looked_at_is_not_called_well():
    found = replace(told("operational"), seen="")
    assert found.sentence == "The state of the hubs is not known right now"


def test_ages_in_words():
    then = datetime(2026, 3, 1, 12, tzinfo=UTC)
    words = {2: "now", 40: "40 s ago", 300: "5 min ago", 7200: "2 h ago", 6 * 86400: "6 days ago"}
    for age, word in words.items():
        assert ago(then, datetime.fromtimestamp(then.timestamp() + age, UTC)) == word
    assert ago(then, datetime(2026, 3, 1, 11, 55, tzinfo=UTC)) == "in 5 min"
    assert ago(then, datetime(2026, 9, 1, tzinfo=ZoneInfo("UTC"))) == "2026-03-01"


def test_amounts_in_words():
    assert [seconds(value) for value in (None, 0.4, 2.345, 45, 200)] == [
        "-", "0.40 s", "2.3 s", "45 s", "3 min 20 s",
    ]  # fmt: skip
    assert (counted(1, "hub,hubs"), counted(2, "hub"), counted(3, "entry,entries")) == (
        "1 hub",
        "2 hubs",
        "3 entries",
    )
