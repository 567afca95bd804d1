"""What is wrong with objectives beside the rest of the fleet."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hubfleet.fleet.monitoring import Objectives
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem


def objective_problems(
    objectives: Objectives, hubs: Collection[str], document: Document
) -> Iterator[Problem]:
    """Targets of hubs that nobody declares."""
    for name in objectives.hubs:
        if name not in hubs:
            near = nearest(name, list(hubs))
            yield Problem(
                "unknown-objective",
                f"the objective is for `{name}`, which is not a hub",
                document.place(("service", "objectives", "hubs", name)),
                "Nobody would measure it.",
                f"did you mean `{near}`?" if near else "name a hub as `community/hub`",
            )
