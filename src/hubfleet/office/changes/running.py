"""Rollouts and rollbacks that somebody started from here: processes of their own, remembered.

The process is `hubfleet apply` or `hubfleet rollback` (see `process`): it goes on when the console
is restarted, and everything that holds on the command line (the lease, gates, refusals) holds here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.kit.files import make_private_folder
from hubfleet.office.accounts.actions import Action
from hubfleet.office.audit.record import Actor, Outcome, record
from hubfleet.office.changes import process
from hubfleet.office.changes.changing import settle
from hubfleet.office.changes.models import Change, Run
from hubfleet.office.changes.process import Papers
from hubfleet.office.ports import desk
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import RemoveHub, hub_name

_MOST = 4000

_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Files:
    """What one run leaves behind, in the state folder."""

    run: Run

    @property
    def folder(self) -> Path:
        return desk().state / "console" / "runs"

    @property
    def events(self) -> Path:
        """Every event as a JSON line, as it happens; see `rollout.events`."""
        return self.folder / f"{self.run.pk}.events"

    @property
    def papers(self) -> Papers:
        """What it printed and told, and its exit code."""
        return Papers(self.folder, str(self.run.pk))

    @property
    def messages(self) -> Path:
        """What it told, for people."""
        return self.papers.messages


def plan_for(hubs: Sequence[str], plan: Plan) -> Plan:
    """The part of the waiting plan that may be applied from here: these hubs, without removals."""
    names = [
        hub_name(step)
        for step in plan.steps
        if hub_name(step) in hubs and not isinstance(step, RemoveHub)
    ]
    return plan.only(names) if names else plan.only(["-"])


def roll_out(plan: Plan, actor: Actor, why: str) -> Run:
    """Start `apply` on exactly this plan, which may be a part of the whole one."""
    names = [hub_name(step) for step in plan.steps]
    if not names:
        raise failure(
            "nothing-to-apply", "nothing is waiting to be applied", hint="reload the page"
        )
    run = Run(
        kind=Run.Kind.APPLY,
        who=actor.login,
        why=why[:2000],
        hubs=names,
        fingerprint=plan.fingerprint,
    )
    only = [word for name in names for word in ("--only", name)]
    words = ["apply", "--plan", plan.fingerprint, "--yes", *only]
    words += ["--events", str(Files(run).events), *_said(run), *desk().where()]
    return _start(run, words, actor, Action.ROLL_OUT, f"Apply plan {plan.fingerprint}")


def roll_back(hub: str, revision: int, actor: Actor, why: str) -> Run:
    """Start `rollback` of one hub to a revision."""
    run = Run(kind=Run.Kind.ROLLBACK, who=actor.login, why=why[:2000], hubs=[hub])
    words = ["rollback", hub, "--to", str(revision), "--yes", *_said(run)]
    words += ["--state", str(desk().state)]
    return _start(run, words, actor, Action.ROLL_BACK, f"Bring {hub} back to revision {revision}")


def _said(run: Run) -> list[str]:
    why = " ".join(run.why.split())
    return ["--json", f"--by={run.who}", *([f"--message={why}"] if why else [])]


def _start(run: Run, words: list[str], actor: Actor, action: Action, what: str) -> Run:
    files = Files(run)
    make_private_folder(files.folder)
    with _starting:
        _refuse_second()
        run.save()
        started = process.start(words, files.papers)
        run.pid, run.pid_began, run.boot = started.pid, started.began, started.boot
        run.save()
    for hub in run.hubs:
        record(
            actor, action, hub=hub, what=f"{what}.", details={"run": str(run.pk), "why": run.why}
        )
    return run


def _refuse_second() -> None:
    watch_runs()
    other = Run.objects.filter(ended_at=None).first()
    if other is not None:
        raise failure(
            "rollout-under-way",
            f"a {other.get_kind_display()} by {other.who} is under way",
            why="Two at once would undo each other's work.",
            hint="wait until it has ended; the page of rollouts shows how far it is",
        )


def watch() -> None:
    """The console's loop: see which runs have ended, and what became of changes."""
    watch_runs()
    if Change.objects.filter(state__in=[Change.State.INTENDED, Change.State.WAITING]).exists():
        settle()


def watch_runs() -> None:
    """Note every run that has ended; quick when none runs."""
    process.reap()
    for run in Run.objects.filter(ended_at=None):
        files = Files(run)
        if not run.rollout:
            run.rollout = _rollout_of(files.events)
            if run.rollout:
                run.save(update_fields=["rollout"])
        started = process.Started(run.pid, run.pid_began, run.boot)
        ended = process.ended(started, files.papers, run.at)
        if ended is not None:
            _end(run, ended.code)


def _end(run: Run, code: int | None) -> None:
    files = Files(run)
    run.ended_at, run.exit_code = now(), code
    run.outcome = _outcome(run, files, code)
    run.save()
    outcome: Outcome = "done" if code == 0 else "failed"
    action = Action.ROLL_OUT if run.kind == Run.Kind.APPLY else Action.ROLL_BACK
    for hub in run.hubs:
        record(
            Actor(),
            action,
            hub=hub,
            outcome=outcome,
            what=run.outcome,
            details={"run": str(run.pk)},
        )


def _outcome(run: Run, files: Files, code: int | None) -> str:
    if code is None:
        return f"The {run.get_kind_display()} was cut off: its process is gone."
    if code == 0:
        return f"The {run.get_kind_display()} went well."
    told = files.papers.told()
    errors = re.search(r"(?m)^error\[.*", told, re.DOTALL)
    return (errors[0] if errors else told).strip()[-_MOST:] or f"It ended with code {code}."


def _rollout_of(events: Path) -> str:
    """The ledger's id of the rollout, from the first event that tells it."""
    try:
        with events.open(encoding="utf-8") as lines:
            first = lines.readline()
        return str(json.loads(first).get("rollout", "")) if first.endswith("\n") else ""
    except (OSError, ValueError):
        return ""
