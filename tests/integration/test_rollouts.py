"""Rollouts of real hubs from the command line: gates, rollback, freezes, resume, dry runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import local_place, until

pytestmark = pytest.mark.integration

ALWAYS = [{"start": "2000-01-01", "end": "2999-12-31", "reason": "exams"}]


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


def two(root: Path, memory: str = "512M", **more):
    """A staging hub and the production hub behind it."""
    values = {"limits": {"memory": memory}}
    hubs = {
        "ant/stage": {"stage": "staging", "gate": None, **values, **more.pop("stage", {})},
        "ant/prod": {"gate": "stage", **values},
    }
    write_fleet(root, hubs, **more)
    return root


def applied(place, fleet, *arguments, code=0):
    done = place.run("apply", "--yes", "--json", *arguments, fleet=fleet)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def fates(told):
    return {row["hub"]: row["fate"] for row in told["results"]}


def test_a_hub_whose_spawns_fail_goes_back_and_holds_the_hub_behind_it(place, tmp_path):
    fleet = two(tmp_path / "fleet")
    first = applied(place, fleet, "--message", "begin")
    assert fates(first) == {"ant/stage": "done", "ant/prod": "done"}
    assert {row["probe"]["verdict"] for row in first["results"]} <= {"healthy", "degraded"}

    # No server is quick enough for that, so that the hub comes up and nobody can work.
    broken = {"jupyterhub": {"config": {"Spawner": {"start_timeout": 0}}}}
    two(fleet, "600M", stage=broken, rollout={"attempts": 2, "back_off": "1s"})
    told = applied(place, fleet, "--events", str(tmp_path / "events.jsonl"), code=1)
    assert fates(told) == {"ant/stage": "rolled-back", "ant/prod": "held"}
    problems = {row["hub"]: row["problems"][0]["code"] for row in told["results"]}
    assert problems == {"ant/stage": "gate-not-passed", "ant/prod": "gate-failed"}
    waiting = {step["hub"] for step in place.json("plan", fleet=fleet)["steps"]}
    assert waiting == {"ant/stage", "ant/prod"}, "both run what they ran before"
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [e["phase"] for e in events if e.get("hub") == "ant/stage"][-1] == "rolled-back"
    assert events[-1]["kind"] == "end"


def test_a_freeze_refuses_until_a_reason_is_given_and_lets_hubs_start_again(place, tmp_path):
    fleet = two(tmp_path / "fleet", rollout={"freeze": ALWAYS})
    done = place.run("apply", "--yes", fleet=fleet)
    assert done.returncode == 1
    pattern = (
        r"error\[rollout-frozen\]: nothing is changed until 2999-12-31: exams\n"
        r"  why: `rollout.freeze` holds from 2000-01-01 to 2999-12-31, and today is \S+\n"
        r"  hint: wait, or say why it cannot wait with --despite-freeze REASON\n"
    )
    assert re.fullmatch(pattern, done.stderr), done.stderr
    arguments = ("--without-probes", "--despite-freeze", "the hub leaks")
    applied(place, fleet, *arguments)
    place.run("down")
    told = applied(place, fleet)
    assert fates(told) == {"ant/stage": "done", "ant/prod": "done"}


def test_a_dry_run_walks_the_waves_and_touches_nothing(place, tmp_path):
    fleet = two(tmp_path / "fleet")
    script = tmp_path / "script.yaml"
    script.write_text("all: {act: 5}\nhubs: {ant/stage: {verdict: failed}}\n")
    done = place.run("apply", "--json", "--simulate", str(script), fleet=fleet)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["dry_run"] is True
    assert fates(told) == {"ant/stage": "failed", "ant/prod": "held"}
    assert not place.state.path.exists()
    script.write_text("all: {acts: 5}\n")
    done = place.run("apply", "--simulate", str(script), fleet=fleet)
    assert "error[bad-script]" in done.stderr
    assert "why: `acts` does not fit here" in done.stderr


KILLED = """
import os, signal
from hubfleet.probes.blocking import PersonProber
def probe(self, hub, say):
    os.kill(os.getpid(), signal.SIGKILL)
