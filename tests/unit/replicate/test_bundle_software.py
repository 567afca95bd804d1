"""Locks, repositories and pictures go along, and still fit where they arrive."""

from __future__ import annotations

import json

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.lockfile import write_lock
from hubfleet.replicate.adopting import Wish, adopt
from tests.fleets import write, write_fleet
from tests.unit.replicate.bundles import NEW_FLEET, contents, exported

LINE = "six==1.17.0 --hash=sha256:" + "a" * 64 + "\n"


def locked(root, name: str, hub: str = "reef/prod", python: str = "3.12") -> None:
    """A reviewed lock beside what it locks."""
    (wanted,) = load_fleet(root, with_locks=False).hubs[hub].environments
    text = write_lock(LINE, basis=wanted.lock_basis, python=python, command="a test")
    (root / name).write_text(text)


def arrived(bundle, folder):
    """The hub in another fleet, and its bundle from there."""
    (folder / "new").mkdir()
    (folder / "new/fleet.yaml").write_text(NEW_FLEET)
    assert adopt(bundle, Wish(folder / "new", "here")).missing == ()
    fleet = load_fleet(folder / "new")
    exported(fleet, ("reef/prod",), folder / "again", None, database=False)
    return fleet.hubs["reef/prod"]


def test_a_lock_that_the_whole_fleet_shares_becomes_the_hubs(tmp_path):
    packages = {"environment": {"packages": ["six"], "python": "3.12"}}
    write_fleet(tmp_path / "fleet", {"reef/prod": {}}, defaults=packages)
    locked(tmp_path / "fleet", "fleet.lock")
    fleet = load_fleet(tmp_path / "fleet")
    exported(fleet, ("reef/prod",), tmp_path / "bundle", None, database=False)
    held = contents(tmp_path / "bundle")
    assert held["hubs/prod/environment/default/requirements.txt"].decode() == LINE
    manifest = json.loads(held["manifest.json"])
    assert manifest["hubs"]["prod"]["packages"] == {"": {"six": "1.17.0"}}
    hub = arrived(tmp_path / "bundle", tmp_path)
    (environment,) = hub.environments
    assert environment.lock is not None
    assert environment.lock_file == "communities/reef/hubs/prod.lock"
    assert contents(tmp_path / "again") == held


def test_a_repository_goes_along_with_its_scripts_lock_and_picture(tmp_path):
    root = tmp_path / "fleet"
    repository = root / "communities/reef/environment"
    (repository / "notes").mkdir(parents=True)
    (repository / "requirements.txt").write_text("six\n")
    (repository / "postBuild").write_text("#!/bin/sh\ntrue\n")
    (repository / "postBuild").chmod(0o755)
    (repository / "notes/first.md").write_text("hello\n")
    page = root / "communities/reef/page"
    page.mkdir()
    (page / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>')
    hub = {"environment": {"repository": "environment"}, "page": {"logo": "page/logo.svg"}}
    write_fleet(root, {"reef/prod": hub})
    locked(root, "communities/reef/environment/environment.lock")
    exported(load_fleet(root), ("reef/prod",), tmp_path / "bundle", None, database=False)
    exported(load_fleet(root), ("reef/prod",), tmp_path / "bundle.tar", None, database=False)
    before = load_fleet(root).hubs["reef/prod"].environments[0]
    after = arrived(tmp_path / "bundle.tar", tmp_path)
    assert after.environments[0].content == before.content
    assert after.environments[0].lock == before.lock
    assert after.logo is not None
    script = tmp_path / "new/communities/reef/environment/postBuild"
    assert script.stat().st_mode & 0o777 == 0o755
    assert contents(tmp_path / "again") == contents(tmp_path / "bundle")


def test_layers_of_the_new_fleet_that_change_the_hub_are_told(tmp_path):
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    exported(fleet, ("reef/prod",), tmp_path / "bundle", None, database=False)
    new = tmp_path / "new"
    new.mkdir()
    (new / "fleet.yaml").write_text(NEW_FLEET)
    declared = {"platform": "local", "defaults": {"limits": {"memory": "4G"}}}
    write(new / "clusters/here.yaml", declared)
    adopted = adopt(tmp_path / "bundle", Wish(new, "here"))
    assert adopted.changed == ["reef/prod: limits.memory comes from clusters/here.yaml:4:5"]
