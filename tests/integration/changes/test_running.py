"""Rollouts that were started here: remembered, followed, ended; also when the console was away."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.audit.record import Actor
from hubfleet.office.changes import process, running
from hubfleet.office.changes.models import Run
from hubfleet.office.changes.running import Files
from tests.offices import Office
from tests.places import until

ADA = Actor("ada", "1", None, "console")
SAID = """
import json, pathlib, sys
words = sys.argv[1:]
if "--events" in words:
    events = pathlib.Path(words[words.index("--events") + 1])
    events.write_text(json.dumps({"kind": "rollout", "rollout": "r-1"}) + "\\n")
print(json.dumps(words))
sys.stdout.flush()
"""
WELL = SAID
BADLY = SAID + 'sys.stderr.write("noise\\nerror[frozen]: not today\\n  hint: wait\\n"); sys.exit(1)'
SLOWLY = SAID + "sys.stdin.read(); import signal; signal.pause()"


@pytest.fixture
def program(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Lets the desk start another program than hubfleet."""

    def be(code: str) -> None:
        monkeypatch.setattr(
            type(office.desk), "program", lambda _self: [sys.executable, "-c", code]
        )

    yield be
    for run in Run.objects.filter(ended_at=None):
        for child in process._children:
            if child.pid == run.pid:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def start(office: Office) -> Run:
    part = running.plan_for(["ant/prod"], office.desk.plan())
    return running.roll_out(part, ADA, "For the\ncourse")


def ended(run: Run) -> bool:
    running.watch_runs()
    run.refresh_from_db()
    return run.ended_at is not None


def test_a_rollout_is_exactly_the_plan_by_the_person(office: Office, program) -> None:
    program(WELL)
    run = start(office)
    until(lambda: ended(run), "the run has ended")
    assert (run.exit_code, run.outcome, run.rollout) == (0, "The rollout went well.", "r-1")
    words = json.loads(Files(run).papers.answer.read_text())
    assert words == [
        "apply", "--plan", run.fingerprint, "--yes", "--only", "ant/prod",
        "--events", str(Files(run).events), "--json", "--by=ada", "--message=For the course",
        "--fleet", str(office.root), "--state", str(office.state),
    ]  # fmt: skip
    assert Files(run).papers.answer.stat().st_mode & 0o777 == 0o600
    assert not process._children


def test_what_went_wrong_is_told_in_its_own_words(office: Office, program) -> None:
    from hubfleet.office.audit.models import Entry

    program(BADLY)
    run = start(office)
    until(lambda: ended(run), "the run has ended")
    assert (run.exit_code, run.outcome) == (1, "error[frozen]: not today\n  hint: wait")
    said = [(one.who, one.outcome) for one in Entry.objects.filter(act="roll-out").order_by("id")]
    assert said == [("ada", "done"), ("hubfleet", "failed")]


def test_only_one_runs_at_a_time_and_a_dead_one_is_noticed(office: Office, program) -> None:
    program(SLOWLY)
    run = start(office)
    with pytest.raises(HubfleetError, match="rollout-under-way"):
        start(office)
    # As if the console had been restarted: nobody waits for the child any more.
    [child] = process._children
    process._children.clear()
    assert not ended(run)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    until(lambda: ended(run), "the run has ended")
    assert run.exit_code is None
    assert run.outcome == "The rollout was cut off: its process is gone."
    program(WELL)
    again = start(office)
    until(lambda: ended(again), "the run has ended")


def test_a_why_cannot_become_an_option(office: Office, program) -> None:
    program(WELL)
    part = running.plan_for(["ant/prod"], office.desk.plan())
    run = running.roll_out(part, Actor("--force", "1", None, "api"), "--allow-removals")
    until(lambda: ended(run), "the run has ended")
    words = json.loads(Files(run).papers.answer.read_text())
    assert "--by=--force" in words
    assert "--message=--allow-removals" in words
    assert "--force" not in words
    assert "--allow-removals" not in words


def test_a_rollback_names_hub_revision_and_person(office: Office, program) -> None:
    program(WELL)
    run = running.roll_back("ant/prod", 3, ADA, "")
    until(lambda: ended(run), "the run has ended")
    words = json.loads(Files(run).papers.answer.read_text())
    assert words == [
        "rollback", "ant/prod", "--to", "3", "--yes", "--json", "--by=ada",
        "--state", str(office.state),
    ]  # fmt: skip


def test_an_empty_plan_is_not_started(office: Office) -> None:
    with pytest.raises(HubfleetError, match="nothing-to-apply"):
        running.roll_out(running.plan_for([], office.desk.plan()), ADA, "")
    assert not Run.objects.exists()
