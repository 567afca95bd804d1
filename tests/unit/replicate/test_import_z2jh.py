"""Values files come in: nothing is lost, nothing is secret, and what Helm would get is the same."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from typer.testing import CliRunner

from hubfleet.cli import app
from hubfleet.fleet.load import load_fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.values import render_values
from hubfleet.replicate.importing.found import alike, leaves_of
from hubfleet.replicate.importing.settling import settle
from hubfleet.replicate.importing.writing import NewCluster, write
from hubfleet.replicate.importing.z2jh import from_values
from tests.unit.rendering.test_rendering_laws import FOREIGN_VALUES
from tests.unit.replicate.fleets import ADA, empty_fleet, fate_of, written

VALUES = """\
proxy: {secretToken: canary-one-0123456789}
hub:
  config:
    JupyterHub: {authenticator_class: dummy, admin_access: yes}
    Authenticator: {admin_users: [Ada]}
  extraConfig:
    greet: |
      c.Spawner.x = "{{ hi }}"
  resources: null
singleuser:
  image: {name: quay.io/jupyter/base-notebook, tag: "2025"}
  memory: {limit: 2G, guarantee: 1G}
  extraEnv: {A: "1e3", MY_TOKEN: canary-two-0123456789}
  defaultMode: 0644
  profileList:
    - &small {display_name: Small & nice, default: true, kubespawner_override: {mem_limit: 2G}}
    - {<<: *small, display_name: Root, default: false, kubespawner_override: {uid: 0}}
