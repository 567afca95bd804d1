"""A rollout or a rollback by hand that has begun and not ended, in words."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.rollout.ports import CutOff


@dataclass(frozen=True)
class Unfinished:
    """A rollout or a rollback by hand without an end; `holder` is who is at it now, in words.

    `unknown` says why nobody can tell what was cut off.
    """

    holder: str
    cut: CutOff | None = None
    unknown: str = ""

    def sentence(self) -> str:
        """What it is and what goes on with it."""
        if self.holder:
            return f"The fleet is being changed by {self.holder}."
        if self.cut is None:
            return f"A rollout was cut off, and what it did is not known: {self.unknown}."
        begun = self.cut.begun
        by = f" by {begun.who}" if begun.who else ""
        if not begun.declaration:
            (step,) = begun.steps
            return (
                f"A rollback of {step.hub}, begun at {begun.at}{by}, was cut off: "
                f"`hubfleet apply` finishes it."
            )
        left = len({step.hub for step in begun.steps} - {*self.cut.settled})
        return (
            f"A rollout of {len(begun.steps)} hubs, begun at {begun.at}{by}, was cut off with "
            f"{left} of them open: `hubfleet apply` goes on."
        )
