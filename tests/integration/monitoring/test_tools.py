"""Rendered rules fire when they should, and routes lead where they should: promtool and amtool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.monitoring.bundle import all_files, routes_of, rule_files
from hubfleet.monitoring.routes import receivers_for
from hubfleet.monitoring.writing import write_monitoring
from tests.integration.monitoring.programs import ask
from tests.unit.monitoring.fleets import watched

HUB = (
    'job="hub", hub="earth-lab/prod", community="earth-lab", cluster="reef", '
    'stage="production", jupyterhub="6"'
)
OTHER = HUB.replace("earth-lab/prod", "earth-lab/other")
SPAWNS = "jupyterhub_server_spawn_duration_seconds"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("monitoring") / "out"
    write_monitoring(all_files(watched("service-43")), to)
    return to


@pytest.mark.parametrize("example", ["service-43", "kubernetes"])
def test_the_programs_take_every_file(tmp_path: Path, example: str) -> None:
    write_monitoring(all_files(watched(example)), tmp_path / "out")
    config = str(tmp_path / "out/prometheus.yml")
    ask("promtool", "check", "config", "--syntax-only", config)
    for rules in sorted((tmp_path / "out").glob("rules*/*.yml")):
        ask("promtool", "check", "rules", str(rules))
    ask("amtool", "check-config", str(tmp_path / "out/alertmanager.yml"))


def firing(folder: Path, series: dict[str, str], at: dict[str, dict[str, list[str]]]) -> None:
    """`at`: time -> alert -> the hubs that it is told of then, by promtool's own clock."""
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [
                {"eval_time": time, "alertname": alert, "exp_alerts": _expected(alert, found)}
                for time, alerts in at.items()
                for alert, found in alerts.items()
            ],
        }
    ]
    rules = [str(path) for path in sorted(folder.glob("rules/*.yml"))]
    file = folder.parent / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": rules, "tests": tests}))
    ask("promtool", "test", "rules", str(file))


def _expected(alert: str, found: list[str]) -> list[dict[str, Any]]:
    rules = [
        rule
        for file in rule_files(watched("service-43")).values()
        for group in file["groups"]
        for rule in group["rules"]
        if rule.get("alert") == alert
    ]
    told = []
    for text in found:
        labels = dict(one.split("=", 1) for one in text.split(","))
        [rule] = [
            rule
            for rule in rules
            if all(labels.get(k, v) == v for k, v in rule["labels"].items())
            and (labels.get("stage") is None or "staging" not in rule["expr"])
        ]
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


def test_refused_starts_are_nobodys_page_on_jupyterhub_6(folder: Path) -> None:
    name = f'{SPAWNS}_count{{{HUB}, status="failure"}}'
    firing(folder, {name: "0x10 5x60"}, {"15m": {"ServersDoNotStart": []}})


def test_failed_sign_ins_without_one_that_succeeded(folder: Path) -> None:
    name = "jupyterhub_login_duration_seconds_count"
    failed, worked = (f'{name}{{{HUB}, status="{word}"}}' for word in ("failure", "success"))
    firing(
        folder,
        {failed: "0x5 12x40", worked: "3x60"},
        {"8m": {"NobodySignsIn": [GROUPED]}},
    )
    firing(folder, {failed: "0x5 12x40", worked: "3x5 5x60"}, {"8m": {"NobodySignsIn": []}})


def test_an_outage_burns_the_budget_and_a_blink_does_not(folder: Path) -> None:
    up = f"up{{{HUB}}}"
    fast = f"{WHOLE},window=1h"
    firing(
        folder,
        {up: "1x120 0x60 1x120"},
        {
            "120m": {"ObjectiveAtRisk": []},
            "128m": {"ObjectiveAtRisk": [fast]},
        },
    )
    firing(folder, {up: "1x120 0x0 1x240"}, {"124m": {"ObjectiveAtRisk": []}})


@pytest.mark.parametrize("example", ["service-43", "kubernetes"])
def test_alertmanager_routes_every_rule_as_the_check_walks_it(tmp_path: Path, example: str) -> None:
    there = watched(example)
    write_monitoring(all_files(there), tmp_path / "out")
    config = f"--config.file={tmp_path / 'out/alertmanager.yml'}"
    cases = {
        (hub.community, rule["labels"]["responsibility"], rule["labels"]["priority"])
        for hub in there.hubs[:4]
        for file in rule_files(there).values()
        for group in file["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    for community, responsibility, priority in sorted(cases):
        labels = {
            "community": community,
            "responsibility": responsibility,
            "priority": priority,
        }
        said = ask(
            "amtool", "config", "routes", "test", config, *(f"{k}={v}" for k, v in labels.items())
        )
        assert said.split() == [",".join(receivers_for(routes_of(there)["route"], labels))]
