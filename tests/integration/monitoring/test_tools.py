"""Rendered rules fire when they should, and routes lead where they should: promtool and amtool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.fleet.load import load_fleet
from hubfleet.monitoring.bundle import alerts_in, all_files, routes_of, rule_files
from hubfleet.monitoring.dashboards import queries
from hubfleet.monitoring.routes import receivers_for
from hubfleet.monitoring.watched import Watched
from hubfleet.monitoring.writing import write_monitoring
from tests.fleets import write_fleet
from tests.integration.monitoring.programs import ask
from tests.unit.monitoring.fleets import PLACES, watched

HUB = (
    'job="hub", hub="earth-lab/prod", community="earth-lab", cluster="reef", '
    'stage="production", jupyterhub="6"'
)
OTHER = HUB.replace("earth-lab/prod", "earth-lab/other")
SPAWNS = "jupyterhub_server_spawn_duration_seconds"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered(watched("service-43"), tmp_path_factory.mktemp("monitoring"))


def rendered(there: Watched, under: Path) -> Path:
    write_monitoring(all_files(there), under / "out")
    return under / "out"


@pytest.mark.parametrize("example", ["service-43", "kubernetes"])
def test_the_programs_take_every_file(tmp_path: Path, example: str) -> None:
    write_monitoring(all_files(watched(example)), tmp_path / "out")
    config = str(tmp_path / "out/prometheus.yml")
    ask("promtool", "check", "config", "--syntax-only", config)
    for rules in sorted((tmp_path / "out").glob("rules*/*.yml")):
        ask("promtool", "check", "rules", str(rules))
    ask("amtool", "check-config", str(tmp_path / "out/alertmanager.yml"))


def quoted(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{key}="{value}"' for key, value in labels.items())


def firing(folder: Path, series: dict[str, str], at: dict[str, dict[str, list[str]]]) -> None:
    """`at`: time -> alert -> the hubs that it is told of then, by promtool's own clock."""
    files = sorted(folder.glob("rules/*.yml"))
    rules = [rule for path in files for rule in alerts_in(yaml.safe_load(path.read_text()))]
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [
                {
                    "eval_time": time,
                    "alertname": alert,
                    "exp_alerts": _expected(rules, alert, found),
                }
                for time, alerts in at.items()
                for alert, found in alerts.items()
            ],
        }
    ]
    file = folder.parent / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": list(map(str, files)), "tests": tests}))
    ask("promtool", "test", "rules", str(file))


def _expected(rules: list[dict[str, Any]], alert: str, found: list[str]) -> list[dict[str, Any]]:
    told = []
    for text in found:
        labels = dict(one.split("=", 1) for one in text.split(",") if not one.endswith("="))
        rule = next(
            rule
            for rule in rules
            if rule["alert"] == alert
            and all(labels.get(k, v) == v for k, v in rule["labels"].items())
            and (labels.get("stage") is None or "staging" not in rule["expr"])
            and ("{hub=" not in rule["expr"] or f'"{labels["hub"]}"' in rule["expr"])
        )
        annotations = {
            key: value.replace("{{ $labels.hub }}", labels.get("hub", "")).replace(
                "{{ $labels.cluster }}", labels.get("cluster", "")
            )
            for key, value in rule["annotations"].items()
        }
        told.append({"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": annotations})
    return told


WHOLE = HUB.replace('"', "").replace(", ", ",")
GROUPED = "cluster=reef,community=earth-lab,hub=earth-lab/prod,stage=production"


def test_a_hub_that_does_not_answer_for_three_minutes(folder: Path) -> None:
    series = {f"up{{{HUB}}}": "1x9 0x10 1x20", f"up{{{OTHER}}}": "1x40"}
    at: dict[str, dict[str, list[str]]] = {
        "9m": {"HubDown": [], "ClusterDown": []},
        "12m": {"HubDown": []},
        "13m": {"HubDown": [WHOLE], "ClusterDown": []},
        "22m": {"HubDown": []},
    }
    firing(folder, series, at)


def test_a_cluster_on_which_no_hub_answers(folder: Path) -> None:
    series = {f"up{{{HUB}}}": "1x9 0x10", f"up{{{OTHER}}}": "1x9 0x10"}
    firing(folder, series, {"13m": {"ClusterDown": ["cluster=reef"]}})


def test_two_servers_that_do_not_start_and_not_one(folder: Path) -> None:
    name = f'{SPAWNS}_count{{{HUB}, status="error"}}'
    firing(folder, {name: "0x10 1x60"}, {"15m": {"ServersDoNotStart": []}})
    firing(
        folder,
        {name: "0x10 1x5 2x60"},
        {"12m": {"ServersDoNotStart": []}, "18m": {"ServersDoNotStart": [GROUPED]}},
    )


