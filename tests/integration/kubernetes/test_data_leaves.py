"""People's files and the database of a hub on a real API server leave in a bundle, and open here.

The nodes' stand-in runs the programs of pods in folders that stand for volumes; claims, pods,
scheduling, rights and the way of every byte are real.
"""

from __future__ import annotations

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from hubfleet import wiring
from hubfleet.platforms.archives.tree import TreeArchive
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.replicate.adopting import Wish, adopt
from hubfleet.replicate.data.databases import everybody
from hubfleet.replicate.export import Exported, Options, export
from hubfleet.replicate.trial.verify import verify
from tests.control_plane.fake_nodes import volume_folder
from tests.control_plane.places import cluster_place
from tests.integration.kubernetes.acting import HUB, bring_up
from tests.integration.kubernetes.volumes import home_of, make_claim, readers
from tests.unit.replicate.bundles import NEW_FLEET, contents, every_byte, write_database

pytestmark = pytest.mark.integration

TOKEN = "canary-of-the-hub"
EVERYTHING = Options(database=True, homes=True, shared=True)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with two people, a shared folder, and volumes that are neither."""
    with cluster_place(tmp_path_factory.mktemp("leaves") / "place") as place:
        fleet = place.fleet(
            "one",
            {HUB: {"storage": {"shared": True}, "access": {"allow": {"users": ["bo", "cy"]}}}},
            kubernetes={"shared_storage_class": "many"},
        )
        bring_up(place.platform(fleet), fleet)
        space = place.namespace(HUB)
        database = volume_folder(place.plane.volumes, space, "hub-db-dir") / "jupyterhub.sqlite"
        write_database(database, {"bo": False, "cy": True, "hubfleet-probe": False}, TOKEN)
        home_of(place, "bo")
        home_of(place, "hubfleet-probe")
        (make_claim(place, "claim-cy--gpu", "cy", server="gpu") / "of-gpu").write_text("x")
        (make_claim(place, "claim-cy", "cy") / "thesis.txt").write_text("all of it")
        make_claim(place, "scratch")
        shared = volume_folder(place.plane.volumes, space, "hubfleet-shared") / "shared"
        shared.mkdir(parents=True)
        (shared / "data.csv").write_text("a,b\n1,2\n")
        yield place, fleet


def exported(hub, target: Path, options: Options = EVERYTHING) -> Exported:
    place, fleet = hub
    state = StateFolder(place.folder / "exporter")
    with wiring.data_sources(fleet, state) as sources:
        return export(fleet, (HUB,), target, options, state, sources=sources)


@pytest.fixture(scope="module")
def bundle(hub, tmp_path_factory):
    target = tmp_path_factory.mktemp("bundles") / "ant.tar.zst"
    return exported(hub, target), target


def archived(folder: Path) -> bytes:
    """What the export of a folder of this machine would write."""
    sink = BytesIO()
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        TreeArchive(sink, passed_by=(b"lost+found",)).write(root)
    finally:
        os.close(root)
    return sink.getvalue()


def test_everything_is_in_the_bundle_and_nothing_stays_on_the_cluster(hub, bundle):
    place, _ = hub
    made, target = bundle
    held = contents(target)
    promise = made.manifest.hubs["prod"]
    assert promise.homes == {"bo": 1, "cy": 2}
    assert (promise.database, promise.shared) == (True, True)
    space = place.namespace(HUB)
    for claim, path in (("claim-bo", "homes/1.tar"), ("claim-cy", "homes/2.tar")):
        here = archived(volume_folder(place.plane.volumes, space, claim))
        assert held[f"hubs/prod/{path}"] == here, (
            "an archive has the same bytes wherever it is made"
        )
    with tarfile.open(fileobj=BytesIO(held["hubs/prod/shared.tar"])) as archive:
        assert archive.getnames() == [".", "data.csv"]
    assert made.unread == ()
    told = {one.what: one.why for one in made.manifest.left_out}
    assert "ant/prod: home of bo: away is a link that leads out, which is not taken along" in told
    assert told["ant/prod: the volume claim-cy--gpu"] == (
        "It is another volume of cy, and not their home."
    )
    assert "ant/prod: the volume scratch" in told
    assert not [what for what in told if "lost+found" in what or "the volume hub-db" in what]
    assert readers(place) == []


def test_the_database_leaves_without_its_secrets(bundle, tmp_path):
    made, target = bundle
    for path, data in every_byte(target):
        assert TOKEN.encode() not in data, path
    database = tmp_path / "hub.sqlite"
    database.write_bytes(contents(target)["hubs/prod/hub.sqlite"])
    found = everybody(database)
    assert (found["users"], found["admins"]) == (["bo", "cy"], ["cy"])
    assert {"bo", "cy"} <= set(made.manifest.hubs["prod"].users)


def test_it_can_be_taken_in_here_with_everybody_s_files(bundle, tmp_path):
    _, target = bundle
    fleet = tmp_path / "fleet"
    fleet.mkdir()
    (fleet / "fleet.yaml").write_text(NEW_FLEET)
    (fleet / "clusters").mkdir()
    (fleet / "clusters" / "here.yaml").write_text("platform: local\n")
    state = StateFolder(tmp_path / "state")
    adopt(target, Wish(fleet, "here", state=state))
    folder = state.hub(HUB)
    home = folder.homes / str(numbers_of(folder.path)["bo"])
    assert (home / "notes" / "result.csv").read_text() == "who\nbo\n"
    assert (home / "private").stat().st_mode & 0o777 == 0o600
    assert (home / "holes.bin").stat().st_blocks * 512 < 2 << 20, "holes stay holes"
    assert (folder.path / "shared" / "data.csv").exists()


def test_a_copy_of_it_stands_here_and_keeps_its_promises(bundle, tmp_path, monkeypatch):
    _, target = bundle
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    found = verify(target)
    (trial,) = found.trials
    outcomes = {check.name: check.outcome for check in trial.checks}
    assert (outcomes["data"], outcomes["users"], outcomes["probe"]) == ("same", "same", "same")
    assert found.ok, trial.checks
