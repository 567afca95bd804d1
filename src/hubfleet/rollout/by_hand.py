"""A rollback that a person asked for: journalled like a step of a rollout, with a revision."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import HubfleetError
from hubfleet.planning.observation import ObservedHub
from hubfleet.platforms.platform import Outcome, Platform
from hubfleet.rollout.lease import owner_here
from hubfleet.rollout.ports import (
    ActEnded,
    ActIntended,
    Fate,
    HubSettled,
    Journal,
    Lease,
    PlannedStep,
    RevisionMade,
    RolloutBegun,
    RolloutEnded,
)
from hubfleet.rollout.revision import environment_digest


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to go back to, and why."""

    hub: str
    cluster: str
    snapshot: str
    why: str
    restored_from: int = 0
    by: str = ""
    """Who asked for it, when that is not who runs the command."""


def roll_back_by_hand(
    wish: Wish, platform: Platform, journal: Journal, lease: Lease, act: Callable[[], Outcome]
) -> Outcome:
    """Do `act`, the rollback itself, with its intention before and its outcome after it.

    Raises what `act` raises, after that was written down too.
    """
    _give_up_an_earlier_one(wish, journal)
    rollout = secrets.token_hex(4)
    step = PlannedStep(wish.hub, wish.cluster, "roll-back", 1)
    began, clock = timestamp(), time.monotonic()
    journal.write(
        RolloutBegun(
            rollout, began, "", "", wish.by or owner_here(), wish.why, (step,), lease.epoch
        )
    )
    journal.write(
        ActIntended(rollout, timestamp(), wish.hub, "roll-back", lease.epoch, wish.snapshot)
    )
    lease.check()

    def settle(fate: Fate, why: str = "") -> None:
        journal.write(HubSettled(rollout, timestamp(), wish.hub, fate, why))
        journal.write(RolloutEnded(rollout, timestamp(), ok=fate == "done"))

    def ended(ok: bool, outcome: Outcome | None, error: HubfleetError | None) -> None:
        journal.write(
            ActEnded(
                rollout,
                timestamp(),
                wish.hub,
                "roll-back",
                ok,
                changed=outcome is not None and outcome.changed,
                revision=outcome.revision if outcome else 0,
                seconds=round(time.monotonic() - clock, 3),
                note=outcome.note if outcome else "",
                problems=tuple(p.as_json() for p in error.problems) if error else (),
            )
        )

    try:
        outcome = act()
    except HubfleetError as error:
        ended(False, None, error)
        settle("failed", error.problems[0].what)
        raise
    ended(True, outcome, None)
    if outcome.changed:
        now = platform.observe(wish.cluster).hubs[wish.hub]
        seconds = round(time.monotonic() - clock, 3)
        journal.write(_revision(rollout, wish, now, outcome, began, seconds))
    settle("done")
    return outcome


def _give_up_an_earlier_one(wish: Wish, journal: Journal) -> None:
    """One of the same hub that was cut off: this one takes its place, and finishes its acts."""
    cut = journal.cut_off()
    if cut and not cut.begun.declaration and {s.hub for s in cut.begun.steps} == {wish.hub}:
        journal.write(RolloutEnded(cut.begun.rollout, timestamp(), ok=False, abandoned=True))


def _revision(
    rollout: str, wish: Wish, now: ObservedHub, outcome: Outcome, began: str, seconds: float
) -> RevisionMade:
    return RevisionMade(
        rollout,
        timestamp(),
        wish.hub,
        outcome.revision,
        "roll-back",
        declaration="",
        values=now.values,
        environment=environment_digest(now.values),
        software=now.software,
        who=wish.by or owner_here(),
        why=wish.why,
        began=began,
        seconds=seconds,
        snapshot=wish.snapshot,
        restored_from=wish.restored_from,
    )
