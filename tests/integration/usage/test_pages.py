"""Pages of use: what they show, to whom, and that they hold no name."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.integration.usage.conftest import GIB, Place, minutes, server


@pytest.fixture
def used(place: Place) -> Place:
    """Two people today, for an hour."""
    from hubfleet.kit.clock import now

    noon = now().replace(hour=12, minute=0, second=0, microsecond=0)
    running = [server(name, noon, requested=GIB, used=GIB // 2) for name in ("canary-wren", "bo")]
    for count in range(0, 61, 5):
        place.read("ant/prod", noon + minutes(count), *running)
    return place


def client(place: Place, login: str, *staff: str) -> Any:
    from hubfleet.office.accounts.models import Person

    made = Client(SERVER_NAME="localhost")
    person = Person.objects.filter(login=login).first() or place.office.person(login, *staff)
    made.force_login(person, backend="hubfleet.office.accounts.signing_in.OpenAccounts")
    return made


PAGES = ("/hubs/ant/prod/use/", "/communities/ant/use/", "/fleet/use/")


def test_an_engineer_sees_all_three_with_charts_tables_and_definitions(used: Place) -> None:
    eve = client(used, "eve", "engineer")
    for path in PAGES:
        text = eve.get(path).content.decode()
        assert "users of each day, averaged over the days of the period that have begun" in text
        assert "Staff of the operator and health checks are left out" in text
        assert 'role="img" aria-label="Users of a day of ' in text
        assert "At most 2 users, on " in text
        assert "<caption" in text
        assert "canary" not in text
    fleet = eve.get("/fleet/use/").content.decode()
    assert '<a href="/communities/ant/use/">ant</a>' in fleet
    community = eve.get("/communities/ant/use/").content.decode()
    assert '<a href="/hubs/ant/prod/use/">ant/prod</a>' in community
    assert 'href="/hubs/ant/prod/use/"' in eve.get("/hubs/ant/prod/").content.decode()


def test_another_month_is_asked_for_by_its_name_and_nonsense_means_this_one(used: Place) -> None:
    eve = client(used, "eve", "engineer")
    past = eve.get("/hubs/ant/prod/use/?month=2024-02").content.decode()
    assert "The month 2024-02" in past
    assert 'href="?month=2024-01"' in past
    assert 'href="?month=2024-03"' in past
    for odd in ("never", "2999-01", "2024-13", "0001-01", "<b>", "0000-00"):
        assert eve.get("/hubs/ant/prod/use/", {"month": odd}).status_code == 200


def test_rows_are_handed_out_as_csv(used: Place) -> None:
    eve = client(used, "eve", "engineer")
    answer = eve.get("/communities/ant/use.csv")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="use-ant-')
    assert lines[0].startswith("hub,from,to,users,billed_users,")
    assert [line.split(",")[0] for line in lines[1:]] == ["ant/prod"]
    assert eve.get("/hubs/ant/prod/use.csv").status_code == 200
    assert eve.get("/fleet/use.csv").status_code == 200


@pytest.mark.parametrize(
    ("login", "answers"),
    [("ada", (200, 200, 403)), ("zoe", (404, 404, 403)), ("nobody", (404, 404, 403))],
)
def test_those_who_may_see_use_and_cost_see_it(
    place: Place, login: str, answers: tuple[int, ...]
) -> None:
    visitor = client(place, login)
    assert tuple(visitor.get(path).status_code for path in PAGES) == answers
    files = [path.replace("use/", "use.csv") for path in PAGES]
    assert tuple(visitor.get(path).status_code for path in files) == answers


def test_without_any_use_the_page_says_what_will_come(place: Place) -> None:
    eve = client(place, "eve", "engineer")
    for path in PAGES:
        text = eve.get(path).content.decode()
        assert "No use measured yet" in text
        assert "<svg" not in text.partition("<main")[2]


def test_programs_are_answered_what_the_command_prints_as_json(used: Place) -> None:
    eve, zoe = client(used, "eve", "engineer"), client(used, "zoe")
    answer = eve.get("/api/usage", {"scope": "ant", "by": "hub"})
    found = answer.json()
    assert (found["scope"], found["by"], found["total"]["users"]) == ("ant", "hub", 2)
    assert [(row["hub"], row["users"]) for row in found["rows"]] == [("ant/prod", 2)]
    assert found["definitions"]["sessions"] == "servers that started"
    assert eve.get("/api/usage").json()["scope"] is None
    week = eve.get("/api/usage", {"scope": "ant/prod", "from": "2026-11-02", "to": "2026-11-08"})
    assert (week.json()["from"], week.json()["to"]) == ("2026-11-02", "2026-11-08")
    asked = [{"scope": name} for name in ("ant/prod", "ant", "", "bee", "bee/prod", "cow")]
    seen = [zoe.get("/api/usage", one).status_code for one in asked]
    assert seen == [404, 404, 403, 200, 200, 404]
    for odd in ({"scope": "../x"}, {"from": "soon"}, {"by": "person"}):
        assert eve.get("/api/usage", odd).status_code == 422
    long = eve.get("/api/usage", {"from": "0001-01-01", "to": "9999-12-31"})
    assert long.status_code == 200
