"""The entries of a rollout's journal as rows; `cut_off` is the way back.

The closed set `Entry` is the port's; whoever adds an entry there is led here by the type checker.
Acts here run inside a transaction of the desk and may be begun a second time after a roll-back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from hubfleet.office.ledger.models import (
    Act,
    Beginning,
    Judgement,
    Revision,
    Rollout,
    Settlement,
)
from hubfleet.office.ledger.quick import end_act, insert
from hubfleet.rollout.ports import (
    ActEnded,
    ActIntended,
    Entry,
    GateJudged,
    HubSettled,
    RevisionMade,
    RolloutBegun,
    RolloutEnded,
)


def moment(at: str) -> datetime:
    """The time that an entry carries as text."""
    return datetime.fromisoformat(at).astimezone(UTC)


def store(alias: str, entry: Entry) -> None:
    """Add the entry's row, or fill in the outcome of the one it belongs to."""
    match entry:
        case RolloutBegun():
            _begin(alias, entry)
        case ActIntended():
            _intend(alias, entry)
        case ActEnded():
            _end_act(alias, entry)
        case GateJudged():
            _judge(alias, entry)
        case RevisionMade():
            _make_revision(alias, entry)
        case HubSettled():
            _settle(alias, entry)
        case RolloutEnded():
            ended = Rollout.objects.using(alias).filter(id=entry.rollout)
            ended.update(state=_state(entry), ended_at=moment(entry.at))
        case _:
            assert_never(entry)


def _begin(alias: str, entry: RolloutBegun) -> None:
    Rollout.objects.using(alias).get_or_create(id=entry.rollout)
    steps = [[step.hub, step.cluster, step.action, step.wave] for step in entry.steps]
    facts = {
        "rollout_id": entry.rollout,
        "at": moment(entry.at),
        "who": entry.who,
        "why": entry.why,
        "fingerprint": entry.fingerprint,
        "declaration": entry.declaration,
        "despite_freeze": entry.despite_freeze,
        "resumed": entry.resumed,
        "epoch": entry.epoch,
        "steps": steps,
    }
    insert(alias, Beginning, facts)


def _intend(alias: str, entry: ActIntended) -> None:
    facts = {
        "rollout_id": entry.rollout,
        "hub": entry.hub,
        "action": entry.action,
        "epoch": entry.epoch,
        "snapshot": entry.snapshot,
        "intended_at": moment(entry.at),
        "note": "",
        "problems": [],
    }
    insert(alias, Act, facts)


def _end_act(alias: str, entry: ActEnded) -> None:
    outcome = {
        "ended_at": moment(entry.at),
        "ok": entry.ok,
        "changed": entry.changed,
        "revision": entry.revision,
        "seconds": entry.seconds,
        "note": entry.note,
        "problems": [dict(problem) for problem in entry.problems],
    }
    if not end_act(alias, entry.rollout, entry.hub, entry.action, outcome):
        raise LookupError(f"{entry.action} of {entry.hub} ended, but nobody intended it")


def _judge(alias: str, entry: GateJudged) -> None:
    facts = {
        "rollout_id": entry.rollout,
        "hub": entry.hub,
        "at": moment(entry.at),
        "verdict": entry.verdict,
        "passed": entry.passed,
        "attempts": entry.attempts,
        "probe": dict(entry.probe),
    }
    insert(alias, Judgement, facts)


def _make_revision(alias: str, entry: RevisionMade) -> None:
    number = entry.revision
    if entry.action == "remove" and not number:
        # Written down after the hub had gone, when nobody could ask it any more.
        earlier = Revision.objects.using(alias).filter(hub=entry.hub).order_by("-id")
        number = (earlier.values_list("number", flat=True).first() or 0) + 1
    facts = {
        "rollout_id": entry.rollout,
        "hub": entry.hub,
        "number": number,
        "action": entry.action,
        "declaration": entry.declaration,
        "values": dict(entry.values),
        "environment": entry.environment,
        "software": dict(entry.software),
        "who": entry.who,
        "why": entry.why,
        "began_at": moment(entry.began),
        "at": moment(entry.at),
        "seconds": entry.seconds,
        "snapshot": entry.snapshot,
        "verdict": entry.probe.get("verdict", ""),
        "probe": dict(entry.probe),
        "restored_from": entry.restored_from or None,
    }
    insert(alias, Revision, facts)


def _settle(alias: str, entry: HubSettled) -> None:
    facts = {
        "rollout_id": entry.rollout,
        "hub": entry.hub,
        "at": moment(entry.at),
        "fate": entry.fate,
        "why": entry.why,
    }
    insert(alias, Settlement, facts)


def _state(entry: RolloutEnded) -> str:
    if entry.abandoned:
        return "abandoned"
    if entry.interrupted:
        return "interrupted"
    return "done" if entry.ok else "failed"


def knows(alias: str, name: str) -> bool:
    """Whether the rollout was ever begun."""
    return Rollout.objects.using(alias).filter(id=name).exists()
