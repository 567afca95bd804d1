"""What could not be taken along, as findings with places and cures."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hubfleet.cli import app
from hubfleet.fleet.load import load_fleet
from hubfleet.replicate.audit import audit
from tests.fleets import write, write_fleet

KUBERNETES = {"platform": "kubernetes", "kubernetes": {"context": "tide"}}
DIGEST = "sha256:" + "a" * 64


def findings(root, **values):
    """Level and code of what is found about a hub on Kubernetes with these values."""
    hub = {"chart": {"version": "4.3.3"}, **values}
    write_fleet(root, {"reef/prod": hub}, cluster=KUBERNETES)
    declared = {
        "service": {
            "name": "Many Hubs",
            "operator": "Hub People",
            "contact": "a@hubpeople.org",
            "domain": "hubs.hubpeople.org",
            "console": {"address": "https://console.hubpeople.org"},
        },
        "defaults": {
            "cluster": "reef",
            "gate": "none",
            "access": {"sign_in": "shared-password", "admins": ["ada"]},
        },
    }
    write(root / "fleet.yaml", declared)
    return {(one.level, one.code) for one in audit(load_fleet(root), ["reef/prod"])}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, set()),
        ({"environment": {"image": f"quay.io/a/b@{DIGEST}"}}, set()),
        ({"environment": {"image": "quay.io/a/b:1"}}, {("SHOULD", "image-without-digest")}),
        (
            {"environment": {"image": f"1.dkr.ecr.eu-west-1.amazonaws.com/b@{DIGEST}"}},
            {("MUST", "private-image")},
        ),
        ({"environment": {"image": f"gcr.io/a/b@{DIGEST}"}}, {("SHOULD", "cloud-image")}),
        (
            {"environment": {"image": f"registry.hubpeople.org/b@{DIGEST}"}},
            {("MUST", "names-operator")},
        ),
        ({"page": {"about": "Ask the Hub People."}}, {("SHOULD", "names-operator")}),
        (
            {"helm_values": {"singleuser": {"extraEnv": {"A": "https://s3.hubpeople.org"}}}},
            {("MUST", "names-operator")},
        ),
        (
            {"helm_values": {"singleuser": {"extraEnv": {"A": "s3://scratch"}}}},
            {("SHOULD", "bucket-stays")},
        ),
        (
            {"helm_values": {"singleuser": {"extraEnv": {"A": "nfs at 10.1.2.3"}}}},
            {("SHOULD", "inside-address")},
        ),
        (
            {
                "helm_values": {
                    "singleuser": {"nodeSelector": {"cloud.google.com/gke-nodepool": "big"}}
                }
            },
            {("MUST", "provider-only")},
        ),
        (
            {"access": {"sign_in": "console"}},
            {("MAY", "accounts-stay")},
        ),
    ],
)
def test_what_is_found(tmp_path, values, expected):
    assert findings(tmp_path, **values) == expected


def test_a_must_finding_is_told_with_its_place_and_ends_with_1(tmp_path):
    findings(tmp_path, page={"about": "Hub People"}, environment={"image": "hub.azurecr.io/a:1"})
    run = CliRunner().invoke(app, ["replicate", "audit", "reef/prod", "--fleet", str(tmp_path)])
    assert run.exit_code == 1
    assert (
        "MUST reef/prod: the image is in a registry that needs an account [private-image]\n"
        "  --> communities/reef/hubs/prod.yaml:6:3\n"
        "  why: Nobody else can fetch it.\n"
        "  hint: push it to a public registry, or keep how it is built in a repository\n"
    ) in run.stdout
    assert run.stdout.index("MUST") < run.stdout.index("SHOULD")


def test_nothing_found_ends_with_0_and_the_json_has_every_field(tmp_path):
    write_fleet(tmp_path, {"reef/prod": {}, "reef/test": {"environment": {"packages": ["six"]}}})
    arguments = ["replicate", "audit", "reef", "--fleet", str(tmp_path), "--json"]
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 0
    told = json.loads(run.stdout)
    assert told["hubs"] == ["reef/prod", "reef/test"]
    (one,) = told["findings"]
    assert (one["level"], one["code"], one["hub"]) == ("SHOULD", "no-lock", "reef/test")
    assert one["cure"] == "run `hubfleet environment lock reef/test`"


def test_who_is_not_declared_is_told(tmp_path):
    write_fleet(tmp_path, {"reef/prod": {}})
    run = CliRunner().invoke(app, ["replicate", "audit", "reeef", "--fleet", str(tmp_path)])
    assert run.exit_code == 1
    assert str(run.exception) == (
        "error[unknown-hub]: no hub and no community with hubs is called 'reeef'\n"
        f"  --> {tmp_path}\n"
        "  hint: `hubfleet status` lists the hubs"
    )