@pytest.mark.parametrize(
    ("version", "status", "told"),
    [
        ("5", "failure", True),
        ("5", "error", False),
        ("6", "error", True),
        # What a spawner refuses on 6, such as a full quota, is nobody's page.
        ("6", "failure", False),
        ("unknown", "failure", True),
        ("unknown", "error", True),
    ],
)
def test_failed_starts_are_told_as_each_jupyterhub_calls_them(
    tmp_path: Path, version: str, status: str, told: bool
) -> None:
    fleet = write_fleet(tmp_path / "fleet", {"garden/prod": {}})
    there = watched(fleet, replace(PLACES, jupyterhub=version))
    labels = quoted(there.hubs[0].labels)
    whose = ",".join(f"{key}={value}" for key, value in there.hubs[0].whose.items())
    firing(
        rendered(there, tmp_path),
        {f'{SPAWNS}_count{{{labels}, status="{status}"}}': "0x10 5x60"},
        {"15m": {"ServersDoNotStart": [whose] * told}},
    )


def test_failed_sign_ins_without_one_that_succeeded(folder: Path) -> None:
    name = "jupyterhub_login_duration_seconds_count"
    failed, worked = (f'{name}{{{HUB}, status="{word}"}}' for word in ("failure", "success"))
    firing(
        folder,
        {failed: "0x5 12x40", worked: "3x60"},
        {"8m": {"NobodySignsIn": [GROUPED]}},
    )
    firing(folder, {failed: "0x5 12x40", worked: "3x5 5x60"}, {"8m": {"NobodySignsIn": []}})


def test_an_outage_of_an_hour_is_told_after_five_minutes_and_ends_soon_after_it(
    folder: Path,
) -> None:
    """The outage begins at 120 minutes and ends at 180."""
    windows = {span: f"{WHOLE},window={span}" for span in ("1h", "6h", "1d")}
    firing(
        folder,
        {f"up{{{HUB}}}": "1x119 0x59 1x240"},
        {
            "120m": {"ObjectiveAtRisk": []},
            "122m": {"ObjectiveAtRisk": []},
            "125m": {"ObjectiveAtRisk": [windows["1h"]]},
            "179m": {"ObjectiveAtRisk": [windows["1h"], windows["6h"]]},
            "188m": {"ObjectiveAtRisk": [windows["6h"], windows["1d"]]},
        },
    )


def test_a_blink_burns_nothing(folder: Path) -> None:
    blink = {f"up{{{HUB}}}": "1x120 0x0 1x240"}
    firing(folder, blink, {f"{at}m": {"ObjectiveAtRisk": []} for at in (121, 124, 180, 340)})


def test_a_hub_with_a_target_of_its_own_is_told_by_it(tmp_path: Path) -> None:
    write_fleet(tmp_path / "fleet", {f"garden/{name}": {} for name in "abc"})
    file = tmp_path / "fleet/fleet.yaml"
    said = "{availability: 99.9, hubs: {garden/b: 90, garden/c: none}}"
    file.write_text(file.read_text().replace("service:\n", f"service:\n  objectives: {said}\n", 1))
    there = watched(load_fleet(tmp_path / "fleet"))
    series = {f"up{{{quoted(hub.labels)}}}": "1x119 0x59" for hub in there.hubs}
    whole = ",".join(f"{key}={value}" for key, value in there.hubs[0].labels.items())
    # The 90 % of b cannot burn 14 times too fast; c promises nothing.
    firing(
        rendered(there, tmp_path),
        series,
        {"125m": {"ObjectiveAtRisk": [f"{whole},window=1h"]}},
    )


def test_the_watchdog_is_always_there(folder: Path) -> None:
    firing(
        folder, {"nothing": "0x10"}, {"0m": {"Watchdog": ["job="]}, "9m": {"Watchdog": ["job="]}}
    )


@pytest.mark.parametrize("example", ["service-43", "kubernetes"])
def test_alertmanager_routes_every_rule_as_the_check_walks_it(tmp_path: Path, example: str) -> None:
    there = watched(example)
    write_monitoring(all_files(there), tmp_path / "out")
    config = f"--config.file={tmp_path / 'out/alertmanager.yml'}"
    cases = {
        (
            rule["alert"] if rule["alert"] == "Watchdog" else "",
            hub.community,
            rule["labels"]["responsibility"],
            rule["labels"]["priority"],
        )
        for hub in there.hubs[:4]
        for file in rule_files(there).values()
        for rule in alerts_in(file)
    }
    for alert, community, responsibility, priority in sorted(cases):
        labels = {
            "alertname": alert,
            "community": community,
            "responsibility": responsibility,
            "priority": priority,
        }
        said = ask(
            "amtool", "config", "routes", "test", config, *(f"{k}={v}" for k, v in labels.items())
        )
        assert said.split() == [",".join(receivers_for(routes_of(there)["route"], labels))]
        # Nobody is told that alerting works, and no record is made of it.
        assert (said.split() == ["watchdog"]) == (alert == "Watchdog")


def test_every_question_of_a_dashboard_is_one_that_prometheus_understands(tmp_path: Path) -> None:
    variables = {"$community": ".*", "$hub": "earth-lab/prod"}
    asked = [queries_with(variables, query) for query in queries()]
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    file = tmp_path / "asked.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    ask("promtool", "check", "rules", str(file))


def queries_with(variables: Mapping[str, str], query: str) -> str:
    for name, value in variables.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query
