"""How hubs are used: the same page for a hub, a community and the fleet, and its rows as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from hubfleet.kit.clock import now
from hubfleet.office.accounts.asking import require
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console import charts
from hubfleet.office.console.acts.community import community_for
from hubfleet.office.console.charts import Series, amount
from hubfleet.office.console.hub_frame import hub_context
from hubfleet.office.console.seeing import hub_for, signed_in
from hubfleet.office.ports import desk
from hubfleet.office.usage.exporting import as_csv
from hubfleet.office.usage.numbers import (
    DayOfUse,
    Scope,
    current,
    days_of_use,
    report,
)
from hubfleet.office.usage.periods import last_of, month_of
from hubfleet.office.usage.publishing import rows_of
from hubfleet.office.usage.shapes import By, Numbers, Report
from hubfleet.office.usage.words import DEFINITIONS, WHEN, WHO

DAYS = 90
_EARLIEST = month_of("2000-01")


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its heading, and what it says in words."""

    word: str
    title: str
    chart: SafeString
    words: str
    keys: tuple[tuple[str, str], ...] = ()
    """Classes and names of the colours, where there are several."""


@require_safe
@signed_in
def of_hub(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """`/hubs/<community>/<hub>/use/`."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.SEE_COST)
    values = {**hub_context(request, fleet, declared, "use"), **_use(request, declared.name, None)}
    return render(request, "console/hub_use.html", values)


@require_safe
@signed_in
def of_community(request: HttpRequest, community: str) -> HttpResponse:
    """`/communities/<community>/use/`."""
    fleet = desk().fleet()
    found = community_for(request, fleet, community, Action.SEE_COST)
    values = {"community": found, **_use(request, community, "hub")}
    return render(request, "console/community_use.html", values)


@require_safe
@signed_in
def of_fleet(request: HttpRequest) -> HttpResponse:
    """`/fleet/use/`."""
    require(request, Action.SEE_FLEET)
    return render(request, "console/fleet_use.html", _use(request, "", "community"))


@require_safe
@signed_in
def hub_csv(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """The month's days."""
    declared = hub_for(request, desk().fleet(), f"{community}/{hub}", Action.SEE_COST)
    return _csv(request, declared.name, "day")


@require_safe
@signed_in
def community_csv(request: HttpRequest, community: str) -> HttpResponse:
    """The month's hubs."""
    community_for(request, desk().fleet(), community, Action.SEE_COST)
    return _csv(request, community, "hub")


@require_safe
@signed_in
def fleet_csv(request: HttpRequest) -> HttpResponse:
    """The month's communities."""
    require(request, Action.SEE_FLEET)
    return _csv(request, "", "community")


def _csv(request: HttpRequest, name: str, by: By) -> HttpResponse:
    first, last = _month(request)
    text = as_csv(rows_of(report(Scope(name), first, last, by)))
    file = f"use-{name.replace('/', '-') or 'fleet'}-{first:%Y-%m}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _month(request: HttpRequest) -> tuple[date, date]:
    """The month asked for, else the one that it is in UTC."""
    present = month_of(now().date().isoformat()[:7])
    try:
        asked = month_of(request.GET.get("month", "")[:7])
    except ValueError:
        return present
    return max(min(asked, present), _EARLIEST)


def _use(request: HttpRequest, name: str, by: By | None) -> dict[str, Any]:
    """What every page of use shows."""
    today = now().date()
    first, last = _month(request)
    found = report(Scope(name), first, last, by)
    days = days_of_use(Scope(name), today, DAYS)
    whose = name or "the fleet"
    return {
        "scope": name,
        "by": by,
        "any_use": any(day.users or day.requested for day in days) or found.total.sessions,
        "people": current(Scope(name), today),
        "figures": figures(days, whose),
        "days": [day for day in reversed(days) if day.users or day.requested],
        "month": first.strftime("%Y-%m"),
        "before": (first - timedelta(days=1)).strftime("%Y-%m"),
        "after": (last + timedelta(days=1)).strftime("%Y-%m")
        if last < last_of("month", today.replace(day=1))
        else "",
        "numbers": numbers_of(found.total),
        "parts": parts_of(found),
        "troubles": found.troubles,
        "who": WHO,
        "when": WHEN,
    }


def numbers_of(numbers: Numbers) -> list[tuple[str, str, str]]:
    """Every number with its name and its definition."""
    values = numbers.as_json()
    return [
        (name.replace("_", " ").capitalize(), in_words(values[name]), meaning)
        for name, meaning in DEFINITIONS.items()
    ]


def in_words(value: float | None) -> str:
    return "not known" if value is None else amount(float(value))


_PARTS = ("users", "billed_users", "sessions", "server_hours", "memory_hours_requested", "peak")


def parts_of(found: Report) -> list[tuple[str, list[str]]]:
    """The rows of the table of hubs or communities."""
    rows = ((name, numbers.as_json()) for name, numbers in found.parts.items())
    return [(name, [in_words(values[column]) for column in _PARTS]) for name, values in rows]


def figures(days: Sequence[DayOfUse], whose: str) -> list[Figure]:
    """People, servers at once, and memory, day by day."""
    labels = [day.day.isoformat() for day in days]
    users = [float(day.users) for day in days]
    peaks = [float(day.peak) for day in days]
    requested, used = [day.requested for day in days], [day.used for day in days]
    memory = (
        Series("GiB-hours requested", "quiet", requested),
        Series("GiB-hours used", "accent", used),
    )
    return [
        _figure("users", "Users of a day", labels, (Series("users", "accent", users),), whose),
        _figure(
            "peak", "Most servers at once", labels, (Series("servers", "accent", peaks),), whose
        ),
        _figure("memory", "Memory, GiB-hours of a day", labels, memory, whose),
    ]


def _figure(
    word: str, title: str, labels: Sequence[str], series: tuple[Series, ...], whose: str
) -> Figure:
    words = ". ".join(said(one, labels) for one in series) + "."
    name = f"{title} of {whose} in the last {len(labels)} days"
    keys = tuple((one.word, one.name) for one in series) if len(series) > 1 else ()
    return Figure(word, title, charts.columns(labels, series, name, words), words, keys)


def said(series: Series, labels: Sequence[str]) -> str:
    """`At most 12 users, on 2026-11-18; 4.2 on average`."""
    most = max(series.values, default=0.0)
    if not most:
        return f"No {series.name}"
    when = labels[list(series.values).index(most)]
    average = sum(series.values) / len(series.values)
    return f"At most {amount(most)} {series.name}, on {when}; {amount(average)} on average"
