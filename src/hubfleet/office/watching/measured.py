"""Objectives of hubs beside what was measured: declaration and tables, joined."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.http import HttpRequest

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.office.accounts.asking import ask
from hubfleet.office.accounts.rights import Action
from hubfleet.office.watching.budgets import Budget, Excluded, Measured, Month, budget
from hubfleet.office.watching.maintenance import windows
from hubfleet.office.watching.models import HubDay


def budgets_of(fleet: Fleet, hubs: Iterable[str], month: Month) -> list[Budget]:
    """Of these declared hubs, in their order; two queries, however many they are."""
    names, present = list(hubs), now()
    measured: dict[str, list[Measured]] = {}
    rows = HubDay.objects.filter(day__gte=month.first, day__lte=month.last, hub__in=names)
    for hub, up, down, excused in rows.values_list("hub", "up", "down", "excused"):
        measured.setdefault(hub, []).append(Measured(up, down, excused))
    windows = _excluded(month, present)
    objectives = fleet.service.objectives
    return [
        budget(
            name,
            fleet.hubs[name].stage,
            month,
            objectives.target_of(name, fleet.hubs[name].stage),
            measured.get(name, ()),
            present,
            [one for community, one in windows if community in ("", fleet.hubs[name].community)],
        )
        for name in names
    ]


def _excluded(month: Month, present: datetime) -> list[tuple[str, Excluded]]:
    """Every maintenance of the month that has begun, with the community that it is about."""
    until = min(month.end, present)
    return [
        (
            one.community,
            Excluded(max(one.start, month.start), min(one.end or until, month.end), one.title),
        )
        for one in windows(month.start, until)
    ]


def sees_budget(request: HttpRequest, fleet: Fleet, hub: str) -> bool:
    """Whether the target of a hub that the visitor sees is for their eyes: what is promised inside
    is not told outside before the operator says so.
    """
    if fleet.service.objectives.public:
        return True
    return ask(request, Action.SEE_FLEET).allowed or ask(request, Action.SEE_LOGS, hub).allowed
