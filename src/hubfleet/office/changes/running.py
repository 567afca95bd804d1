"""Rollouts and rollbacks that somebody started from here: processes of their own, remembered.

The process is `hubfleet apply` or `hubfleet rollback`, in its own session: it goes on when the
console is restarted, and everything that holds on the command line (the lease, gates, refusals)
holds here. A shell around it writes the exit code into a file, so that a console that was away
knows how it ended.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.clock import now
from hubfleet.kit.errors import failure
from hubfleet.kit.files import make_private_folder
from hubfleet.office.accounts.actions import Action
from hubfleet.office.audit.record import Actor, Outcome, record
from hubfleet.office.changes.changing import settle
from hubfleet.office.changes.models import Change, Run
from hubfleet.office.ports import desk
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import RemoveHub, hub_name
from hubfleet.platforms.local.processes import boot_id, is_alive, start_time

_KEEPING_THE_CODE = 'file=$1; shift; "$@"; echo $? >"$file.new"; mv "$file.new" "$file"'
_MOST = 4000

_children: list[subprocess.Popen[bytes]] = []
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
    def answer(self) -> Path:
        """What the command printed: JSON."""
        return self.folder / f"{self.run.pk}.json"

    @property
    def messages(self) -> Path:
        """What it told, for people."""
        return self.folder / f"{self.run.pk}.log"

    @property
    def code(self) -> Path:
        return self.folder / f"{self.run.pk}.code"


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
        command = ["/bin/sh", "-c", _KEEPING_THE_CODE, "hubfleet-run", str(files.code)]
        run.save()
        with _private(files.answer) as answer, _private(files.messages) as messages:
            child = subprocess.Popen(
                [*command, *desk().program(), *words],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=messages,
                cwd="/",
                start_new_session=True,
            )
        run.pid, run.pid_began, run.boot = child.pid, start_time(child.pid), boot_id()
        run.save()
        _children.append(child)
    for hub in run.hubs:
        record(
            actor, action, hub=hub, what=f"{what}.", details={"run": str(run.pk), "why": run.why}
        )
    return run


@contextmanager
def _private(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
    for child in list(_children):
        if child.poll() is not None:
            _children.remove(child)
    for run in Run.objects.filter(ended_at=None):
        files = Files(run)
        if not run.rollout:
            run.rollout = _rollout_of(files.events)
            if run.rollout:
                run.save(update_fields=["rollout"])
        if files.code.exists():
            _end(run, int(files.code.read_text().strip() or "3"))
        elif run.pid is not None and not is_alive(run.pid, run.pid_began or 0, run.boot):
            # Between its last look and now it may still have written the code.
            _end(run, int(files.code.read_text()) if files.code.exists() else None)
        elif run.pid is None and (now() - run.at).total_seconds() > 60:
            _end(run, None)


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
    told = _read(files.messages)
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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
