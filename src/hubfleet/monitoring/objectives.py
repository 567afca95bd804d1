"""Burn-rate rules: how fast a hub spends the failures that its objective allows in 30 days.

Two windows each, so that an alert comes soon and ends soon; Google's SRE workbook, chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubfleet.monitoring.alerts import Alert

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
    Window("1h", "5m", 14.4, "2m", "P1"),
    Window("6h", "30m", 6, "15m", "P2"),
    Window("1d", "2h", 3, "1h", "P3"),
    Window("3d", "6h", 1, "3h", "P3"),
)


def recordings() -> list[dict[str, Any]]:
    """The share of scrapes that a production hub left without an answer."""
    spans = dict.fromkeys(span for one in WINDOWS for span in (one.short, one.long))
    return [
        {
            "record": f"{RECORD}{span}",
            "expr": f'1 - avg_over_time(up{{job="hub", stage="production"}}[{span}])',
        }
        for span in spans
    ]


def burn_alerts(availability: float) -> list[Alert]:
    """For an objective in percent."""
    budget = round(1 - availability / 100, 10)
    return [
        Alert(
            "ObjectiveAtRisk",
            f"{RECORD}{one.long} > {one.factor:g} * {budget:g} "
            f"and {RECORD}{one.short} > {one.factor:g} * {budget:g}",
            one.lasting,
            one.priority,
            "respond-to-incidents",
            f"{{{{ $labels.hub }}}} spends its error budget {one.factor:g} times too fast "
            f"(objective {availability:g} %)",
            "objective-at-risk",
            {"window": one.long},
        )
        for one in WINDOWS
    ]
