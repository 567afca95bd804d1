"""What is written for Prometheus, Alertmanager and Grafana."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.monitoring.bundle import alerts_in, all_files, rule_files, runbooks
from hubfleet.monitoring.dashboards import dashboards, queries
from hubfleet.monitoring.watched import Places
from hubfleet.monitoring.writing import write_monitoring
from tests.fleets import write_fleet
from tests.unit.monitoring.fleets import PLACES, token_file, watched

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "cases" / "monitoring"


def jobs(fleet: Fleet | str, places: Places = PLACES) -> dict[str, Any]:
    config = yaml.safe_load(all_files(watched(fleet, places))["prometheus.yml"])
    return {job["job_name"]: job for job in config["scrape_configs"]}


def test_a_local_hub_is_asked_through_the_proxy_with_a_token_of_its_own() -> None:
    assert jobs("service-43")["hub earth-lab/prod"] == {
        "job_name": "hub earth-lab/prod",
        "scheme": "http",
        "metrics_path": "/hub/metrics",
        "proxy_url": "http://127.0.0.1:8000",
        "authorization": {
            "type": "Bearer",
            "credentials_file": "/state/hubs/earth-lab/prod/metrics-token",
        },
        "static_configs": [
            {
                "targets": ["earth.localhost:80"],
                "labels": {
                    "job": "hub",
                    "hub": "earth-lab/prod",
                    "community": "earth-lab",
                    "cluster": "reef",
                    "stage": "production",
                    "jupyterhub": "6",
                },
            }
        ],
    }


def test_a_hub_on_kubernetes_is_asked_at_its_domain() -> None:
    job = jobs("kubernetes")["hub reef-lab/prod"]
    assert job["scheme"] == "https"
    assert "proxy_url" not in job
    assert job["authorization"]["credentials_file"] == "/tokens/reef-lab/prod"
    [target] = job["static_configs"]
    assert target["targets"] == ["prod-reef-lab.hubs.example.org:443"]
    assert target["labels"]["jupyterhub"] == "5"


@pytest.mark.parametrize("path", sorted(p.name for p in GOLDEN.iterdir()))
def test_the_files_of_the_kubernetes_example_are_as_reviewed(path: str) -> None:
    files = all_files(watched("kubernetes"))
    assert files[path.replace("__", "/")] == (GOLDEN / path).read_text()


def test_every_hub_is_asked_and_so_is_the_console() -> None:
    names = list(jobs("service-43"))
    assert len(names) == 44
    assert names[-1] == "console"


def test_a_hub_that_shows_its_numbers_to_all_needs_no_token(tmp_path: Path) -> None:
    open_to_all = {"config": {"JupyterHub": {"authenticate_prometheus": False}}}
    fleet = write_fleet(tmp_path, {"a/b": {"jupyterhub": open_to_all}})
    assert "authorization" not in jobs(fleet)["hub a/b"]


@pytest.mark.parametrize(
    ("version", "matcher"),
    [
        ("5.4.0", 'jupyterhub="5", status="failure"'),
        ("6.1.1", 'jupyterhub="6", status="error"'),
        ("unknown", 'jupyterhub="unknown", status=~"error|failure"'),
    ],
)
def test_failed_starts_are_counted_as_each_jupyterhub_calls_them(
    tmp_path: Path, version: str, matcher: str
) -> None:
    fleet = write_fleet(tmp_path, {"a/b": {}})
    rules = rule_files(watched(fleet, replace(PLACES, jupyterhub=version)))["hubs"]
    [rule] = [one for one in alerts_in(rules) if one["alert"] == "ServersDoNotStart"]
    assert matcher in rule["expr"]


def test_there_are_no_burn_rates_without_an_objective(tmp_path: Path) -> None:
    assert set(rule_files(watched(write_fleet(tmp_path, {"a/b": {}})))) == {"hubs"}
    assert set(rule_files(watched("service-43"))) == {"hubs", "objectives"}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert_and_a_page() -> None:
    alerts = [
        rule
        for name in ("service-43", "kubernetes")
        for file in rule_files(watched(name)).values()
        for rule in alerts_in(file)
    ]
    named = {
        re.sub(r"\.\w+$", "", rule["annotations"]["runbook_url"].rpartition("/")[2])
        for rule in alerts
    }
    assert named == set(runbooks())
    pages = {page.stem for page in (ROOT / "docs/reference/runbooks").glob("*.md")}
    pages.remove("index")
    assert pages == set(runbooks())
    for name, text in runbooks().items():
        title = text.splitlines()[0]
        assert any(title.startswith(f"# {rule['alert']}: ") for rule in alerts), name


def test_the_same_fleet_gives_the_same_bytes_and_nothing_is_written_twice(tmp_path: Path) -> None:
    files = all_files(watched("service-43"))
    assert files == all_files(watched("service-43"))
    assert len(write_monitoring(files, tmp_path / "out").written) == len(files)
    assert write_monitoring(files, tmp_path / "out").written == ()
    fewer = {path: text for path, text in files.items() if path != "rules/objectives.yml"}
    assert write_monitoring(fewer, tmp_path / "out").removed == ("rules/objectives.yml",)


def test_a_folder_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("")
    with pytest.raises(HubfleetError) as raised:
        write_monitoring({"a": "b"}, tmp_path)
    assert str(raised.value) == (
        "error[not-a-rendering]: the folder holds something that `hubfleet monitoring render` "
        "did not write\n"
        f"  --> {tmp_path}\n"
        "  why: It has no list of files (rendered.json).\n"
        "  hint: name an empty folder, or one that an earlier rendering made"
    )


def test_dashboards_ask_in_panels_that_do_not_overlap() -> None:
    for dashboard in dashboards().values():
        places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in dashboard["panels"]]
        assert len(set(places)) == len(places)
        assert json.loads(json.dumps(dashboard)) == dashboard
    assert len(queries()) == 15


@pytest.mark.parametrize("name", ["fleet", "hub"])
def test_a_dashboard_is_one_that_grafana_can_show(name: str) -> None:
    found = dashboards()[name]
    assert found["uid"] == f"hubfleet-{name}"
    assert len(found["uid"]) <= 40, "Grafana's limit"
    assert found["schemaVersion"] >= 36
    sources = {one["name"] for one in found["templating"]["list"] if one["type"] == "datasource"}
    assert sources == {"datasource"}
    names = {f"${one['name']}" for one in found["templating"]["list"]}
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in found["panels"]:
        assert panel["type"] in {"stat", "timeseries", "state-timeline"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, "a row has 24 columns"
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references == sorted(set(references))
        for target in panel["targets"]:
            assert set(re.findall(r"\$\w+", target["expr"])) <= names


def test_service_discovery_names_every_hub() -> None:
    found = json.loads(all_files(watched("kubernetes"))["service-discovery/hubs.json"])
    assert [one["labels"]["hub"] for one in found] == [
        "harbour-school/class",
        "reef-lab/prod",
        "reef-lab/staging",
    ]
    assert found[0]["labels"]["__metrics_path__"] == "/hub/metrics"


def test_tokens_are_named_and_never_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("canary")
    places = replace(PLACES, token_file=lambda hub, local: str(token))
    assert "canary" not in "".join(all_files(watched("starter", places)).values())
    assert token_file("a/b", True) == "/state/hubs/a/b/metrics-token"
