"""Live progress: readable at 43 and at 1,000 hubs."""

from __future__ import annotations

from hubfleet.cli.rollout_progress import RolloutProgress
from hubfleet.planning.plan import make_plan
from hubfleet.planning.schedule import schedule
from hubfleet.rollout.events import Event
from tests.unit.planning.worlds import a_fleet, a_hub, a_world

AT = "2026-01-01T00:00:00Z"


def shown(hubs, clusters):
    fleet = a_fleet(*(a_hub(f"c{n}/prod", f"k{n % clusters}") for n in range(hubs)))
    plan = make_plan(fleet, a_world(clusters=[f"k{n}" for n in range(clusters)]))
    return RolloutProgress(schedule(plan, fleet.rollout), quiet=True)


def tell(progress, hub, phase, why=""):
    cluster = progress._lines[hub].cluster
    progress.listen(Event("hub", AT, "r", hub, cluster, "", phase, why, 1.0))


def text(progress, height=24):
    return [str(line) for line in progress.picture(height)]


def test_every_cluster_with_work_is_a_branch_with_phases_and_reasons():
    progress = shown(6, 2)
    tell(progress, "c0/prod", "begun")
    tell(progress, "c0/prod", "probing")
    tell(progress, "c1/prod", "rolled-back", "it is failed")
    lines = text(progress)
    assert lines[0].startswith("changing 1/6, 1 under way, 1 failed  ")
    assert lines[1] == "  c1/prod  rolled-back  1.0 s  it is failed"
    assert lines[2] == "  k0  0/3"
    assert lines[3].startswith("    c0/prod  probing  ")
    assert "  4 wait after wave 2 of 3" in lines


def test_a_thousand_hubs_fit_a_screen_and_nothing_is_lost_without_a_count():
    progress = shown(1000, 200)
    for number in range(0, 1000, 3):
        tell(progress, f"c{number}/prod", "begun")
    lines = text(progress)
    assert len(lines) <= 24
    assert lines[0].startswith("changing 0/1000, 334 under way  ")
    assert any(line.endswith("more clusters with work") for line in lines)


def test_forty_hubs_at_work_among_a_thousand_are_all_seen_with_what_failed_first():
    progress = shown(1000, 200)
    for number in range(500):
        tell(progress, f"c{number}/prod", "done")
    tell(progress, "c600/prod", "failed", "it did not come up")
    tell(progress, "c700/prod", "held", "its gate c600/prod is not healthy")
    for number in range(800, 840):
        tell(progress, f"c{number}/prod", "begun")
    lines = text(progress, height=50)
    assert lines[1] == "  c600/prod  failed  1.0 s  it did not come up"
    assert sum("begun" in line for line in lines) == 40
    assert "  1 left as they were: its gate c600/prod is not healthy" in lines
    assert lines[-1] == "  500 done"


def test_what_is_done_is_a_number():
    progress = shown(40, 10)
    for number in range(40):
        tell(progress, f"c{number}/prod", "done")
    assert text(progress)[1:] == ["  40 done"]