cull: {timeout: 3600, every: 77}
ingress: {enabled: true, hosts: [hub.example.org]}
"""


def imported(root: Path, *files: Path) -> Any:
    """The files as a hub of a fleet that did not know it."""
    found = from_values(files, community="lab", hub="prod", cluster="reef")
    found.give("access.sign_in", "shared-password", _origin())
    found.give("chart.version", "4.3.3", _origin())
    settled = settle(found)
    return settled, write(root, [settled], {"reef": NewCluster()}, ADA)


def _origin() -> Any:
    from hubfleet.replicate.importing.found import Origin

    return Origin("the test")


def effective(root: Path) -> dict[tuple[str, ...], Any]:
    """What Helm would be given for the imported hub, leaf by leaf."""
    fleet = load_fleet(root)
    hub = fleet.hubs["lab/prod"]
    return dict(leaves_of(render_values(hub, fleet.clusters["reef"], Pins.placeholders())))


def test_what_helm_would_be_given_is_what_the_files_said(tmp_path: Path) -> None:
    root = empty_fleet(tmp_path / "fleet")
    text = VALUES.replace("  defaultMode: 0644\n", "")
    settled, done = imported(root, written(tmp_path / "values.yaml", text))
    assert done.missing == ()
    ours = effective(root)
    theirs = dict(leaves_of(yaml.safe_load(text)))
    hidden = {("proxy", "secretToken"), ("singleuser", "extraEnv", "MY_TOKEN")}
    for path, value in theirs.items():
        if path not in hidden and value is not None:
            assert alike(value, ours[path]), path
    assert ours["cull", "every"] == 77
    assert fate_of(settled, "cull.every") == ("passed", "helm_values.cull.every")
    assert fate_of(settled, "singleuser.memory.limit") == ("typed", "limits.memory")
    assert fate_of(settled, "hub.resources") == ("not-carried", "")


def test_no_secret_is_written_or_told(tmp_path: Path) -> None:
    root = empty_fleet(tmp_path / "fleet")
    written(tmp_path / "values.yaml", VALUES)
    command = ["import", "z2jh", str(tmp_path / "values.yaml"), "--into", str(root)]
    command += ["--as", "lab/prod", "--cluster", "reef", "--json"]
    result = CliRunner().invoke(app, command)
    told = json.loads(result.stdout)
    keys = {one["key"]: one for one in told["hubs"][0]["keys"]}
    assert keys["singleuser.extraEnv.MY_TOKEN"]["went"] == "secret"
    assert keys["singleuser.extraEnv.MY_TOKEN"]["why"] == (
        "run `hubfleet secret set lab/prod helm_values.singleuser.extraEnv.MY_TOKEN`"
    )
    everything = result.output + "".join(p.read_text() for p in root.rglob("*.yaml"))
    assert "canary" not in everything


@settings(deadline=None, max_examples=40)
@given(FOREIGN_VALUES)
def test_every_key_has_one_fate_and_what_is_carried_is_the_same(values: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        root = empty_fleet(Path(folder) / "fleet")
        settled, _ = imported(root, written(Path(folder) / "values.yaml", values))
        told = [one.origin.key for one in settled.fates if one.origin.key != "the test"]
        assert sorted(told) == sorted(".".join(path) for path, _ in leaves_of(values))
        declared = yaml.safe_load((root / "communities/lab/hubs/prod.yaml").read_text())
    from hubfleet.platforms.kubernetes.rendering.adopting import hub_with
    from tests.unit.rendering.hubs import PINS, cluster_of

    ours = dict(leaves_of(render_values(hub_with(declared), cluster_of({"context": "x"}), PINS)))
    went = {one.origin.key: one.went for one in settled.fates}
    for path, value in leaves_of(values):
        if went[".".join(path)] in ("typed", "passed"):
            assert alike(value, ours[path]), path


def test_layers_win_as_helm_lets_them(tmp_path: Path) -> None:
    one = written(tmp_path / "a.yaml", "singleuser: {extraEnv: {A: '1', B: '1'}, args: [a, b]}")
    two = written(tmp_path / "b.yaml", "singleuser: {extraEnv: {B: '2'}, args: [c]}")
    found = from_values([one, two], community="a", hub="b", cluster="c")
    assert found.values == {"singleuser": {"extraEnv": {"A": "1", "B": "2"}, "args": ["c"]}}
    told = [(str(fate.origin.place), fate.why) for fate in found.fates]
    assert told == [
        ("a.yaml:1:33", "a later layer says otherwise"),
        ("a.yaml:1:42", "a later layer says otherwise"),
    ]


def test_old_yaml_means_what_helm_reads(tmp_path: Path) -> None:
    file = written(
        tmp_path / "a.yaml", "hub: {a: yes, b: off, c: 0644, d: 1_000, e: 'yes', 80: !!str 1}"
    )
    found = from_values([file], community="a", hub="b", cluster="c")
    assert found.values["hub"] == {
        "a": True, "b": False, "c": 420, "d": 1000, "e": "yes", "80": "1",
    }  # fmt: skip


BOMB = "hub:\n  a0: &a0 [x, x]\n" + "".join(
    f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("hub:\n  a: {{ .Values.x }}\n", "template-in-source", "v.yaml:2:6"),
        ("hub:\n{% if x %}\n  a: 1\n", "template-in-source", "v.yaml:2:1"),
        ("hub:\n  a: 1\n  a: 2\n", "duplicate-key", "v.yaml:3:3"),
        ("hub:\n  <<: 1\n", "merge-key", "v.yaml:2:7"),
        ("hub: &a\n  <<: *a\n  b: 1\n", "merge-key", "v.yaml:1:6"),
        (BOMB, "too-many-values", "v.yaml:2"),
        ("hub: {a: '" + "x" * 1_000_001 + "'}", "file-too-large", "v.yaml"),
        ("hub: !!python/object:os.system {}\n", "yaml-tag", "v.yaml:1:6"),
        ("hub: 1\n---\nhub: 2\n", "several-documents", "v.yaml:2:1"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(
    tmp_path: Path, text: str, code: str, place: str
) -> None:
    file = written(tmp_path / "v.yaml", text)
    with pytest.raises(HubfleetError) as error:
        from_values([file], community="a", hub="b", cluster="c")
    problem = error.value.problems[0]
    assert problem.code == code
    assert str(problem.place).startswith(place)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    root = empty_fleet(tmp_path / "fleet")
    hub = written(root / "communities/lab/hubs/prod.yaml", "cluster: mine\n")
    values = written(tmp_path / "v.yaml", "cull: {timeout: 60}\n")
    command = ["import", "z2jh", str(values), "--into", str(root), "--as", "lab/prod"]
    command += ["--cluster", "reef"]
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, HubfleetError)
    assert str(refused.exception) == (
        "error[import-target-exists]: there is a file `communities/lab/hubs/prod.yaml` already\n"
        "  --> communities/lab/hubs/prod.yaml\n"
        "  why: Nothing is overwritten.\n"
        "  hint: import under another name, or say --replace"
    )
    assert [path.name for path in root.rglob("*.yaml")].count("reef.yaml") == 0
    assert CliRunner().invoke(app, [*command, "--replace", "--dry-run"]).exit_code == 0
    assert hub.read_text() == "cluster: mine\n"
    CliRunner().invoke(app, [*command, "--replace"])
    assert "idle: 1m" in hub.read_text()


def test_what_a_field_would_say_otherwise_is_passed_through(tmp_path: Path) -> None:
    """The callback's address follows from the domain, but this one is somewhere else."""
    elsewhere = "https://old.example.org/hub/oauth_callback"
    github = {"oauth_callback_url": elsewhere, "client_id": "x"}
    config = {
        "JupyterHub": {"authenticator_class": "github"},
        "GitHubOAuthenticator": github,
    }
    values = {"hub": {"config": config}, "ingress": {"hosts": ["new.example.org"]}}
    file = written(tmp_path / "v.yaml", values)
    settled = settle(from_values([file], community="a", hub="b", cluster="c"))
    key = "hub.config.GitHubOAuthenticator.oauth_callback_url"
    assert fate_of(settled, key) == ("passed", f"helm_values.{key}")
    passed = settled.declaration["helm_values"]["hub"]["config"]["GitHubOAuthenticator"]
    assert passed == {"oauth_callback_url": elsewhere}


def test_nulls_in_lists_are_told(tmp_path: Path) -> None:
    file = written(tmp_path / "v.yaml", {"hub": {"extraVolumes": [{"name": "x", "y": None}]}})
    settled = settle(from_values([file], community="a", hub="b", cluster="c"))
    assert [fate.why for fate in settled.fates] == ["without the `null`s in it"]
