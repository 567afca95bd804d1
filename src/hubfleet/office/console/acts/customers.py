"""One row for each community: what the operator must know to respond quickly.

What no room of the office knows yet (tickets, invoices, events) has no column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from hubfleet.fleet.model import Community, Fleet
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import require
from hubfleet.office.accounts.models import Membership
from hubfleet.office.accounts.people import day_of
from hubfleet.office.changes.models import Change
from hubfleet.office.console.glance import Row, glance
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.incidents import showing
from hubfleet.office.incidents.models import Incident
from hubfleet.office.ports import desk

SOON = timedelta(days=60)
"""An agreement that ends within this time is shown as ending."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One community in the list."""

    community: Community
    status: str
    """Where it stands in the agreement's life, by what the declaration says."""
    hubs: int
    up: int
    """How many of its hubs run."""
    verdicts: tuple[tuple[str, str, int], ...]
    """`(class, word, hubs)`: the last probes' verdicts and what does not run, the worst first."""
    ails: tuple[str, ...]
    """Its hubs that somebody ought to look at."""
    users_now: int
    """Servers of people that run now, on all its hubs."""
    people: int
    end: date | None
    ending: bool
    over: bool
    differs: int
    """How many responsibilities are not as by default."""
    waiting: int
    """Changes that wait for review."""
    changed_at: object
    incident: Incident | None
    """Its last one, open or over."""


@signed_in
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    require(request, Action.SEE_CUSTOMERS)
    fleet = desk().fleet()
    words = request.GET.get("q", "")[:100].strip().lower()
    rows = [row for row in customers(fleet) if words in _text_of(row.community)]
    wanted = request.GET.get("show", "")
    if wanted == "ending":
        rows = [row for row in rows if row.ending or row.over]
    elif wanted == "ails":
        rows = [row for row in rows if row.ails]
    elif wanted == "waiting":
        rows = [row for row in rows if row.waiting]
    values = {"rows": rows, "words": words, "show": wanted, "all": len(fleet.communities)}
    return render(request, "console/acts/customers.html", values)


def customers(fleet: Fleet) -> list[Customer]:
    """All of them by name; the number of queries does not depend on how many there are."""
    counted = Membership.objects.values_list("community").annotate(Count("person", distinct=True))
    people = dict(counted)
    changed = dict(Change.objects.values_list("community").annotate(Max("at")))
    waiting = Counter(
        Change.objects.filter(state=Change.State.WAITING).values_list("community", flat=True)
    )
    seen: dict[str, list[Row]] = {name: [] for name in fleet.communities}
    for row in glance().rows:
        if row.declared and row.community in seen:
            seen[row.community].append(row)
    today = day_of(fleet)
    last = showing.last_of_communities()
    rows = []
    for name, community in fleet.communities.items():
        agreement, mine = community.file.agreement, seen[name]
        end = agreement.end if agreement else None
        rows.append(
            Customer(
                community,
                status=stage_of(community, mine, today),
                hubs=len(community.hubs),
                up=sum(row.state == "running" for row in mine),
                verdicts=_verdicts(mine),
                ails=tuple(row.hub for row in mine if row.ails),
                users_now=sum(row.users for row in mine),
                people=people.get(name, 0) + len(_declared(fleet, community)),
                end=end,
                ending=end is not None and today <= end < today + SOON,
                over=end is not None and end < today,
                differs=len(community.file.responsibilities),
                waiting=waiting[name],
                changed_at=changed.get(name),
                incident=last.get(name),
            )
        )
    return rows


def stage_of(community: Community, hubs: Sequence[Row], today: date) -> str:
    """Where a community stands, by its agreement and its hubs; what leads to one has no room yet.

    `set-up`: no production hub was rolled out, or the agreement has not begun; `ended`: its last
    day is over; `leaving`: none of its hubs is declared any more, but the agreement goes on.
    """
    agreement = community.file.agreement
    if agreement and agreement.end and agreement.end < today:
        return "ended"
    if not community.hubs:
        return "leaving" if agreement and agreement.start < today else "set-up"
    if agreement and agreement.start > today:
        return "set-up"
    live = any(row.stage == "production" and row.revision for row in hubs)
    return "active" if live else "set-up"


def _verdicts(hubs: Sequence[Row]) -> tuple[tuple[str, str, int], ...]:
    """What a probe said counts while the hub runs; of others the state is told."""
    counted = Counter(
        (row.verdict_word, row.verdict or "not probed")
        if row.state == "running"
        else (row.state_word, row.state_text)
        for row in hubs
    )
    order = ("bad", "warn", "busy", "quiet", "good")
    found = sorted(counted.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    return tuple((word, text, count) for (word, text), count in found)


def _declared(fleet: Fleet, community: Community) -> set[str]:
    """Everybody that the declaration lets into one of its hubs by name."""
    found: set[str] = set()
    for hub in community.hubs:
        access = fleet.hubs[hub].values.access
        found |= {*access.admins, *access.allow.users}
    return found


def _text_of(community: Community) -> str:
    people = (f"{one.name} {one.email}" for one in community.file.representatives)
    return " ".join((community.name, community.file.name, *people)).lower()
