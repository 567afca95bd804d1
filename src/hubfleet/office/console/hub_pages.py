"""A hub's pages to read: overview, revisions and what changed, effective values, logs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.clock import timestamp, today
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.asking import ask, note
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console import charts, objective_pages
from hubfleet.office.console.acts.hub_rollouts import Waiting, waiting
from hubfleet.office.console.checks import checked, last_months
from hubfleet.office.console.glance import glance
from hubfleet.office.console.hub_frame import hub_context
from hubfleet.office.console.incident_sight import of_hubs
from hubfleet.office.console.past import days_of
from hubfleet.office.console.seeing import hub_for, signed_in
from hubfleet.office.ledger.history import record_of
from hubfleet.office.ledger.models import Judgement, Revision
from hubfleet.office.ledger.revisions import differences
from hubfleet.office.ports import desk
from hubfleet.office.watching import probing
from hubfleet.office.watching.availability import Day, history, in_percent, total
from hubfleet.office.watching.models import ProbeRecord
from hubfleet.planning.steps import hub_name

DAYS = 90
PROBES = 30


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe, whoever asked for it. `stages` are those of `probe --json`."""

    at: datetime
    verdict: str
    seconds: float
    stages: tuple[dict[str, Any], ...]
    cause: str
    hint: str
    by: str


