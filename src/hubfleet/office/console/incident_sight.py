"""Who sees what of an incident, and who may do what to it.

An incident may touch hubs of several communities. Who may see the whole record of each of them sees
all of it; who may see some of its hubs sees what was told to the public, and their own hubs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.office.accounts.asking import ask, note, require, standing_here
from hubfleet.office.accounts.rights import Action, Decision
from hubfleet.office.incidents import clocks, roles, showing
from hubfleet.office.incidents.models import Incident
from hubfleet.office.incidents.showing import hubs_of, newest
from hubfleet.office.incidents.words import KINDS, REPORT_STATES, STATES

WORDS = {
    "triggered": "bad",
    "acknowledged": "warn",
    "active": "warn",
    "mitigated": "busy",
    "resolved": "good",
}  # fmt: skip"""How a state looks."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One incident as the visitor may see it."""

    incident: Incident
    hubs: tuple[str, ...]
    """Those that the visitor may see."""
    whole: bool
    """Everything, or only what was told."""
    others: int
    """How many hubs are left out."""


def sight(request: HttpRequest, fleet: Fleet, number: int) -> Sight:
    """Raises `Http404` for one that is not there and one that is not the visitor's, alike."""
    incident = newest().filter(pk=number).first()
    if incident is None:
        raise Http404
    found = look_at(request, fleet, incident)
    if found is None:
        note(request, Action.SEE_INCIDENT, "", "hidden", f"incident {number}")
        raise Http404
    return found


def look_at(request: HttpRequest, fleet: Fleet, incident: Incident) -> Sight | None:
    """None for what is not the visitor's."""
    hubs = hubs_of(incident)
    if standing_here(request, fleet).staff:
        return Sight(incident, tuple(hubs), whole=True, others=0)
    # What is nobody's hub any more, and the service as a whole, is the operator's alone.
    mine = [one for one in hubs if one in fleet.hubs and ask(request, Action.SEE_HUB, one).allowed]
    if not mine:
        return None
    whole = len(mine) == len(hubs) and may(request, incident, Action.SEE_INCIDENT).allowed
    return Sight(incident, tuple(mine), whole, len(hubs) - len(mine))


def visible(request: HttpRequest, fleet: Fleet, incidents: Iterable[Incident]) -> list[Sight]:
    """Those of the list that are the visitor's."""
    return [found for one in incidents if (found := look_at(request, fleet, one)) is not None]


def may(request: HttpRequest, incident: Incident, action: Action) -> Decision:
    """The decision for all of its hubs together: the one that lets the visitor do least."""
    decisions = [ask(request, action, hub) for hub in hubs_of(incident) or [""]]
    order = ("hidden", "no", "request", "with-approval", "yes")
    return min(decisions, key=lambda one: order.index(one.answer))


def demand(request: HttpRequest, incident: Incident, action: Action) -> None:
    """Raises what `require` raises, unless the act is allowed on every hub of the incident."""
    emergency = request.POST.get("emergency", "")[:2000]
    for hub in hubs_of(incident) or [""]:
        require(request, action, hub, emergency=emergency)


def as_row(one: Sight, fleet: Fleet) -> dict[str, Any]:
    """One line of a list."""
    incident, due = one.incident, clocks.next_update(one.incident, showing.every(fleet))
    report = getattr(incident, "report", None)
    return {
        "one": incident,
        "title": title_for(one),
        "word": WORDS[incident.state],
        "words": STATES[incident.state],
        "kind": KINDS[incident.kind],
        "hubs": one.hubs,
        "others": one.others,
        "responder": ", ".join(roles.holders(incident)["responder"]) if one.whole else "",
        "due": due,
        "late": due is not None and due < now(),
        "took": clocks.in_words(clocks.times(incident).resolve),
        "report": report.state if report and one.whole else "",
        "report_words": REPORT_STATES.get(report.state, "") if report else "",
        "whole": one.whole,
    }


def title_for(one: Sight) -> str:
    """The title may name other communities' hubs: then the kind is said instead."""
    if one.whole or one.incident.informed_at is not None:
        return one.incident.title
    if one.others:
        return f"{', '.join(one.hubs[:3])}: {KINDS[one.incident.kind]}"
    return one.incident.title


def of_hubs(request: HttpRequest, fleet: Fleet, hubs: list[str], most: int) -> list[dict[str, Any]]:
    """For the page of a hub or a community: open ones first, then the last."""
    found = showing.newest(hubs=hubs).select_related("report")
    opened = list(found.filter(resolved_at=None))
    last = list(found.filter(resolved_at__isnull=False)[:most])
    seen = visible(request, fleet, [*opened, *last][: max(most, len(opened))])
    return [as_row(one, fleet) for one in seen]
