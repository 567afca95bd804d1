"""A bundle says which image each tag meant, and says so again wherever it comes out."""

from __future__ import annotations

import json

import pytest
import yaml
from typer.testing import CliRunner

from hubfleet.cli import app
from hubfleet.fleet.load import load_fleet
from hubfleet.replicate.adopting import Wish, adopt
from hubfleet.replicate.export import Options, export
from tests.fleets import write, write_fleet
from tests.registries import MemoryRegistry, Reply, digest, manifest, standing_in
from tests.unit.replicate.bundles import NEW_FLEET, contents

KUBERNETES = {"platform": "kubernetes", "kubernetes": {"context": "tide"}}
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
HUB = {
    "chart": {"version": "4.3.3"},
    "environment": {"image": "quay.io/a/lab:1"},
    "profiles": [{"name": "All", "default": True}, {"name": "Large", "environment": "large"}],
    "environments": {"large": {"image": "quay.io/a/large:1"}},
    "helm_values": {"singleuser": {"initContainers": [{"name": "i", "image": "busybox:1.36"}]}},
}
KNOWN = {"quay.io/a/lab:1": ONE, "busybox:1.36": TWO}


def bundled(root, target, registry, hubs=None):
    """The bundle's files."""
    fleet = write_fleet(root, hubs or {"reef/prod": HUB}, cluster=KUBERNETES)
    return taken(fleet, target, registry)


def taken(fleet, target, registry):
    made = export(fleet, tuple(fleet.hubs), target, Options(), images=registry)
    return made, contents(target)


def test_digests_stand_in_the_fleet_the_charts_values_and_a_list(tmp_path):
    made, held = bundled(tmp_path / "fleet", tmp_path / "bundle", MemoryRegistry(KNOWN))
    declared = yaml.safe_load(held["fleet/communities/reef/hubs/prod.yaml"])
    assert declared["environment"]["image"] == f"quay.io/a/lab:1@{ONE}"
    assert declared["environments"]["large"]["image"] == "quay.io/a/large:1"
    single = yaml.safe_load(held["hubs/prod/values.yaml"])["singleuser"]
    assert f"{single['image']['name']}:{single['image']['tag']}" == f"quay.io/a/lab:1@{ONE}"
    assert single["initContainers"][0]["image"] == f"busybox:1.36@{TWO}"
    assert json.loads(held["IMAGES.json"]) == {
        "images": [
            {
                "name": "busybox",
                "tag": "1.36",
                "digest": TWO,
                "named_by": [
                    {"hub": "prod", "key": "helm_values.singleuser.initContainers.0.image"}
                ],
            },
            {
                "name": "quay.io/a/lab",
                "tag": "1",
                "digest": ONE,
                "named_by": [{"hub": "prod", "key": "environment.image"}],
            },
            {
                "name": "quay.io/a/large",
                "tag": "1",
                "digest": None,
                "named_by": [{"hub": "prod", "key": "environments.large.image"}],
            },
        ]
    }
    (left,) = [one for one in made.manifest.left_out if "digest" in one.what]
    assert left.what == "reef/prod: the digest of quay.io/a/large:1"
    assert left.why == "Gone. Nobody has it"
    assert left.cure == "push it again"
    assert "the digest of quay.io/a/large:1" in held["PLACEHOLDERS.md"].decode()


def test_what_was_found_once_comes_out_again_without_any_registry(tmp_path):
    registry = MemoryRegistry(KNOWN | {"quay.io/a/large:1": TWO})
    _, once = bundled(tmp_path / "fleet", tmp_path / "once", registry)
    new = tmp_path / "new"
    new.mkdir()
    (new / "fleet.yaml").write_text(NEW_FLEET)
    assert adopt(tmp_path / "once", Wish(new, "tide")).missing == ()
    moved = MemoryRegistry(dict.fromkeys(registry.digests, "sha256:" + "f" * 64))
    for name, again in (("offline", None), ("online", moved)):
        _, held = taken(load_fleet(new), tmp_path / name, again)
        assert held == once
    assert moved.asked == []