@require_safe
@signed_in
def overview(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """`/hubs/<community>/<hub>/`."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.SEE_HUB)
    name = declared.name
    looks_after = ask(request, Action.SEE_LOGS, name).allowed
    probes = probes_of(name) if looks_after else []
    days = history(days_of([name])[name], today(fleet.service.timezone), DAYS)
    values = {
        **hub_context(request, fleet, declared, "overview"),
        "looks_after": looks_after,
        "sees_people": ask(request, Action.SEE_PEOPLE, name).allowed,
        "may_probe": ask(request, Action.PROBE, name).allowed,
        "probing": probing.under_way(name),
        "probes": list(reversed(probes)),
        "probe": probes[-1] if probes else None,
        "stages_chart": _stages_chart(probes, name),
        "probes_chart": _probes_chart(probes, name),
        "days_chart": charts.days(days, name),
        "days_words": charts.in_words(days),
        "percent": _percent(days),
        "months": last_months(name, fleet),
        "checked": checked(name, fleet.service.checks),
        "objective": objective_pages.of_hub(request, fleet, declared),
        "changes": Revision.objects.filter(hub=name).order_by("-id").defer("values", "probe")[:5],
        "waiting": _waiting(request, name) if looks_after else None,
        "facts": facts_of(fleet, declared),
        "incidents": of_hubs(request, fleet, [name], 3),
    }
    return render(request, "console/hub.html", values)


def _percent(days: tuple[Day, ...]) -> str:
    return in_percent(total(day.share for day in days).part)


def _stages_chart(probes: list[Probe], name: str) -> SafeString | str:
    return charts.stages(probes[-1].stages, name) if probes and probes[-1].stages else ""


def _probes_chart(probes: list[Probe], name: str) -> SafeString | str:
    if len(probes) < 2:
        return ""
    return charts.probes(
        [(timestamp(probe.at), probe.verdict, probe.seconds) for probe in probes], name
    )


def _waiting(request: HttpRequest, name: str) -> Waiting | None:
    """The part of the plan about this hub; the platform is asked only when there is one."""
    if all(hub_name(step) != name for step in glance().plan.steps):
        return None
    return waiting(request, [name])


def facts_of(fleet: Fleet, hub: Hub) -> list[tuple[str, str]]:
    """What the declaration says of the hub, in words for people."""
    values = hub.values
    limits = [f"{values.limits.memory} of memory" if values.limits.memory else ""]
    limits += [f"{values.limits.cpu:g} CPU" if values.limits.cpu else ""]
    environment = values.environment
    software = environment.repository or ", ".join(environment.packages[:6]) or "the standard one"
    if len(environment.packages) > 6 and not environment.repository:
        software += f" and {len(environment.packages) - 6} more"
    found = [
        ("Runs on", f"{hub.cluster}"),
        ("Gate", hub.gate if hub.gate and hub.gate != "none" else ""),
        ("Sign-in", values.access.sign_in),
        ("A server may use", ", ".join(limit for limit in limits if limit)),
        ("Environment", software),
        ("Profiles", ", ".join(profile.name for profile in values.profiles)),
        ("Home quota", values.storage.home_quota or ""),
        ("Idle servers stop after", values.culling.idle if values.culling.idle != "0s" else ""),
    ]
    return [(key, value) for key, value in found if value]


def probes_of(name: str, most: int = PROBES) -> list[Probe]:
    """The last probes, oldest first: those asked for here and those of rollouts and gates."""
    found = [
        Probe(
            row.at, row.verdict, row.seconds, tuple(row.stages), row.cause, row.hint,
            row.asked_by,
        )
        for row in ProbeRecord.objects.filter(hub=name).order_by("-id")[:most]
    ]  # fmt: skip
    rows: list[Any] = [
        *Revision.objects.filter(hub=name).exclude(verdict="").order_by("-id")[:most],
        *Judgement.objects.filter(hub=name).order_by("-id")[:most],
    ]
    for row in rows:
        said = row.probe
        if said.get("stages"):
            found.append(
                Probe(
                    row.at, row.verdict, float(said.get("seconds", 0.0)),
                    tuple(said["stages"]), said.get("cause", ""), said.get("hint", ""),
                    "a rollout",
                )
            )  # fmt: skip
    once = {
        (probe.verdict, probe.seconds): probe for probe in sorted(found, key=lambda one: one.at)
    }
    return sorted(once.values(), key=lambda one: one.at)[-most:]


@require_POST
@signed_in
def probe(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Probe the hub now, in the background; the page tells when there is a verdict."""
    declared = hub_for(request, desk().fleet(), f"{community}/{hub}", Action.PROBE)
    if probing.ask_for(declared.name, request.user.get_username()):
        note(request, Action.PROBE, declared.name, "done", f"probed {declared.name}")
        messages.info(request, "The probe is under way; its verdict shows here in a minute.")
    else:
        messages.info(request, "A probe is under way already.")
    return redirect("console:hub", community, hub)


@require_safe
@signed_in
def revisions(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """All revisions, newest first; a rollback for who may ask for it."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.SEE_LOGS)
    rows = Revision.objects.filter(hub=declared.name).order_by("-id").defer("values", "probe")
    kept: dict[int, str] = {}
    with suppress(HubfleetError):
        kept = {one.revision: one.id for one in desk().snapshots(declared.name)}
    values = {
        **hub_context(request, fleet, declared, "revisions"),
        "page": Paginator(rows, 25).get_page(request.GET.get("page")),
        "snapshots": kept,
        "roll_back": ask(request, Action.ROLL_BACK, declared.name),
    }
    return render(request, "console/hub_revisions.html", values)


@require_safe
@signed_in
def revision(request: HttpRequest, community: str, hub: str, number: int) -> HttpResponse:
    """One revision: who, why, and what differs from the one before it."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.SEE_LOGS)
    row = Revision.objects.filter(hub=declared.name, id=number).first()
    if row is None:
        raise Http404
    before = Revision.objects.filter(hub=declared.name, id__lt=row.id).order_by("-id").first()
    new, old = record_of(row), record_of(before) if before else None
    values = {
        **hub_context(request, fleet, declared, "revisions"),
        "revision": new,
        "old": old,
        "differences": differences(old, new),
        "stages_chart": charts.stages(row.probe["stages"], declared.name)
        if row.probe.get("stages")
        else "",
    }
    return render(request, "console/hub_revision.html", values)


@require_safe
@signed_in
def effective(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Every effective value with its layer, file and line."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.SEE_LOGS)
    words = request.GET.get("q", "")[:100].strip()
    layer = request.GET.get("layer", "")[:20]
    found = [
        (key, value)
        for key, value in sorted(declared.effective.items())
        if words.lower() in f"{key} {value.value}".lower() and _layer_fits(value.layer, layer)
    ]
    values = {
        **hub_context(request, fleet, declared, "values"),
        "found": found,
        "words": words,
        "layer": layer,
    }
    return render(request, "console/hub_values.html", values)


def _layer_fits(layer: str, wanted: str) -> bool:
    return (wanted == "" and layer != "product") or wanted in (layer, "all")


@require_safe
@signed_in
def logs(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """The last lines of the hub's log."""
    fleet = desk().fleet()
    declared = hub_for(request, fleet, f"{community}/{hub}", Action.SEE_LOGS)
    asked = request.GET.get("lines", "200")
    count = min(int(asked), 5000) if asked.isdecimal() and len(asked) < 6 else 200
    trouble, lines = "", []
    try:
        lines = desk().logs(declared.name, max(count, 1))
    except HubfleetError as error:
        trouble = str(error.problems[0].what)
    values = {
        **hub_context(request, fleet, declared, "logs"),
        "lines": lines,
        "count": count,
        "counts": (100, 200, 1000, 5000),
        "trouble": trouble,
    }
    return render(request, "console/hub_logs.html", values)
