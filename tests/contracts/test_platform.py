"""What every platform must keep, whatever runs its hubs.

A platform is added to `PLATFORMS` with a function that makes one in a folder of its own and takes
away all that it started.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import HubfleetError
from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import CreateHub, RemoveHub, UpdateHub
from hubfleet.platforms.kubernetes.platform import KubernetesPlatform
from hubfleet.platforms.platform import Drains, Platform
from hubfleet.platforms.simulated import SimulatedPlatform
from hubfleet.platforms.simulated_script import HubScript, Script
from hubfleet.platforms.simulated_world import World
from tests.fleets import write_fleet
from tests.places import local_place

pytestmark = pytest.mark.integration


class Declare(Protocol):
    """Writes a fleet with the hub `ant/prod` for the platform at hand."""

    def __call__(self, folder: Path, memory: str = "512M") -> Fleet: ...


Made = tuple[Platform, Declare]


def plainly(folder: Path, memory: str = "512M") -> Fleet:
    return write_fleet(folder, hubs={"ant/prod": {"limits": {"memory": memory}}})


@contextmanager
def local(folder: Path) -> Iterator[Made]:
    with local_place(folder) as place:
        yield place.platform(), plainly


@contextmanager
def simulated(folder: Path) -> Iterator[Made]:
    yield SimulatedPlatform(World(), Script(HubScript(act=0, snapshot=0, roll_back=0))), plainly


@contextmanager
def kubernetes(folder: Path, program: str | None = None) -> Iterator[Made]:
    """On a real API server; skipped, with the reason, where there is none."""
    from tests.control_plane.places import cluster_place

    with cluster_place(folder, program) as place:
        # A platform is made for one fleet; its clusters and charts are those of all of them here.
        def declared(folder: Path, memory: str = "512M") -> Fleet:
            return place.fleet(folder.name, {"ant/prod": {"limits": {"memory": memory}}})

        yield place.platform(place.fleet("first", {})), declared


@contextmanager
def kubernetes_with_helm_3(folder: Path) -> Iterator[Made]:
    from tests.control_plane.programs import helm_3

    program = helm_3()
    if program is None:
        pytest.skip("no helm 3: put `helm3` on PATH, or name one in HUBFLEET_TEST_HELM3")
    with kubernetes(folder, program) as made:
        yield made


PLATFORMS = {
    "local": local,
    "simulated": simulated,
    "kubernetes": kubernetes,
    "kubernetes-helm-3": kubernetes_with_helm_3,
}


@pytest.fixture(params=PLATFORMS)
def made(request, tmp_path) -> Iterator[Made]:
    with PLATFORMS[request.param](tmp_path / "place") as made:
        yield made


@pytest.fixture
def platform(made: Made) -> Platform:
    return made[0]


@pytest.fixture
def declare(made: Made) -> Declare:
    return made[1]


def the_hub(fleet: Fleet) -> Hub:
    return fleet.hubs["ant/prod"]


def nothing(*_: str) -> None: ...


def bring_up(platform: Platform, fleet: Fleet) -> None:
    platform.prepare(list(fleet.hubs.values()), nothing)
    for step in make_plan(fleet, [platform.observe("reef")]).steps:
        platform.perform(step, nothing)


def test_an_empty_place_holds_nothing_and_looking_changes_nothing(platform):
    assert platform.clusters() == frozenset()
    assert platform.observe("reef").hubs == {}
    assert platform.clusters() == frozenset()


def test_a_hub_lives_from_creation_over_a_change_to_its_removal(platform, declare, tmp_path):
    fleet = declare(tmp_path / "one")
    bring_up(platform, fleet)
    seen = platform.observe("reef").hubs["ant/prod"]
    assert (seen.state, seen.revision) == ("running", 1)
    assert seen.values == the_hub(fleet).flat()
    assert make_plan(fleet, [platform.observe("reef")]).steps == ()
    assert platform.clusters() == {"reef"}

    again = platform.perform(CreateHub(the_hub(fleet), ()), nothing)
    assert (again.changed, again.revision) == (False, 1), "a step that is done changes nothing"

    changed = declare(tmp_path / "two", memory="256M")
    outcome = platform.perform(UpdateHub(the_hub(changed), ()), nothing)
    assert (outcome.changed, outcome.revision) == (True, 2)
    assert platform.observe("reef").hubs["ant/prod"].values["limits.memory"] == "256M"
    assert platform.observe("reef").hubs["ant/prod"].since >= seen.since

    door = platform.door("ant/prod")
    assert door.url == outcome.url
    assert door.token not in repr(door)
    assert list(platform.logs("ant/prod", lines=5, follow=False))

    removal = RemoveHub("ant/prod", "reef", ())
    assert platform.perform(removal, nothing).changed
    assert platform.observe("reef").hubs == {}
    assert not platform.perform(removal, nothing).changed, "the second removal finds nothing"


def test_a_snapshot_leads_back_to_what_ran_as_a_new_revision(platform, declare, tmp_path):
    fleet = declare(tmp_path / "one")
    bring_up(platform, fleet)
    assert platform.snapshots("ant/prod") == ()
    snapshot = platform.snapshot("ant/prod")
    assert (snapshot.hub, snapshot.revision) == ("ant/prod", 1)
    assert platform.snapshots("ant/prod") == (snapshot,)
    assert platform.discard_snapshots("ant/prod") == (), "the only way back stays"

    changed = declare(tmp_path / "two", memory="256M")
    platform.perform(UpdateHub(the_hub(changed), ()), nothing)
    preview = platform.preview_rollback("ant/prod", snapshot.id)
    (change,) = preview.changes
    assert (change.key, change.old, change.new) == ("limits.memory", "256M", "512M")
    assert not preview.database
    assert platform.observe("reef").hubs["ant/prod"].revision == 2, "looking changes nothing"

    back = platform.roll_back("ant/prod", snapshot.id, nothing)
    assert (back.changed, back.revision) == (True, 3)
    seen = platform.observe("reef").hubs["ant/prod"]
    assert (seen.state, seen.revision) == ("running", 3)
    assert seen.values == the_hub(fleet).flat()
    assert not platform.roll_back("ant/prod", snapshot.id, nothing).changed


def test_a_hub_that_closes_is_seen_to_and_is_open_again_when_it_is_placed(
    platform, declare, tmp_path
):
    fleet = declare(tmp_path / "one")
    bring_up(platform, fleet)
    drains: object = platform
    assert isinstance(drains, Drains)
    assert drains.close("ant/prod", 600) == 600
    until = platform.observe("reef").hubs["ant/prod"].closing
    assert until
    assert drains.close("ant/prod", 900) <= 900
    assert platform.observe("reef").hubs["ant/prod"].closing == until, "what people were told stays"
    assert list(drains.people("ant/prod")) == []
    bring_up(platform, fleet)
    assert platform.observe("reef").hubs["ant/prod"].closing == ""
    assert make_plan(fleet, [platform.observe("reef")]).steps == ()


def test_what_does_not_exist_is_an_error_with_a_cure(platform):
    with pytest.raises(HubfleetError) as caught:
        platform.door("ant/none")
    assert caught.value.problems[0].code == "unknown-hub"
    assert caught.value.problems[0].hint


def test_a_hub_that_cannot_come_up_says_which_line_of_its_log_shows_why(
    platform, declare, tmp_path
):
    if isinstance(platform, SimulatedPlatform):
        pytest.skip("a simulated hub has no log that could show a cause")
    if isinstance(platform, KubernetesPlatform):
        pytest.skip("no image runs on the stand-in of nodes, so nothing reads the configuration")
    fleet = declare(tmp_path)
    hub = the_hub(fleet)
    wrong = {"JupyterHub": {"logo_file": 12}}
    values = hub.values.model_copy(
        update={"jupyterhub": hub.values.jupyterhub.model_copy(update={"config": wrong})}
    )
    platform.prepare([hub], nothing)
    with pytest.raises(HubfleetError) as caught:
        platform.perform(CreateHub(replace(hub, values=values), ()), nothing)
    (problem,) = caught.value.problems
    assert problem.code == "hub-did-not-come-up"
    assert problem.what == "ant/prod did not come up"
    assert "logo_file" in problem.why
    assert str(problem.place).rpartition(":")[2].isdigit()