def test_the_same_answers_make_the_same_bytes_and_each_image_is_asked_for_once(tmp_path):
    hubs = {"reef/prod": HUB, "reef/more": HUB}
    registry = MemoryRegistry(KNOWN)
    _, once = bundled(tmp_path / "fleet", tmp_path / "once", registry, hubs)
    assert sorted(registry.asked) == ["busybox:1.36", "quay.io/a/lab:1", "quay.io/a/large:1"]
    _, again = bundled(tmp_path / "fleet", tmp_path / "again", registry, hubs)
    assert once == again


def test_without_a_registry_the_tags_stay_and_are_told(tmp_path):
    made, held = bundled(tmp_path / "fleet", tmp_path / "bundle", None)
    assert b"@sha256" not in held["fleet/communities/reef/hubs/prod.yaml"]
    told = [one for one in made.manifest.left_out if "digest" in one.what]
    assert [one.what for one in told] == [
        "reef/prod: the digest of busybox:1.36",
        "reef/prod: the digest of quay.io/a/lab:1",
        "reef/prod: the digest of quay.io/a/large:1",
    ]
    assert told[0].why == "No registry was asked for it."
    assert told[0].cure == "export with --pin-images, or write the digest behind the tag"


def test_a_bundle_without_images_has_no_list_of_them(tmp_path):
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    registry = MemoryRegistry()
    made, held = taken(fleet, tmp_path / "bundle", registry)
    assert "IMAGES.json" not in held
    assert (made.images, registry.asked) == ((), [])


def test_a_registry_of_the_operators_own_is_not_asked_and_not_named(tmp_path):
    """What names the operator is left out before anybody is asked."""
    hub = HUB | {"environment": {"image": "images.many-hubs.net/a/lab:1"}}
    root, registry = tmp_path / "fleet", MemoryRegistry(KNOWN)
    write_fleet(root, {"reef/prod": hub}, cluster=KUBERNETES)
    declared = yaml.safe_load((root / "fleet.yaml").read_text())
    declared["service"] |= {"domain": "many-hubs.net", "contact": "a@many-hubs.net"}
    write(root / "fleet.yaml", declared)
    _, held = taken(load_fleet(root), tmp_path / "bundle", registry)
    assert registry.asked == ["busybox:1.36", "quay.io/a/large:1"]
    assert not [path for path, data in held.items() if b"many-hubs.net" in data]


@pytest.mark.parametrize(
    ("options", "pinned", "questions"),
    [
        (["--inside-registry", "HOST"], True, 1),
        ([], False, 0),
        (["--no-pin-images", "--inside-registry", "HOST"], False, 0),
    ],
)
def test_the_command_asks_unless_told_otherwise(tmp_path, options, pinned, questions):
    data = manifest("first")
    headers = {
        "Content-Type": json.loads(data)["mediaType"],
        "Docker-Content-Digest": digest(data),
    }
    with standing_in(lambda _: Reply(200, headers, data)) as server:
        image = f"{server.host}/lab:1"
        hub = {"chart": {"version": "4.3.3"}, "environment": {"image": image}}
        write_fleet(tmp_path / "fleet", {"reef/prod": hub}, cluster=KUBERNETES)
        arguments = ["replicate", "export", "reef/prod", "--to", str(tmp_path / "bundle"), "--json"]
        arguments += ["--fleet", str(tmp_path / "fleet"), "--state", str(tmp_path / "state")]
        run = CliRunner().invoke(
            app, [*arguments, *(word.replace("HOST", server.host) for word in options)]
        )
        assert run.exit_code == 0, run.output
        assert len(server.asked) == questions
    told = json.loads(run.stdout)
    assert told["images"] == [
        {
            "image": image.rpartition(":")[0],
            "tag": "1",
            "digest": digest(data) if pinned else None,
        }
    ]
    left = [one["what"] for one in told["left_out"]]
    assert (f"reef/prod: the digest of {image}" in left) is not pinned
