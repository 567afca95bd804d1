"""Objectives: what is left of error budgets, of one hub, of the fleet, and month by month."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.clock import today
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.console import charts
from hubfleet.office.console.glance import Word
from hubfleet.office.console.seeing import signed_in, visible_hubs
from hubfleet.office.ports import desk
from hubfleet.office.watching.availability import in_percent
from hubfleet.office.watching.budgets import (
    DEFINITION,
    Budget,
    Month,
    State,
    in_budget,
    in_time,
    worst_first,
)
from hubfleet.office.watching.measured import budgets_of, sees_budget

_WORDS: dict[State, Word] = {
    "kept": "good",
    "at risk": "warn",
    "missed": "bad",
    "not measured": "quiet",
    "no target": "quiet",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A budget in the words of a page."""

    budget: Budget

    @property
    def word(self) -> Word:
        return _WORDS[self.budget.state]

    @property
    def target(self) -> str:
        return "none" if self.budget.target is None else f"{self.budget.target:g} %"

    @property
    def available(self) -> str:
        return in_percent(self.budget.available)

    @property
    def down(self) -> str:
        return in_time(self.budget.measured.down)

    @property
    def excused(self) -> str:
        return in_time(self.budget.measured.excused)

    @property
    def unmeasured(self) -> str:
        return in_time(self.budget.unmeasured)

    @property
    def left(self) -> str:
        return in_budget(self.budget.left, self.budget.allowed)

    @property
    def burn(self) -> str:
        return "-" if self.budget.burn is None else f"{self.budget.burn:.1f} times"

    @property
    def bar(self) -> SafeString | str:
        """What is left of the budget."""
        part = self.budget.left_part
        return "" if part is None else charts.budget(max(part, 0.0), self.word, self.budget.hub)


@require_safe
@signed_in
def objectives(request: HttpRequest) -> HttpResponse:
    """`/objectives/`, `?month=2026-10`: every hub that the visitor looks after, the worst first."""
    fleet = desk().fleet()
    present = this_month(fleet)
    try:
        month = Month.named(request.GET["month"], present.zone) if "month" in request.GET else None
    except HubfleetError as error:
        raise Http404 from error
    month = month or present
    names = [name for name in visible_hubs(request, fleet) if sees_budget(request, fleet, name)]
    shown = [Shown(one) for one in worst_first(budgets_of(fleet, names, month))]
    values = {
        "shown": shown,
        "month": month,
        "earlier": month.before() if month.year > 2000 else None,
        "later": month.next() if month.start < present.start else None,
        "tally": tally(shown),
        "definition": DEFINITION,
        "any_target": any(one.budget.target is not None for one in shown),
    }
    return render(request, "console/objectives.html", values)


def this_month(fleet: Fleet) -> Month:
    zone = ZoneInfo(fleet.service.timezone)
    return Month.of(today(zone.key), zone)


def tally(shown: list[Shown]) -> list[tuple[str, Word, int]]:
    """How many hubs are in each state that is there, the worst first; those without a target are
    left out.
    """
    counts = Counter(one.budget.state for one in shown)
    order: tuple[State, ...] = ("missed", "at risk", "not measured", "kept")
    return [(state, _WORDS[state], counts[state]) for state in order if counts[state]]


def of_hub(request: HttpRequest, fleet: Fleet, hub: Hub) -> Shown | None:
    """The present month of a hub with a target that is for the visitor's eyes."""
    if fleet.service.objectives.target_of(hub.name, hub.stage) is None:
        return None
    if not sees_budget(request, fleet, hub.name):
        return None
    return Shown(budgets_of(fleet, [hub.name], this_month(fleet))[0])


def of_fleet(fleet: Fleet) -> list[tuple[str, Word, int]]:
    """The tally of the present month; empty, and no question asked, where nothing is promised."""
    promised = fleet.service.objectives.target_of
    names = [name for name, hub in fleet.hubs.items() if promised(name, hub.stage) is not None]
    if not names:
        return []
    return tally([Shown(one) for one in budgets_of(fleet, names, this_month(fleet))])
