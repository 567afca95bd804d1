"""Charts beside the hubs, on a real API server: install, change, nothing to do, and bad days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.api import CONFIG_MAPS, SECRETS
from hubfleet.platforms.kubernetes.support.applying import apply_support
from hubfleet.platforms.kubernetes.support.planning import SupportPlan
from tests.control_plane.places import ClusterPlace

pytestmark = pytest.mark.integration

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {word: {{ .Values.word | quote }}}
"""
# Nodes of the tests keep pods unready that ask for it.
DEPLOYMENT = """\
{{- if .Values.broken }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app: broken}}
  progressDeadlineSeconds: 5
  template:
    metadata: {labels: {app: broken}}
    spec:
      nodeSelector: {no-such: node}
      containers: [{name: x, image: registry.example.org/x:1}]
{{- end }}
"""


def declared(place: ClusterPlace, charts: dict[str, dict[str, Any]], **kubernetes: Any) -> Fleet:
    """A fleet whose cluster has these charts beside the hubs, all made of one in a folder."""
    support = {
        name: {"path": "charts/one", "namespace": f"{place.prefix}-beside", "values": values}
        for name, values in charts.items()
    }
    fleet = place.fleet("one", {"ant/prod": {}}, kubernetes={"support": support, **kubernetes})
    chart = fleet.root / "charts" / "one"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: one\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("word: none\nbroken: false\n")
    (chart / "templates/config.yaml").write_text(CONFIG)
    (chart / "templates/deployment.yaml").write_text(DEPLOYMENT)
    return load_fleet(fleet.root)


def carried_out(place: ClusterPlace, fleet: Fleet) -> tuple[SupportPlan, int]:
    platform = place.platform(fleet)
    plan = platform.support_plan("reef")
    told: list[str] = []
    folder = place.folder / "journal"
    changed = apply_support(
        plan, platform, folder, "a test", lambda *words: told.append(str(words))
    )
    return plan, changed


def actions(plan: SupportPlan) -> list[tuple[str, str]]:
    return [(step.action, step.wanted.name) for step in plan.steps]


def word(place: ClusterPlace, name: str) -> str:
    found = place.api.find(CONFIG_MAPS, name, f"{place.prefix}-beside")
    assert found is not None
    return str(found["data"]["word"])