PersonProber.probe = probe
import sys
sys.argv = ["hubfleet", "apply", "--yes"]
from hubfleet.cli import main
main()
"""


def test_a_rollout_that_was_killed_before_its_verdict_is_gone_on_with(place, tmp_path):
    fleet = two(tmp_path / "fleet")
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    command = [sys.executable, "-c", KILLED]
    cut = subprocess.run(command, env={**os.environ, **variables}, check=False)
    assert cut.returncode == -signal.SIGKILL
    steps = [step["hub"] for step in place.json("plan", fleet=fleet)["steps"]]
    assert steps == ["ant/prod"], "the staging hub runs, and nobody has judged it"
    told = applied(place, fleet, "--resume")
    rows = {row["hub"]: (row["action"], row["fate"]) for row in told["results"]}
    assert rows == {"ant/stage": ("look", "done"), "ant/prod": ("create", "done")}
    done = place.run("apply", "--yes", "--resume", fleet=fleet)
    assert done.returncode == 1
    assert done.stderr == (
        "error[nothing-to-resume]: no rollout was cut off\n"
        "  hint: run `hubfleet apply` to begin a new one\n"
    )


def test_a_rollout_does_not_resume_another_declaration(place, tmp_path):
    fleet = two(tmp_path / "fleet")
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    command = [sys.executable, "-c", KILLED]
    subprocess.run(command, env={**os.environ, **variables}, check=False)
    two(fleet, "700M")
    done = place.run("apply", "--yes", "--resume", fleet=fleet)
    assert done.returncode == 1
    assert "error[declaration-changed]" in done.stderr
    applied(place, fleet, "--without-probes")
    assert place.json("plan", fleet=fleet)["steps"] == []


def test_the_plan_is_what_runs_even_when_the_files_change_meanwhile(place, tmp_path):
    fleet = two(tmp_path / "fleet")
    arguments = [sys.executable, "-m", "hubfleet", "apply", "--yes", "--json"]
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    with subprocess.Popen(
        arguments, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    ) as running:
        until(place.state.open_rollout.exists, "the rollout to begin")
        two(fleet, "900M")
        output, _ = running.communicate(timeout=120)
    assert running.returncode == 0, output
    steps = place.json("plan", fleet=fleet)["steps"]
    assert {(r["old"], r["new"]) for s in steps for r in s["reasons"]} == {("512M", "900M")}


def test_ctrl_c_finishes_what_runs_and_says_where_things_stand(place, tmp_path):
    fleet = two(tmp_path / "fleet")
    arguments = [sys.executable, "-m", "hubfleet", "apply", "--yes"]
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    with subprocess.Popen(
        arguments,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        until(place.state.hub("ant/stage").spec.exists, "the first act to begin")
        running.send_signal(signal.SIGINT)
        said, told = running.communicate(timeout=120)
    assert running.returncode == 130, told
    assert "1 done, 1 left as they were" in said
    assert "interrupted: what was under way has ended" in said
    assert fates(applied(place, fleet))["ant/prod"] == "done"


def test_a_removal_says_who_is_at_work(place, tmp_path):
    root = tmp_path / "fleet"
    write_fleet(root, {"ant/prod": {}, "ant/old": {}})
    assert place.run("apply", "--yes", "--without-probes", fleet=root).returncode == 0
    with Person(place, "ant/old", "bo") as bo:
        bo.start_server()
        (root / "communities/ant/hubs/old.yaml").unlink()
        done = place.run("apply", "--yes", fleet=root)
        assert done.returncode == 1
        assert "1 work on ant/old now (bo)" in done.stderr
        assert "1 work there now: bo" in place.run("plan", fleet=root).stdout
    removed = ("apply", "--yes", "--allow-removals", "--drain", "0s")
    assert place.run(*removed, fleet=root).returncode == 0


@pytest.mark.parametrize("text", ["{torn", '{"kind": "nothing"}\n'])
def test_nothing_to_do_opens_no_journal(place, tmp_path, text):
    fleet = two(tmp_path / "fleet")
    applied(place, fleet, "--without-probes")
    place.state.journal.write_text(text)
    assert applied(place, fleet)["results"] == []
