"""A hub's values of the chart, each with what set it, for people who look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hubfleet.fleet.model import Cluster, Hub
from hubfleet.kit.errors import Place
from hubfleet.platforms.kubernetes.rendering.entries import leaves
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.schema import place_of
from hubfleet.platforms.kubernetes.rendering.values import render


@dataclass(frozen=True, slots=True)
class ChartValue:
    """One value. `field` is the declared field behind it, empty for hubfleet's own; `passed` says
    that it was passed through unchanged, and `instead_of` what hubfleet would have rendered.
    """

    path: str
    value: Any
    field: str
    place: Place | None
    passed: bool = False
    instead_of: Any = None

    def as_json(self) -> dict[str, Any]:
        place = None if self.place is None else str(self.place)
        return {
            "path": self.path,
            "value": self.value,
            "field": self.field or None,
            "place": place,
            "passed-through": self.passed,
            "instead-of": self.instead_of,
        }


def chart_values(hub: Hub, cluster: Cluster) -> list[ChartValue]:
    """In the order of their paths; secrets stand as what is to be supplied, or as their marks."""
    rendered = render(hub, cluster, Pins.placeholders())
    without = replace(hub, values=hub.values.model_copy(update={"helm_values": {}}))
    own = dict(leaves(render(without, cluster, Pins.placeholders()).values))
    found = []
    for path, value in sorted(leaves(rendered.values)):
        field, passed = rendered.origins.get(path, ""), path in rendered.passed
        before = own.get(path) if passed else None
        place = place_of(hub, field) if field else None
        found.append(ChartValue(".".join(path), value, field, place, passed, before))
    return found