def journal(folder: Path) -> list[str]:
    lines = (folder / "journal" / "reef.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_charts_are_installed_changed_and_then_left_alone(place: ClusterPlace) -> None:
    first, second = f"{place.prefix}-first", f"{place.prefix}-second"
    plan, changed = carried_out(place, declared(place, {first: {"word": "a"}, second: {}}))
    assert (actions(plan), changed) == ([("install", first), ("install", second)], 2)
    assert (word(place, first), word(place, second)) == ("a", "none")

    again, nothing = carried_out(place, declared(place, {first: {"word": "a"}, second: {}}))
    assert (again.steps, nothing) == ((), 0)

    plan, changed = carried_out(place, declared(place, {first: {"word": "b"}, second: {}}))
    assert (actions(plan), changed) == ([("upgrade", first)], 1)
    assert [reason.key for reason in plan.steps[0].reasons] == ["values"]
    assert word(place, first) == "b"

    left = carried_out(place, declared(place, {second: {}}))[0]
    assert left.steps == ()
    assert first in [one.name for one in left.left]
    assert word(place, first) == "b"
    assert journal(place.folder) == ["intended", "done"] * 3


def test_a_changed_file_of_a_chart_is_a_change(place: ClusterPlace) -> None:
    name = f"{place.prefix}-one"
    fleet = declared(place, {name: {}})
    carried_out(place, fleet)
    (fleet.root / "charts/one/values.yaml").write_text("word: other\nbroken: false\n")
    plan, _ = carried_out(place, fleet)
    assert [reason.key for reason in plan.steps[0].reasons] == ["chart"]
    assert word(place, name) == "other"


def test_a_release_that_does_not_come_up_goes_back(place: ClusterPlace) -> None:
    name, later = f"{place.prefix}-one", f"{place.prefix}-two"
    carried_out(place, declared(place, {name: {"word": "good"}}))
    broken = {name: {"word": "bad", "broken": True}, later: {}}
    with pytest.raises(HubfleetError) as raised:
        carried_out(place, declared(place, broken, come_up="6s"))
    (problem,) = raised.value.problems
    assert problem.code == "support-not-placed"
    assert problem.what == f"`{name}` 1.0.0 could not be changed"
    assert problem.why.endswith("What came up last runs again.")
    assert word(place, name) == "good"
    # Whatever came later in the declaration was not begun.
    assert place.api.find(CONFIG_MAPS, later, f"{place.prefix}-beside") is None
    assert journal(place.folder) == ["intended", "done", "intended", "failed"]

    plan, changed = carried_out(place, declared(place, {name: {"word": "better"}}))
    assert (actions(plan), changed) == ([("upgrade", name)], 1)
    assert word(place, name) == "better"


def test_somebody_elses_release_is_left_alone(place: ClusterPlace) -> None:
    name = f"{place.prefix}-one"
    fleet = declared(place, {name: {"word": "ours"}})
    space = f"{place.prefix}-beside"
    chart = str(fleet.root / "charts" / "one")
    place.helm("install", name, chart, "--namespace", space, "--create-namespace")
    with pytest.raises(HubfleetError) as raised:
        carried_out(place, fleet)
    assert str(raised.value) == (
        f"error[support-taken]: there is a release `{name}` already, which hubfleet did not make\n"
        f"  --> reef/{space}\n"
        "  why: Somebody else takes care of it.\n"
        "  hint: take it out of `support:`; or hand it over: "
        f"`kubectl label secret --namespace {space} --selector owner=helm,name={name} "
        f"hubfleet/support={name}`"
    )
    assert word(place, name) == "none"


def test_a_folder_without_a_chart(place: ClusterPlace) -> None:
    fleet = declared(place, {"x": {}})
    file = fleet.root / "clusters" / "reef.yaml"
    told = yaml.safe_load(file.read_text())
    told["kubernetes"]["support"]["x"]["path"] = "nowhere"
    file.write_text(yaml.safe_dump(told))
    with pytest.raises(HubfleetError, match=r"error\[no-chart\]: there is no chart in `nowhere`"):
        place.platform(load_fleet(fleet.root)).support_plan("reef")


def test_a_release_that_somebody_was_killed_on_is_mended(place: ClusterPlace) -> None:
    name = f"{place.prefix}-one"
    fleet = declared(place, {name: {"word": "good"}})
    carried_out(place, fleet)
    space = f"{place.prefix}-beside"
    secret = f"sh.helm.release.v1.{name}.v1"
    place.api.change(
        SECRETS, secret, {"metadata": {"labels": {"status": "pending-upgrade"}}}, space
    )

    plan, changed = carried_out(place, fleet)

    assert (actions(plan), changed) == ([("mend", name)], 1)
    assert word(place, name) == "good"
    assert carried_out(place, fleet)[0].steps == ()


def test_what_a_chart_refuses_is_told_before_anything_is_touched(place: ClusterPlace) -> None:
    """Of hubs: with the file and line that somebody wrote."""
    fleet = place.fleet("wrong", {"ant/prod": {"helm_values": {"nonsense": 1}}})
    platform = place.platform(fleet)
    (problem,) = platform.objections(list(fleet.hubs.values()))
    assert str(problem).startswith(
        "error[chart-refuses]: the chart has no value `nonsense`\n"
        "  --> communities/ant/hubs/prod.yaml:2:3\n"
    )
    with pytest.raises(HubfleetError, match="chart-refuses"):
        platform.prepare(list(fleet.hubs.values()), lambda *_: None)
