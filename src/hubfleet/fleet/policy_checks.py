"""What is wrong with a rollout policy beside the rest of the fleet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.policy import Rollout
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem


def rollout_problems(
    rollout: Rollout, drafts: Mapping[str, Draft], document: Document
) -> Iterator[Problem]:
    """Canaries that are no hubs, freezes that end before they start."""
    for index, canary in enumerate(rollout.canaries):
        if canary not in drafts:
            near = nearest(canary, list(drafts))
            yield Problem(
                "unknown-canary",
                f"the canary `{canary}` is not a hub",
                document.place(("rollout", "canaries", index)),
                "Every production hub without a gate of its own would wait for it.",
                f"did you mean `{near}`?" if near else "name a hub as `community/hub`",
            )
    for index, freeze in enumerate(rollout.freeze):
        if freeze.end < freeze.start:
            yield Problem(
                "freeze-ends-first",
                "the freeze ends before it starts",
                document.place(("rollout", "freeze", index, "end")),
                f"It starts on {freeze.start}.",
                "set a later `end`",
            )
