"""Burn-rate rules: how fast a hub spends the failures that its objective allows in 30 days.

Two windows each, so that an alert comes soon and ends soon; Google's SRE workbook, chapter 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hubfleet.monitoring.alerts import Alert
from hubfleet.monitoring.watched import Watched

RECORD = "hubfleet:hub_unanswered:ratio_"


@dataclass(frozen=True, slots=True)
class Window:
    """An alert when the budget burns `factor` times too fast, over the long and the short time."""

    long: str
    short: str
    factor: float
    lasting: str
    priority: str


WINDOWS = (
    Window("1h", "5m", 14.4, "0s", "P1"),
    Window("6h", "30m", 6, "15m", "P2"),
    Window("1d", "2h", 3, "1h", "P3"),
    Window("3d", "6h", 1, "3h", "P3"),
)
"""The first needs no time of its own: the short window keeps it true for as long as it is long."""


def targets(watched: Watched) -> dict[float, tuple[str, ...]]:
    """The hubs of each target in percent, both in order; hubs without one are left out."""
    found: dict[float, list[str]] = {}
    objectives = watched.fleet.service.objectives
    for hub in watched.hubs:
        target = objectives.target_of(hub.name, hub.stage)
        if target is not None:
            found.setdefault(target, []).append(hub.name)
    return {target: tuple(found[target]) for target in sorted(found)}


def recordings(watched: Watched) -> list[dict[str, Any]]:
    """The share of scrapes that a hub with a target left without an answer."""
    spans = dict.fromkeys(span for one in WINDOWS for span in (one.short, one.long))
    hubs = sorted(name for names in targets(watched).values() for name in names)
    asked = ", ".join(('job="hub"', _which(watched, hubs)))
    return [
        {"record": f"{RECORD}{span}", "expr": f"1 - avg_over_time(up{{{asked}}}[{span}])"}
        for span in spans
    ]


def burn_alerts(watched: Watched) -> list[Alert]:
    """Four for each target; one target for all hubs that have one needs no selector."""
    found = targets(watched)
    return [
        _alert(target, one, "" if len(found) == 1 else f"{{{_which(watched, hubs)}}}")
        for target, hubs in found.items()
        for one in WINDOWS
    ]


def _which(watched: Watched, hubs: Iterable[str]) -> str:
    """A matcher that takes exactly these."""
    wanted = sorted(hubs)
    if wanted == sorted(hub.name for hub in watched.hubs if hub.stage == "production"):
        return 'stage="production"'
    return f'hub=~"{"|".join(wanted)}"' if len(wanted) > 1 else f'hub="{wanted[0]}"'


def _alert(target: float, one: Window, which: str) -> Alert:
    budget = round(1 - target / 100, 10)
    return Alert(
        "ObjectiveAtRisk",
        f"{RECORD}{one.long}{which} > {one.factor:g} * {budget:g} "
        f"and {RECORD}{one.short}{which} > {one.factor:g} * {budget:g}",
        one.lasting,
        one.priority,
        "respond-to-incidents",
        f"{{{{ $labels.hub }}}} spends its error budget {one.factor:g} times too fast "
        f"(objective {target:g} %)",
        "objective-at-risk",
        {"window": one.long},
    )
