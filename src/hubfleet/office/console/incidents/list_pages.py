"""`/incidents/`: what is open, what was, what is owed, what is silenced; and declaring one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.asking import actor_of, ask, require, standing_here
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console.acts.doing import tell_problems
from hubfleet.office.console.incident_sight import Sight, as_row, look_at, visible
from hubfleet.office.console.incidents.forms import DeclareForm, SilenceForm
from hubfleet.office.console.seeing import signed_in, visible_communities, visible_hubs
from hubfleet.office.incidents import acting, showing, silences
from hubfleet.office.incidents.debts import Owed, owed
from hubfleet.office.incidents.models import Incident, Silence

PAGE = 50


@require_safe
@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    """`/incidents/`."""
    fleet = desk_fleet()
    before = request.GET.get("before", "")
    earlier = showing.newest().filter(resolved_at__isnull=False).select_related("report")
    if before.isdigit() and len(before) < 18:
        earlier = earlier.filter(pk__lt=int(before))
    if not standing_here(request, fleet).staff:
        earlier = earlier.filter(affected__hub__in=list(visible_hubs(request, fleet))).distinct()
    past = list(earlier[: PAGE + 1])
    values = {
        "opened": [as_row(one, fleet) for one in _open(request, fleet)],
        "past": [as_row(one, fleet) for one in visible(request, fleet, past[:PAGE])],
        "older": past[PAGE - 1].pk if len(past) > PAGE else None,
        "newest": not before,
        "may_declare": bool(_declarable(request, fleet)),
        "staff": bool(standing_here(request, fleet).staff),
        "late": sum(one.late for one in my_debts(request, fleet)),
        "silenced": len(_silences(request, fleet)),
    }
    return render(request, "console/incidents/list.html", values)


def desk_fleet() -> Fleet:
    from hubfleet.office.ports import desk

    return desk().fleet()


def _open(request: HttpRequest, fleet: Fleet) -> list[Sight]:
    found = list(showing.newest(only_open=True).select_related("report"))
    return sorted(visible(request, fleet, found), key=lambda one: one.incident.priority)


def _declarable(request: HttpRequest, fleet: Fleet) -> list[str]:
    return [
        name
        for name in visible_hubs(request, fleet)
        if ask(request, Action.DECLARE_INCIDENT, name).allowed
    ]


@require_http_methods(["GET", "POST"])
@signed_in
def declare(request: HttpRequest) -> HttpResponse:
    """`/incidents/declare/`: open one by hand."""
    fleet = desk_fleet()
    hubs = _declarable(request, fleet)
    service = ask(request, Action.DECLARE_INCIDENT).allowed
    if not hubs and not service:
        mine = list(visible_hubs(request, fleet))
        require(request, Action.DECLARE_INCIDENT, mine[0] if mine else "")
    chosen = [name for name in request.GET.getlist("hub") if name in hubs]
    # Who comes from the page of a hub need not find it among hundreds.
    offered = chosen if chosen and request.method == "GET" else hubs
    form = DeclareForm(
        request.POST or None, hubs=offered, service=service, initial={"hubs": chosen}
    )
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        wanted["hubs"] = _meant(fleet, wanted)
        for name in wanted["hubs"] or [""]:
            require(request, Action.DECLARE_INCIDENT, name)
        try:
            made = acting.declare(
                actor_of(request), fleet, wanted["hubs"], kind=wanted["kind"],
                title=wanted["title"], text=wanted["text"], priority=wanted.get("priority", ""),
            )  # fmt: skip
        except HubfleetError as error:
            tell_problems(request, error.problems)
        else:
            messages.success(request, "It is declared, and whoever is responsible is told.")
            return redirect("console:incident", made.pk)
    status = 422 if request.method == "POST" else 200
    values = {"form": form, "offered_some": len(offered) < len(hubs)}
    return render(request, "console/incidents/declare.html", values, status=status)


def _meant(fleet: Fleet, wanted: dict[str, Any]) -> list[str]:
    """The hubs that were ticked, and those of the community and the cluster."""
    community, cluster = wanted.get("community"), wanted.get("cluster")
    return acting.hubs_named(
        fleet, wanted["hubs"], [community] if community else (), [cluster] if cluster else ()
    )


def my_debts(request: HttpRequest, fleet: Fleet) -> list[Owed]:
    """What is owed, as far as the visitor may see the incidents."""
    found = owed(fleet, now())
    if standing_here(request, fleet).staff:
        return found
    numbers = {one.incident for one in found}
    rows = Incident.objects.filter(pk__in=numbers).prefetch_related("affected", "roles")
    mine = {
        row.pk for row in rows if (seen := look_at(request, fleet, row)) is not None and seen.whole
    }
    return [one for one in found if one.incident in mine]


@require_safe
@signed_in
def debt(request: HttpRequest) -> HttpResponse:
    """`/incidents/debt/`."""
    fleet = desk_fleet()
    rows = my_debts(request, fleet)
    values = {"rows": rows, "late": sum(one.late for one in rows)}
    return render(request, "console/incidents/debt.html", values)


def _silences(request: HttpRequest, fleet: Fleet) -> list[Silence]:
    if standing_here(request, fleet).staff:
        return list(silences.in_force())
    mine = {*visible_hubs(request, fleet), *visible_communities(request, fleet)}
    return [one for one in silences.in_force() if one.hub in mine]


def _places(request: HttpRequest, fleet: Fleet) -> list[tuple[str, str]]:
    """What the visitor may silence: hubs, whole communities, everything."""
    found = [("", "everything")] if ask(request, Action.SILENCE_ALERTS).allowed else []
    found += [
        (name, f"all hubs of {name}")
        for name in visible_communities(request, fleet)
        if all(
            ask(request, Action.SILENCE_ALERTS, hub).allowed for hub in fleet.communities[name].hubs
        )
        and fleet.communities[name].hubs
    ]
    hubs = visible_hubs(request, fleet)
    return found + [
        (name, name) for name in hubs if ask(request, Action.SILENCE_ALERTS, name).allowed
    ]


@require_http_methods(["GET", "POST"])
@signed_in
def silence(request: HttpRequest) -> HttpResponse:
    """`/incidents/silences/`: what opens no incident now."""
    fleet = desk_fleet()
    places = _places(request, fleet)
    form = SilenceForm(request.POST or None, places=places)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        _require_silence(request, fleet, wanted["hub"])
        try:
            silences.silence(
                actor_of(request), wanted["hub"], wanted["kind"], wanted["reason"],
                now() + timedelta(hours=wanted["hours"]),
            )  # fmt: skip
        except HubfleetError as error:
            tell_problems(request, error.problems)
        else:
            messages.success(request, "It is silenced until then.")
            return redirect("console:incident_silences")
    values = {"form": form, "rows": _silences(request, fleet), "may": bool(places)}
    status = 422 if request.method == "POST" else 200
    return render(request, "console/incidents/silences.html", values, status=status)


def _require_silence(request: HttpRequest, fleet: Fleet, hub: str) -> None:
    """For a community on each of its hubs."""
    community = fleet.communities.get(hub)
    for name in (community.hubs if community else ()) or (hub,):
        require(request, Action.SILENCE_ALERTS, name)


@require_POST
@signed_in
def end_silence(request: HttpRequest, number: int) -> HttpResponse:
    fleet = desk_fleet()
    found = get_object_or_404(Silence, pk=number)
    if found not in _silences(request, fleet):
        raise Http404
    _require_silence(request, fleet, found.hub)
    silences.end(actor_of(request), found)
    messages.success(request, "It has ended.")
    return redirect("console:incident_silences")
