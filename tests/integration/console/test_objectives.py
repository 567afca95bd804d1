"""Pages about objectives: what is promised, what was measured, and who sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from hubfleet.kit.clock import now
from tests.fleets import write
from tests.integration.console.test_pages import text


def promise(console: Any, **said: Any) -> None:
    file = console.office.root / "fleet.yaml"
    fleet = yaml.safe_load(file.read_text())
    fleet["service"]["objectives"] = said
    write(file, fleet)
    console.desk.reload()


def measure(
    hub: str, *, up: float = 0, down: float = 0, excused: float = 0, day: Any = None
) -> None:
    from hubfleet.office.watching.models import HubDay

    day = day or now().date()
    HubDay.objects.update_or_create(
        hub=hub, day=day, defaults={"up": up, "down": down, "excused": excused}
    )


def test_a_hub_page_tells_what_is_left_of_the_budget(console):
    promise(console, availability=99)
    measure("ant/prod", up=80000, down=3600, excused=120)
    from hubfleet.office.watching.models import Announcement

    Announcement.objects.create(
        kind="maintenance", title="New disks", starts_at=now() - timedelta(seconds=60), made_by="e"
    )
    page = text(console.client("eve", "engineer").get("/hubs/ant/prod/"))
    for words in (
        "Objective of this month",
        "at risk",
        "99 %",
        "95.69 %",
        "1 h 0 min",
        "New disks",
    ):
        assert words in page, words
    assert "the budget burns 4.3 times as fast as the target allows" in page
    assert "Objective of this month" not in text(console.client("eve").get("/hubs/ant/staging/")), (
        "nothing is promised of a staging hub"
    )


def test_people_of_a_hub_see_no_target_before_it_is_public(console):
    promise(console, availability=99)
    assert "Objective of this month" not in text(console.client("bo").get("/hubs/ant/prod/"))
    assert "target 99 %" not in text(console.client().get("/status/"))
    promise(console, availability=99, public=True)
    assert "Objective of this month" in text(console.client("bo").get("/hubs/ant/prod/"))
    status = text(console.client().get("/status/"))
    assert status.count("target 99 %") == 2, "two production hubs"


def test_the_fleet_page_counts_budgets_and_leads_to_them(console):
    promise(console, availability=99, hubs={"bee/prod": 99.9})
    measure("ant/prod", up=86400)
    measure("bee/prod", up=80000, down=6400)
    eve = console.client("eve", "engineer")
    page = text(eve.get("/fleet/"))
    assert "1 missed" in page
    assert "1 kept" in page
    page = text(eve.get("/objectives/"))
    order = [
        page.index(f'href="/hubs/{name}/"') for name in ("bee/prod", "ant/prod", "ant/staging")
    ]
    assert order == sorted(order), "the worst comes first"


def test_without_a_target_the_fleet_page_says_nothing_of_objectives(console):
    eve = console.client("eve", "engineer")
    assert "Objectives this month" not in text(eve.get("/fleet/"))
    measure("ant/prod", up=3600, down=3600)
    page = text(eve.get("/objectives/"))
    assert "Nothing is promised" in page
    assert "50.00 %" in page


def test_months_are_leafed_through(console):
    promise(console, availability=99)
    eve = console.client("eve", "engineer")
    from datetime import date

    measure("ant/prod", up=1000, down=1000, day=date(2026, 2, 28))
    page = text(eve.get("/objectives/?month=2026-02"))
    assert 'href="?month=2026-01"' in page
    assert 'href="?month=2026-03"' in page
    assert "50.00 %" in page
    assert "50.00 %" not in text(eve.get("/objectives/?month=2026-03"))
    present = f"{now():%Y-%m}"
    assert 'rel="next"' not in text(eve.get(f"/objectives/?month={present}"))


@pytest.mark.parametrize("month", ["", "2026-13", "9999-12", "x' OR 1=1", "2026-01\n"])
def test_a_month_that_is_none_is_not_found(console, month):
    answer = console.client("eve", "engineer").get("/objectives/", {"month": month})
    assert answer.status_code == 404


def test_each_sees_the_budgets_of_the_hubs_that_they_look_after(console):
    promise(console, availability=99)
    page = text(console.client("zoe").get("/objectives/"))
    assert 'href="/hubs/bee/prod/"' in page
    assert "/hubs/ant/" not in page
    assert "No hub of yours" in text(console.client("bo").get("/objectives/"))
    assert console.client().get("/objectives/").status_code == 302


def test_the_page_asks_as_few_questions_for_many_hubs_as_for_few(console):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    promise(console, availability=99)
    client = console.client("eve", "engineer")

    def asked() -> int:
        with CaptureQueriesContext(connection) as questions:
            assert client.get("/objectives/").status_code == 200
        return len(questions)

    asked()
    few = asked()
    for number in range(20):
        write(console.office.root / f"communities/ant/hubs/more{number}.yaml", {"cluster": "reef"})
    console.desk.reload()
    asked()
    assert asked() == few
