"""`hubfleet monitoring render` and `check`, as somebody at a terminal meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"


def hubfleet(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    """Without promtool and amtool, whatever this machine has."""
    command = [sys.executable, "-m", "hubfleet", "monitoring", *arguments]
    environment = {**os.environ, "PATH": "/nowhere", "HUBFLEET_STATE": str(state)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )


def test_rendered_twice(tmp_path: Path) -> None:
    to = tmp_path / "out"
    arguments = ("render", "--to", str(to), "--fleet", str(EXAMPLES / "service-43"))
    first = hubfleet(*arguments, state=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"monitoring of 43 hubs in {to}: 21 files changed, 0 removed\n"
    second = hubfleet(*arguments, "--json", state=tmp_path)
    assert json.loads(second.stdout) == {
        "folder": str(to),
        "hubs": 43,
        "written": [],
        "removed": [],
    }
    config = yaml.safe_load((to / "prometheus.yml").read_text())
    token = config["scrape_configs"][0]["authorization"]["credentials_file"]
    assert token == str(tmp_path / "hubs/bird-count/prod/metrics-token")


def test_a_check_that_finds_nothing_says_what_it_could_not_ask(tmp_path: Path) -> None:
    done = hubfleet("check", "--fleet", str(EXAMPLES / "service-43"), state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "checked 14 alert rules for 43 hubs\n"
    assert done.stderr == (
        "note: promtool is not installed, and was not asked\n"
        "note: amtool is not installed, and was not asked\n"
    )


def test_rules_of_ones_own_are_checked_too(tmp_path: Path) -> None:
    rules = tmp_path / "mine.yml"
    rule = {"alert": "Mine", "expr": 'up{cluster="reaf"} == 0', "labels": {"priority": "P2"}}
    rules.write_text(yaml.safe_dump({"groups": [{"name": "mine", "rules": [rule]}]}))
    fleet = ("--fleet", str(EXAMPLES / "service-43"))
    done = hubfleet("check", "--rules", str(rules), *fleet, "--json", state=tmp_path)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["rules"] == 15
    assert {one["code"] for one in told["problems"]} == {
        "wrong-priority",
        "no-runbook",
        "matcher-matches-nothing",
    }
    assert {one["place"] for one in told["problems"]} == {str(rules)}


def test_a_file_that_holds_no_rules(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("alerts: []\n")
    fleet = ("--fleet", str(EXAMPLES / "service-43"))
    done = hubfleet("check", "--rules", str(tmp_path / "empty.yml"), *fleet, state=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "error[unreadable-monitoring]: the file cannot be checked\n"
        f"  --> {tmp_path / 'empty.yml'}\n"
        "  why: It has no `groups`.\n"
        "  hint: name a file of Prometheus rules, or of Alertmanager's configuration\n"
    )
