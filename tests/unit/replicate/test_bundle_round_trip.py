"""Out and in again: the same bytes, and nothing of the operator or of others in any of them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.adopting import Wish, adopt
from tests.fleets import write, write_fleet
from tests.unit.fleet_secrets.keyring import identity_in, sealed
from tests.unit.replicate.bundles import (
    NEW_FLEET,
    contents,
    every_byte,
    exported,
    write_database,
    write_hub,
)

PEOPLE = some.lists(some.sampled_from(["bo", "cy", "dee", "éva", "fay"]), unique=True, max_size=4)
HUB_VALUES = some.fixed_dictionaries(
    {},
    optional={
        "limits": some.fixed_dictionaries({"memory": some.sampled_from(["1G", "2G"])}),
        "interface": some.sampled_from(["lab", "notebook", "/lab/tree/a.ipynb"]),
        "culling": some.fixed_dictionaries({"idle": some.sampled_from(["30m", "2h"])}),
        "groups": some.dictionaries(some.sampled_from(["crew", "deck"]), PEOPLE, max_size=2),
        "environment": some.fixed_dictionaries(
            {
                "packages": some.lists(
                    some.sampled_from(["numpy", "six>=1"]), unique=True, min_size=1
                )
            }
        ),
        "storage": some.fixed_dictionaries({"home_quota": some.sampled_from(["1G", "5G"])}),
        "named_servers": some.integers(0, 3),
        "page": some.fixed_dictionaries(
            {
                "about": some.text("ab ~*\n", min_size=1, max_size=30).filter(
                    lambda text: bool(text.strip())
                )
            }
        ),
        "profiles": some.just([{"name": "Small", "default": True}, {"name": "Large: 2"}]),
        "jupyterhub": some.just({"config": {"JupyterHub": {"concurrent_spawn_limit": 10}}}),
        "title": some.sampled_from(["The hub", "No 1: a hub", "yes"]),
    },
)
HOMES = some.dictionaries(
    some.sampled_from(["bo", "cy", "dee"]),
    some.dictionaries(some.sampled_from(["a.txt", "deep/b.bin", "c"]), some.binary(max_size=600)),
    max_size=3,
)
FLEETS = some.fixed_dictionaries(
    {
        "prod": HUB_VALUES,
        "defaults": HUB_VALUES,
        "staging": some.none() | HUB_VALUES,
        "homes": HOMES,
    }
)


def moved(bundle: Path, folder: Path, name: str = "again") -> Path:
    """Import a bundle into an empty fleet with its data, and export it from there."""
    root = folder / f"fleet-{name}"
    root.mkdir()
    (root / "fleet.yaml").write_text(NEW_FLEET)
    state = StateFolder(folder / f"state-{name}")
    adopted = adopt(bundle, Wish(root, "elsewhere", state=state))
    assert adopted.missing == ()
    fleet = load_fleet(root)
    exported(fleet, tuple(fleet.hubs), folder / name, state)
    return folder / name


@settings(max_examples=8, deadline=None)
@given(drawn=FLEETS)
def test_export_import_export_gives_the_same_bytes(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("trip")
    hubs = {"reef/prod": drawn["prod"]}
    if drawn["staging"] is not None:
        hubs["reef/test"] = {"stage": "staging", "gate": None, **drawn["staging"]}
        hubs["reef/prod"] = {"gate": "test", **hubs["reef/prod"]}
    fleet = write_fleet(folder / "fleet", hubs, defaults=drawn["defaults"])
    state = StateFolder(folder / "state")
    for name in hubs:
        write_hub(state, name, drawn["homes"])
    exported(fleet, tuple(hubs), folder / "once", state)
    once, again = contents(folder / "once"), contents(moved(folder / "once", folder))
    assert {path for path in once.keys() | again if once.get(path) != again.get(path)} == set()


def test_what_was_left_out_is_the_only_difference_and_only_once(tmp_path):
    fleet = write_fleet(
        tmp_path / "fleet",
        {"reef/prod": {"page": {"about": "Run by Test Foundation"}}},
        name="Wonderful Hubs",
    )
    exported(fleet, ("reef/prod",), tmp_path / "once", None, database=False)
    again = moved(tmp_path / "once", tmp_path)
    third = moved(again, tmp_path, "third")
    differing = {p for p, data in contents(again).items() if contents(tmp_path / "once")[p] != data}
    assert differing == {"manifest.json", "PLACEHOLDERS.md"}
    assert contents(third) == contents(again)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.zst"])
def test_the_shape_of_a_bundle_changes_nothing_in_it(tmp_path, name):
    fleet = write_fleet(tmp_path / "fleet", {"reef/prod": {}})
    state = StateFolder(tmp_path / "state")
    write_hub(state, "reef/prod", {"bo": {"a": b"1" * 300_000}})
    exported(fleet, ("reef/prod",), tmp_path / "folder", state)
    exported(fleet, ("reef/prod",), tmp_path / name, state)
    assert contents(tmp_path / name) == contents(tmp_path / "folder")
    assert not list(tmp_path.glob("*.unfinished"))


SECRET, OPERATOR, OTHER = "canarysecret", "canaryoperator", "canaryother"


@pytest.fixture
def planted(tmp_path):
    """A fleet with a secret, the operator's names and another community's in every place that
    may hold them.
    """
    root = tmp_path / "fleet"
    about = f"Ask {OPERATOR} at help.{OPERATOR}.org, or {OTHER}."
    # Its secret is written later.
    with suppress(FleetErrors):
        write_fleet(
            root,
            {
                "reef/prod": {
                    "page": {
                        "about": about,
                        "announcement": f"See https://status.{OPERATOR}.org",
                        "operated_by": [{"name": f"The {OPERATOR} people"}, {"name": "We"}],
                        "links": [{"name": "Help", "url": f"https://help.{OPERATOR}.org/x"}],
                    },
                    "jupyterhub": {
                        "config": {
                            "JupyterHub": {
                                "template_vars": {"a": f"https://s3.{OPERATOR}.org", "b": "kept"}
                            }
                        }
                    },
                    "profiles": [{"name": "Small", "description": f"paid by {OTHER}"}],
                    "groups": {"crew": ["bo"], OTHER: ["cy"]},
                    "title": f"Hub of {OPERATOR}",
                    "gate": f"{OTHER}/prod",
                    "environment": {"packages": ["six"]},
                },
                f"{OTHER}/prod": {"access": {"admins": [f"{OTHER}-admin"]}},
            },
            name=f"{OPERATOR} service",
            defaults={
                "access": {
                    "sign_in": "github",
                    "admins": [f"{OPERATOR}-staff", "ada"],
                    "allow": {"users": ["bo", "cy"]},
                    "client": {"id": f"{OPERATOR}-client"},
                }
            },
        )
    declared = yaml.safe_load((root / "fleet.yaml").read_text())
    declared["service"] |= {
        "operator": OPERATOR,
        "contact": f"hubs@{OPERATOR}.org",
        "domain": f"hubs.{OPERATOR}.org",
        "console": {"address": f"https://console.{OPERATOR}.org"},
        "mail": {"server": f"smtps://mail.{OPERATOR}.org"},
        "responsibilities": {f"{OPERATOR}-item": {"sentence": f"What {OPERATOR} does."}},
    }
    write(root / "fleet.yaml", declared)
    community = root / "communities/reef/community.yaml"
    told = yaml.safe_load(community.read_text())
    told |= {
        "responsibility_notes": {"define-environment": f"agreed with {OPERATOR}"},
        "agreement": {"price_list": f"{OPERATOR}-2022", "start": "2022-02-01"},
    }
    write(community, told)
    return root


def seal_secrets(root: Path) -> None:
    """The canary, encrypted as an operator keeps it."""
    identity = identity_in(root.parent / "keys")
    for hub in ("reef/prod", f"{OTHER}/prod"):
        file = f"communities/{hub.replace('/', '/hubs/')}.secret.yaml"
        text = sealed(SECRET, "access.client.secret", identity, file=file)
        write(root / file, {"access": {"client": {"secret": text}}})


def test_no_secret_no_operator_and_nobody_else_is_in_any_byte(planted, tmp_path):
    state = StateFolder(tmp_path / "state")
    write_hub(state, "reef/prod", {"bo": {"a.txt": b"mine"}}, token=SECRET)
    write_database(
        state.hub("reef/prod").database,
        {"bo": False, f"{OPERATOR}-staff": True, f"ops@hubs.{OPERATOR}.org": False},
        SECRET,
    )
    seal_secrets(planted)
    fleet = load_fleet(planted)
    exported(fleet, ("reef/prod",), tmp_path / "bundle", state)
    exported(fleet, ("reef/prod",), tmp_path / "bundle.tar.zst", state)
    searched = 0
    for bundle in (tmp_path / "bundle", tmp_path / "bundle.tar.zst"):
        for where, data in every_byte(bundle):
            searched += len(data)
            for canary in (SECRET, OPERATOR, OTHER):
                assert canary.encode() not in data.lower(), (canary, where)
    assert searched > 100_000
    kept = yaml.safe_load((tmp_path / "bundle/fleet/communities/reef/hubs/prod.yaml").read_text())
    assert kept["jupyterhub"]["config"]["JupyterHub"]["template_vars"] == {"b": "kept"}
    assert kept["access"]["admins"] == ["ada"]
    assert kept["page"]["operated_by"] == [{"name": "We"}]
    manifest = json.loads((tmp_path / "bundle/manifest.json").read_text())
    told = {one["what"] for one in manifest["placeholders"]}
    assert "reef/prod: access.client" in told
    assert manifest["hubs"]["prod"]["users"] == ["ada", "bo", "cy"]


def test_a_canary_that_is_kept_on_purpose_would_be_found(planted, tmp_path):
    """The search itself finds what it looks for."""
    state = StateFolder(tmp_path / "state")
    write_hub(state, "reef/prod", {"bo": {"a.txt": b"the word canaryoperator, bo's own"}})
    write_hub(state, f"{OTHER}/prod", {})
    seal_secrets(planted)
    exported(load_fleet(planted), ("reef/prod",), tmp_path / "bundle.tar.zst", state)
    found = [
        where
        for where, data in every_byte(tmp_path / "bundle.tar.zst")
        if OPERATOR.encode() in data
    ]
    assert found == ["hubs/prod/homes/1.tar", "hubs/prod/homes/1.tar: a.txt"]
