"""The report of an incident: written, reviewed, closed, published, and taken along as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.asking import actor_of
from hubfleet.office.accounts.rights import Action
from hubfleet.office.audit.record import Actor
from hubfleet.office.console.acts.doing import in_words, tell_problems
from hubfleet.office.console.incident_sight import Sight, demand, may, sight
from hubfleet.office.console.incidents.forms import ActionForm, ReportForm
from hubfleet.office.console.incidents.list_pages import desk_fleet
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.incidents import documents, drafting, reports
from hubfleet.office.incidents.models import Report
from hubfleet.office.incidents.words import REPORT_STATES, SECTIONS


def _seen(request: HttpRequest, number: int) -> tuple[Sight, Report | None]:
    """Reports are for those who see the whole record."""
    seen = sight(request, desk_fleet(), number)
    if not seen.whole:
        raise Http404
    return seen, Report.objects.filter(incident_id=number).first()


@require_safe
@signed_in
def report(request: HttpRequest, number: int) -> HttpResponse:
    """`/incidents/<number>/report/`."""
    seen, found = _seen(request, number)
    values: dict[str, Any] = {"one": seen.incident, "report": found}
    values["may_write"] = may(request, seen.incident, Action.WRITE_INCIDENT_REPORT)
    if found is not None:
        fleet = desk_fleet()
        value = reports.as_value(found, fleet)
        frozen = found.state in ("closed", "published")
        values |= {
            "value": value,
            "sections": [(title, value["sections"][key]) for key, title in SECTIONS.items()],
            "named": [(SECTIONS[one.section], one.name) for one in reports.named_in(found, fleet)],
            "words": REPORT_STATES[found.state],
            "late": reports.overdue(found, now()),
            "steps": [
                (state, words, state == found.state) for state, words in REPORT_STATES.items()
            ],
            "frozen": frozen,
            "form": ReportForm(initial={**found.texts, "owner": found.owner}),
            "actions": [(one, _action_form(one)) for one in found.actions.all()],
            "to_do": [one for one in found.actions.all() if one.done_at is None],
            "new_action": ActionForm(auto_id="new-%s"),
            "may_review": may(request, seen.incident, Action.REVIEW_INCIDENT_REPORT),
            "may_publish": may(request, seen.incident, Action.PUBLISH_INCIDENT_REPORT),
        }
    return render(request, "console/incidents/report.html", values)


def _action_form(one: Any) -> ActionForm:
    known = {name: getattr(one, name) for name in ("text", "kind", "owner", "due", "link")}
    return ActionForm(auto_id=f"a{one.pk}-%s", initial=known)


Step = Callable[[Actor, int], object]
STEPS: dict[str, tuple[Action, Step, str]] = {
    "begin": (Action.WRITE_INCIDENT_REPORT, reports.start, "It is drafted from the record."),
    "review": (Action.REVIEW_INCIDENT_REPORT, reports.review, "It is reviewed."),
    "close": (Action.PUBLISH_INCIDENT_REPORT, reports.close, "It is closed."),
    "publish": (Action.PUBLISH_INCIDENT_REPORT, reports.publish, "It is on the status page."),
}


@require_POST
@signed_in
def step(request: HttpRequest, number: int, what: str) -> HttpResponse:
    """`begin`, `review`, `close`, `publish`."""
    if what not in STEPS:
        raise Http404
    action, perform, words = STEPS[what]
    seen, _ = _seen(request, number)
    demand(request, seen.incident, action)
    return _do(request, number, lambda: perform(actor_of(request), number), words)


@require_POST
@signed_in
def write(request: HttpRequest, number: int) -> HttpResponse:
    """The written parts."""
    seen, _ = _seen(request, number)
    demand(request, seen.incident, Action.WRITE_INCIDENT_REPORT)
    form = ReportForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A part of it is too long.")
        return redirect("console:incident_report", number)
    said = form.cleaned_data
    owner = said.pop("owner").strip()
    return _do(
        request, number, lambda: reports.write(actor_of(request), number, said, owner=owner),
        "It is saved.",
    )  # fmt: skip


@require_POST
@signed_in
def action(request: HttpRequest, number: int, which: int = 0) -> HttpResponse:
    """Add an action, or change one."""
    seen, _ = _seen(request, number)
    demand(request, seen.incident, Action.WRITE_INCIDENT_REPORT)
    form = ActionForm(request.POST)
    if not form.is_valid():
        wrong = "; ".join(f"{name}: {said[0]}" for name, said in form.errors.items())
        messages.error(request, f"The action was not understood: {wrong}")
        return redirect("console:incident_report", number)
    said = form.cleaned_data
    text = said.pop("text")
    return _do(
        request,
        number,
        lambda: reports.set_action(actor_of(request), number, text, action=which or None, **said),
        "It is saved.",
    )


@require_POST
@signed_in
def action_done(request: HttpRequest, number: int, which: int) -> HttpResponse:
    """Somebody has done what was to be done."""
    seen, _ = _seen(request, number)
    demand(request, seen.incident, Action.WRITE_INCIDENT_REPORT)
    return _do(
        request,
        number,
        lambda: reports.finish_action(actor_of(request), number, which),
        "It is noted as done.",
    )


def _do(
    request: HttpRequest, number: int, perform: Callable[[], object], words: str
) -> HttpResponse:
    try:
        perform()
    except HubfleetError as error:
        tell_problems(request, error.problems)
    else:
        messages.success(request, words)
    return redirect("console:incident_report", number)


@require_safe
@signed_in
def file(request: HttpRequest, number: int, kind: str) -> HttpResponse:
    """`report.md` and `report.pdf`, with names, for those who may read it so."""
    _, found = _seen(request, number)
    if found is None:
        raise Http404
    return as_file(reports.as_value(found, desk_fleet()), number, kind)


def as_file(value: dict[str, Any], number: int, kind: str) -> HttpResponse:
    """A report to take along; 503 with the cure where no PDF can be made."""
    if kind == "md":
        content, media = drafting.markdown(value).encode(), "text/markdown; charset=utf-8"
    else:
        try:
            content, media = documents.pdf(value), "application/pdf"
        except HubfleetError as error:
            said = in_words(error.problems[0])
            return HttpResponse(said, content_type="text/plain; charset=utf-8", status=503)
    response = HttpResponse(content, content_type=media)
    response.headers["Content-Disposition"] = f'attachment; filename="incident-{number}.{kind}"'
    return response
