"""What a chart refuses, said with the file and line that somebody wrote."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.kubernetes import Chart
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes.rendering.schema import (
    ChartRules,
    KnownRules,
    bundled,
    schema_of,
)
from hubfleet.platforms.kubernetes.rendering.values import render
from tests.unit.rendering.hubs import PINS, cluster_of, hub_of

RULES = ChartRules(bundled())


def said(fields: dict[str, Any]) -> list[str]:
    hub = hub_of(fields)
    return [str(problem) for problem in RULES.problems(render(hub, cluster_of(), PINS), hub)]


def test_a_value_that_the_chart_does_not_have() -> None:
    assert said({"interface": "lab", "helm_values": {"hub": {"imag": {"tag": "1"}}}}) == [
        "error[chart-refuses]: the chart has no value `hub.imag`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:2:3\n"
        "  hint: did you mean `image`?"
    ]
    assert said({"interface": "lab", "helm_values": {"hub": {"replicas": 2}}}) == [
        "error[chart-refuses]: the chart has no value `hub.replicas`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:2:3\n"
        "  hint: known in `hub`: revisionHistoryLimit, config, extraFiles, baseUrl, command, args, "
        "cookieSecret, image and 37 more"
    ]


def test_a_value_at_the_top_that_the_chart_does_not_have() -> None:
    assert said({"helm_values": {"jupyterhub": {"hub": {"fsGid": 1}}}}) == [
        "error[chart-refuses]: the chart has no value `jupyterhub`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  hint: write what is below `jupyterhub` one level higher: the chart is no sub-chart here"
    ]


def test_a_value_of_the_wrong_type_or_choice() -> None:
    found = said(
        {
            "helm_values": {
                "hub": {"db": {"type": "oracle"}},
                "singleuser": {"startTimeout": "ten", "extraFiles": {"a": {"mountPath": "/a"}}},
            }
        }
    )
    assert found == [
        "error[chart-refuses]: the chart does not take 'oracle' at `hub.db.type`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  hint: write one of: sqlite-pvc, sqlite-memory, mysql, postgres, other",
        "error[chart-refuses]: the chart refuses what is at `singleuser.extraFiles.a`: "
        "{'mountPath': '/a'} is not valid under any of the given schemas\n"
        "  --> communities/earth-lab/hubs/prod.yaml:3:3\n"
        "  hint: see the chart's reference",
        "error[chart-refuses]: the chart wants a whole number at `singleuser.startTimeout`\n"
        "  --> communities/earth-lab/hubs/prod.yaml:2:3\n"
        "  hint: write a whole number",
    ]


def test_a_typed_field_that_another_chart_refuses_names_the_field() -> None:
    """A chart of somebody's own may be narrower than the project's."""
    schema = {"type": "object", "properties": {"cull": {"properties": {"maxAge": {"maximum": 5}}}}}
    hub = hub_of({"culling": {"max_age": "7d"}})
    (problem,) = ChartRules(schema).problems(render(hub, cluster_of(), PINS), hub)
    assert str(problem) == (
        "error[chart-refuses]: the chart refuses what is at `cull.maxAge`: "
        "604800 is greater than the maximum of 5\n"
        "  --> communities/earth-lab/hubs/prod.yaml:1:3\n"
        "  why: It was made of `culling.max_age`.\n"
        "  hint: see the chart's reference"
    )


def test_the_schema_of_a_known_version_and_of_a_chart_in_a_folder(tmp_path: Path) -> None:
    assert schema_of(Chart(version="4.3.3"), tmp_path) == bundled()
    assert schema_of(Chart(version="9.9.9"), tmp_path) is None
    assert schema_of(Chart(name="other", version="4.3.3"), tmp_path) is None
    (tmp_path / "chart").mkdir()
    assert schema_of(Chart(path="chart"), tmp_path) is None
    (tmp_path / "chart/values.schema.json").write_text(json.dumps({"type": "object"}))
    assert schema_of(Chart(path="chart"), tmp_path) == {"type": "object"}


def test_a_schema_that_is_not_json(tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart/values.schema.json").write_text("type: object")
    with pytest.raises(HubfleetError) as raised:
        schema_of(Chart(path="chart"), tmp_path)
    assert str(raised.value) == (
        "error[bad-chart-schema]: the chart's schema cannot be read\n"
        "  --> chart/values.schema.json\n"
        "  why: Expecting value: line 1 column 1 (char 0)\n"
        "  hint: mend or remove the file; a chart that was fetched is fetched again"
    )


def packed(folder: Path, schema: str) -> Path:
    """A chart as it is fetched, with another chart's schema in it that does not count."""
    archive = folder / "jupyterhub-9.9.9.tgz"
    inner = "jupyterhub/charts/other/values.schema.json"
    with tarfile.open(archive, "w:gz") as chart:
        for name, text in ((inner, "{}"), ("jupyterhub/values.schema.json", schema)):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            chart.addfile(info, io.BytesIO(text.encode()))
    return archive


def test_the_schema_inside_a_fetched_chart_counts(tmp_path: Path) -> None:
    archive = packed(tmp_path, '{"properties": {"cull": {"type": "array"}}}')
    rules = KnownRules(tmp_path).of(Chart(version="9.9.9"), archive)
    assert rules is not None
    hub = hub_of({})
    (problem,) = rules.problems(render(hub, cluster_of(), PINS), hub)
    assert problem.what == "the chart wants a list at `cull`"
    assert KnownRules(tmp_path).of(Chart(version="9.9.9"), tmp_path / "not-there.tgz") is None


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(b"no")
    with pytest.raises(HubfleetError, match="bad-chart-schema"):
        KnownRules(tmp_path).of(Chart(version="9.9.9"), tmp_path / "x.tgz")
