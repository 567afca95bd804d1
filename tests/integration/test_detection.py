"""A hub that is killed is known to be down in seconds, once, for what it is, and up again.

Somebody is told of it, once: nobody is on call here, so it is whoever the service names.
"""

from __future__ import annotations

import pytest

from tests.places import LocalPlace, local_place, until
from tests.watched import FAST, Watched, watched

pytestmark = pytest.mark.integration


@pytest.fixture
def fleet(tmp_path):
    with local_place(tmp_path / "state") as place, watched(place, tmp_path / "fleet", FAST) as made:
        yield made


def test_a_killed_hub_is_down_once_with_its_cause_and_up_again(fleet: Watched):
    for hub in ("ant/prod", "ant/staging"):
        fleet.wait_until_up(hub)
    assert fleet.turns() == []
    fleet.kill_for_good("ant/prod")
    until(fleet.turns, "a turn", 30)
    assert fleet.turns() == [("ant/prod", "down", "hub")]
    until(fleet.pages, "a page by mail", 30)
    (page,) = fleet.pages()
    assert "P1 ant/prod" in page
    assert fleet.rows("SELECT state, source FROM incidents_incident") == [("triggered", "machine")]
    _start_again(fleet.place, fleet)
    until(lambda: len(fleet.turns()) > 1, "the hub to be up again", 60)
    assert fleet.turns() == [("ant/prod", "down", "hub"), ("ant/prod", "up", "")]
    assert len(fleet.pages()) == 1, "one page, not many"
    failed = fleet.rows("SELECT job, said FROM schedules_run WHERE result != 'ok'")
    assert [row for row in failed if row[0] == "light-checks"] == []


def _start_again(place: LocalPlace, fleet: Watched) -> None:
    done = place.run("apply", "--yes", "--without-probes", "--without-isolation", fleet=fleet.fleet)
    assert done.returncode == 0, done.stderr
