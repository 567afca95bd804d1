"""What an earlier run that was cut off means for this one. Pure.

The same declaration goes on with the same rollout: a hub whose fate is written down is not tried
again. Another declaration begins a new rollout. Either way a hub that was touched and never
judged is looked at, and can still go back to the snapshot that was taken before it was touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubfleet.rollout.ports import ActIntended, CutOff, HubSettled


@dataclass(frozen=True, slots=True)
class Earlier:
    """What this run takes over. `rollout` is empty when a new one begins."""

    rollout: str = ""
    settled: Mapping[str, HubSettled] = field(default_factory=dict)
    unjudged: Mapping[str, ActIntended] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)


def take_over(cut: CutOff | None, declaration: str) -> Earlier:
    """What of a rollout that was cut off still counts under this declaration."""
    if cut is None:
        return Earlier()
    unjudged = {
        name: intention for name, intention in cut.intended.items() if name not in cut.settled
    }
    if cut.begun.declaration != declaration:
        return Earlier(unjudged=unjudged)
    final = {
        name: one for name, one in cut.settled.items() if one.fate in ("failed", "rolled-back")
    }
    return Earlier(cut.begun.rollout, final, unjudged, cut.revisions)
