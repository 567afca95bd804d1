"""What a rollout that was cut off has written down, as the entries that it wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from hubfleet.kit.clock import timestamp
from hubfleet.office.ledger.models import Act, Beginning, Judgement, Revision, Settlement
from hubfleet.probes.verdict import Verdict
from hubfleet.rollout.ports import Act as Action
from hubfleet.rollout.ports import (
    ActIntended,
    CutOff,
    Fate,
    GateJudged,
    HubSettled,
    PlannedStep,
    RolloutBegun,
)


def cut_off(alias: str) -> CutOff | None:
    """The last rollout that has not ended; of each kind of entry a hub's last one."""
    beginnings = Beginning.objects.using(alias).filter(rollout__ended_at=None)
    last = beginnings.order_by("-id").first()
    if last is None:
        return None
    name = last.rollout_id
    settled = Settlement.objects.using(alias).filter(rollout_id=name).order_by("id")
    acts = Act.objects.using(alias).filter(rollout_id=name).order_by("id")
    revisions = Revision.objects.using(alias).filter(rollout_id=name).order_by("id")
    judgements = Judgement.objects.using(alias).filter(rollout_id=name).order_by("id")
    return CutOff(
        _begun(last),
        {row.hub: _settled(row) for row in settled},
        {row.hub: _intended(row) for row in acts},
        {row.hub: _judged(row) for row in judgements},
        dict(revisions.values_list("hub", "number")),
    )


def _begun(row: Beginning) -> RolloutBegun:
    return RolloutBegun(
        rollout=row.rollout_id,
        at=_text(row.at),
        fingerprint=row.fingerprint,
        declaration=row.declaration,
        who=row.who,
        why=row.why,
        steps=tuple(PlannedStep(*step) for step in row.steps),
        epoch=row.epoch,
        despite_freeze=row.despite_freeze,
        resumed=row.resumed,
    )


def _settled(row: Settlement) -> HubSettled:
    return HubSettled(row.rollout_id, _text(row.at), row.hub, cast("Fate", row.fate), row.why)


def _intended(row: Act) -> ActIntended:
    at, action = _text(row.intended_at), cast("Action", row.action)
    return ActIntended(row.rollout_id, at, row.hub, action, row.epoch, row.snapshot)


def _judged(row: Judgement) -> GateJudged:
    at, verdict = _text(row.at), cast("Verdict", row.verdict)
    return GateJudged(row.rollout_id, at, row.hub, verdict, row.passed, row.attempts, row.probe)


def _text(at: datetime) -> str:
    """To the second, and with the fraction where there is one."""
    if at.microsecond:
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return timestamp(at)
