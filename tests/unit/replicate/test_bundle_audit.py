"""What could not be taken along, as findings with places and cures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress

import pytest
from typer.testing import CliRunner

from hubfleet.cli import app
from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.audit import Finding, audit
from hubfleet.replicate.audit.kinds import KINDS
from hubfleet.replicate.data.licences import Known, Licence
from tests.built import lay_out
from tests.fleets import write, write_fleet
from tests.unit.fleet_secrets.keyring import identity_in, sealed
from tests.unit.replicate.bundles import exported

KUBERNETES = {"platform": "kubernetes", "kubernetes": {"context": "tide"}}
DIGEST = "sha256:" + "a" * 64
CHART = {"version": "4.3.3"}
ENV = "helm_values.singleuser.extraEnv.A"


def declared(root, values, licences: Mapping[str, Known] | None = None) -> tuple[Finding, ...]:
    """What is found about a hub on Kubernetes with these values."""
    write_fleet(root, {"reef/prod": {"chart": CHART, **values}}, cluster=KUBERNETES)
    whole = {
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
    write(root / "fleet.yaml", whole)
    return audit(load_fleet(root), ["reef/prod"], licences)


def findings(root, **values):
    """Level and code of each."""
    return {(one.level, one.code) for one in declared(root, values)}


def image(name: str, digest: str = f"@{DIGEST}"):
    return {"environment": {"image": f"{name}{digest}"}}


def single(**values):
    return {"helm_values": {"singleuser": values}}


def env(text: str):
    return single(extraEnv={"A": text})


# Every kind: how a hub comes to it, and what is told, word by word.
TEXTS = {
    "accounts-stay": (
        {"access": {"sign_in": "console"}},
        "MAY access.sign_in people sign in at the operator's console"
        " | Their accounts stay there; a copy has a console, or a way to sign in, of its own."
        " | nothing to do now; invite people to the new console after the move",
    ),
    "private-image": (
        image("1.dkr.ecr.eu-west-1.amazonaws.com/b"),
        "MUST environment.image the image is in a registry that needs an account"
        " | Nobody else can fetch it."
        " | push it to a public registry, or keep how it is built in a repository",
    ),
    "cloud-image": (
        image("gcr.io/a/b"),
        "SHOULD environment.image the image is in a cloud provider's registry"
        " | Whether others can fetch it is set there, and may change."
        " | push it to a public registry as well",
    ),
    "vendor-image": (
        image("nvcr.io/nvidia/pytorch:24.01-py3"),
        "SHOULD environment.image the image comes from NVIDIA, under a licence of its own"
        " | Whoever runs the hub next must agree to it, and may not pass the image on."
        " | build one on an image of free software, or read that licence before the move",
    ),
    "image-without-digest": (
        image("quay.io/a/b:1", ""),
        "SHOULD environment.image the image has a tag and no digest"
        " | A tag may name another image tomorrow."
        " | add `@sha256:...` to it, as `docker buildx imagetools inspect` shows it",
    ),
    "private-chart": (
        {"chart": CHART | {"repository": "oci://1.dkr.ecr.eu-west-1.amazonaws.com/charts"}},
        "MUST chart.repository the chart is in a registry that needs an account"
        " | Nobody else can fetch it."
        " | publish it where everybody can fetch it, or use the project's own",
    ),
    "names-operator": (
        env("https://s3.hubpeople.org"),
        f"MUST {ENV} `{ENV}` names a host of the operator"
        " | It means nothing elsewhere, and is left out of a bundle."
        " | write a name of the community's own, or one that everybody can reach",
    ),
    "provider-only": (
        single(storage={"dynamic": {"storageClass": "premium-rwo"}}),
        "MUST helm_values.singleuser.storage.dynamic.storageClass "
        "`helm_values.singleuser.storage.dynamic.storageClass` works on Google's storage alone"
        " | The infrastructure must run with any provider."
        " | put it into the cluster's defaults, where another cluster says it its own way",
    ),
    "provider-service": (
        env("postgres://x.rds.eu-west-1.amazonaws.com/db"),
        f"SHOULD {ENV} `{ENV}` names a service of Amazon"
        " | It stays with the account that pays for it, and what is in it is not part of a bundle."
        " | run free software in its place, or have the community own the account",
    ),
    "bucket-stays": (
        env("s3://scratch"),
        f"SHOULD {ENV} `{ENV}` names a bucket"
        " | What is in it is not part of a bundle."
        " | copy it to storage of the community's own, and let it say which",
    ),
    "inside-address": (
        env("nfs at 10.1.2.3"),
        f"SHOULD {ENV} `{ENV}` names a place inside of the operator's network"
        " | Nothing answers there elsewhere."
        " | put it into the cluster's defaults, where another cluster says it its own way",
    ),
}
BY_PACKAGES: dict[str, tuple[Known, str]] = {
    "no-lock": (
        {},
        "SHOULD environment.packages the environment has no reviewed lock"
        " | Built elsewhere or later it may get other versions."
        " | run `hubfleet environment lock reef/prod`",
    ),
    "licences-not-read": (
        {"": None},
        "MAY environment.packages the licences of the environment's packages are not known here"
        " | They are read from the environment itself, which was not built on this machine."
        " | run `hubfleet environment build reef/prod`, then look again",
    ),
    "proprietary-package": (
        {"": {"six": Licence("1", "MIT"), "cudnn": Licence("9", "LicenseRef-NVIDIA-Proprietary")}},
        "SHOULD environment.packages the package `cudnn` is under a licence that is not free: "
        "LicenseRef-NVIDIA-Proprietary"
        " | Its owner decides who may use it, where, and for how long."
        " | agree with its owner that the community may go on with it elsewhere, or take a free "
        "package in its place",
    ),
    "licence-unknown": (
        {"": {f"p{number:02}": Licence("1") for number in range(14)}},
        "MAY environment.packages 14 packages of the environment without a licence that is known "
        "to be free: p00, p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11 and 2 more"
        " | What may be done with them elsewhere is not written down, or not in words that all "
        "know."
        " | read what they say in LICENCES.md of a bundle, and ask their authors to declare one",
    ),
}


def told(one: Finding) -> str:
    return f"{one.level} {one.key} {one.what} | {one.why} | {one.cure}"


@pytest.mark.parametrize("code", TEXTS)
def test_each_kind_says_what_why_and_the_cure(tmp_path, code):
    values, expected = TEXTS[code]
    (one,) = [one for one in declared(tmp_path, values) if one.code == code]
    assert told(one) == expected
    assert one.place is not None


@pytest.mark.parametrize("code", BY_PACKAGES)
def test_each_kind_of_package_says_what_why_and_the_cure(tmp_path, code):
    known, expected = BY_PACKAGES[code]
    fleet = write_fleet(tmp_path, {"reef/prod": {"environment": {"packages": ["six"]}}})
    (one,) = [one for one in audit(fleet, ["reef/prod"], {"reef/prod": known}) if one.code == code]
    assert told(one) == expected


def test_no_kind_goes_without_such_a_test():
    assert {*TEXTS, *BY_PACKAGES, "chart-stays", "client-stays"} == {*KINDS}
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", code) for code in KINDS)
    assert all(kind.cure and kind.why.endswith(".") for kind in KINDS.values())


def test_a_client_at_a_provider_stays_there(tmp_path):
    root = tmp_path / "fleet"
    access = {"sign_in": "github", "admins": ["ada"], "client": {"id": "x"}}
    # Its secret is written later.
    with suppress(FleetErrors):
        write_fleet(root, {"reef/prod": {"access": access}})
    file = "communities/reef/hubs/prod.secret.yaml"
    text = sealed("secret", "access.client.secret", identity_in(tmp_path / "keys"), file=file)
    write(root / file, {"access": {"client": {"secret": text}}})
    (one,) = audit(load_fleet(root), ["reef/prod"])
    assert told(one) == (
        "MAY access.sign_in people sign in with GitHub"
        " | The client that is registered there is the operator's."
        " | nothing to do now; the new operator registers a client of its own"
    )


def test_a_chart_that_lies_in_the_fleet_stays_there(tmp_path):
    (tmp_path / "charts/own").mkdir(parents=True)
    (tmp_path / "charts/own/Chart.yaml").write_text("apiVersion: v2\nname: own\nversion: 1.0.0\n")
    (one,) = declared(tmp_path, {"chart": {"version": None, "path": "charts/own"}})
    assert told(one) == (
        "MUST chart.path the chart is a folder of the operator's fleet"
        " | It is not part of a bundle, and its changes are known here alone."
        " | publish it, and declare its `repository` and `version`; or use the project's own"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, set()),
        (image("quay.io/a/b"), set()),
        (image("quay.io/a/b:1", ""), {("SHOULD", "image-without-digest")}),
        (image("registry.hubpeople.org/b"), {("MUST", "names-operator")}),
        (image("a.azurecr.io/b"), {("MUST", "private-image")}),
        (image("registry.redhat.io/b"), {("MUST", "private-image")}),
        (image("europe-docker.pkg.dev/p/r/b"), {("SHOULD", "cloud-image")}),
        (image("docker.io/mathworks/matlab"), {("SHOULD", "vendor-image")}),
        (image("public.ecr.aws/a/b"), set()),
        ({"page": {"about": "Ask the Hub People."}}, {("SHOULD", "names-operator")}),
        (
            single(nodeSelector={"cloud.google.com/gke-nodepool": "big"}),
            {("MUST", "provider-only")},
        ),
        (
            single(initContainers=[{"name": "i", "image": "busybox:1"}]),
            {("SHOULD", "image-without-digest")},
        ),
        (
            {"helm_values": {"hub": {"image": {"name": "x.azurecr.io/hub", "tag": "1"}}}},
            {("MUST", "private-image"), ("SHOULD", "image-without-digest")},
        ),
        (
            single(
                storage={
                    "extraVolumes": [{"name": "v", "awsElasticBlockStore": {"volumeID": "v-1"}}]
                }
            ),
            {("MUST", "provider-only")},
        ),
        (
            {"helm_values": {"hub": {"db": {"pvc": {"storageClassName": "gp3"}}}}},
            {("MUST", "provider-only")},
        ),
        ({"helm_values": {"hub": {"db": {"pvc": {"storageClassName": "fast"}}}}}, set()),
        (env("https://b.s3.eu-west-1.amazonaws.com/x"), {("SHOULD", "bucket-stays")}),
        (env("https://storage.googleapis.com/b"), {("SHOULD", "bucket-stays")}),
        (env("fs-1.efs.us-west-2.amazonaws.com:/"), {("SHOULD", "provider-service")}),
        (env("https://x.database.windows.net"), {("SHOULD", "provider-service")}),
    ],
)
def test_what_is_found(tmp_path, values, expected):
    assert findings(tmp_path, **values) == expected


def test_an_image_that_only_a_default_names_is_not_the_hubs(tmp_path):
    """Keys with dots in them are keys, and no path."""
    labels = {"a": "x", "a.b": "y", "image": "quay.io/a/b:1"}
    found = findings(tmp_path, helm_values={"singleuser": {"extraLabels": labels}})
    assert found == {("SHOULD", "image-without-digest")}


def audited(folder, *words):
    where = ["--fleet", str(folder), "--state", str(folder / "state")]
    return CliRunner().invoke(app, ["replicate", "audit", *words, *where])


def test_a_must_finding_is_told_with_its_place_and_ends_with_1(tmp_path):
    findings(tmp_path, page={"about": "Hub People"}, environment={"image": "hub.azurecr.io/a:1"})
    run = audited(tmp_path, "reef/prod")
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
    run = audited(tmp_path, "reef", "--json")
    assert run.exit_code == 0
    told = json.loads(run.stdout)
    assert told["hubs"] == ["reef/prod", "reef/test"]
    one, other = told["findings"]
    assert (one["level"], one["code"], one["hub"]) == ("SHOULD", "no-lock", "reef/test")
    assert (other["level"], other["code"]) == ("MAY", "licences-not-read")
    assert one["cure"] == "run `hubfleet environment lock reef/test`"


def test_who_is_not_declared_is_told(tmp_path):
    write_fleet(tmp_path, {"reef/prod": {}})
    run = audited(tmp_path, "reeef")
    assert run.exit_code == 1
    assert str(run.exception) == (
        "error[unknown-hub]: no hub and no community with hubs is called 'reeef'\n"
        f"  --> {tmp_path}\n"
        "  hint: `hubfleet status` lists the hubs"
    )


def test_the_command_reads_licences_where_an_environment_was_built(tmp_path):
    fleet = write_fleet(tmp_path, {"reef/prod": {"environment": {"packages": ["six"]}}})
    (wanted,) = fleet.hubs["reef/prod"].environments
    packages = {
        "six": "License-Expression: MIT",
        "cudnn": "Classifier: License :: Other/Proprietary License",
        "silent": "",
    }
    lay_out(tmp_path / "state/environments", wanted, packages)
    run = audited(tmp_path, "reef/prod")
    assert run.exit_code == 0
    assert (
        "SHOULD reef/prod: the package `cudnn` is under a licence that is not free: "
        "Other/Proprietary License [proprietary-package]\n"
        "  --> communities/reef/hubs/prod.yaml:2:3\n"
        "  why: Its owner decides who may use it, where, and for how long.\n"
    ) in run.stdout
    assert (
        "MAY reef/prod: 1 package of the environment without a licence that is known to be free: "
        "silent [licence-unknown]\n"
    ) in run.stdout
    assert "licences-not-read" not in run.stdout
    exported(fleet, ("reef/prod",), tmp_path / "bundle", StateFolder(tmp_path / "state"))
    assert (
        (tmp_path / "bundle/LICENCES.md")
        .read_text()
        .endswith(
            "- cudnn 1.0: Other/Proprietary License\n- silent 1.0: not declared\n- six 1.0: MIT\n"
        )
    )
