"""Days on which nothing is changed."""

from __future__ import annotations

from datetime import date

from hubfleet.fleet.model import Rollout
from hubfleet.kit.errors import Problem
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import StartHub


def freeze_refusal(plan: Plan, policy: Rollout, today: date) -> Problem | None:
    """Why the plan is not carried out today; a hub that only has to be started again may be."""
    if all(isinstance(step, StartHub) for step in plan.steps):
        return None
    for freeze in policy.freeze:
        if freeze.start <= today <= freeze.end:
            return Problem(
                "rollout-frozen",
                f"nothing is changed until {freeze.end}: {freeze.reason}",
                why=f"`rollout.freeze` holds from {freeze.start} to {freeze.end}, and today is "
                f"{today}",
                hint="wait, or say why it cannot wait with --despite-freeze REASON",
            )
    return None
