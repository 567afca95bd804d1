"""A hub's limits, profiles, environment and access: forms whose answers become commits."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hubfleet.fleet.edits.edit import Edit, SetField
from hubfleet.fleet.edits.text import value_at
from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.asking import ask
from hubfleet.office.changes.changing import read_only
from hubfleet.office.changes.models import Change
from hubfleet.office.console.acts import doing, forms
from hubfleet.office.console.acts.hub_rollouts import waiting
from hubfleet.office.console.hub_frame import hub_context
from hubfleet.office.console.seeing import hub_for, signed_in
from hubfleet.office.ports import desk


@signed_in
@require_GET
def page(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    return _render(request, _hub(request, community, hub))


def _hub(request: HttpRequest, community: str, hub: str) -> Hub:
    return hub_for(request, desk().fleet(), f"{community}/{hub}", Action.SEE_PEOPLE)


def _render(
    request: HttpRequest, hub: Hub, sent: django_forms.Form | None = None, status: int = 200
) -> HttpResponse:
    """`sent` is the form that could not be taken as it was; it shows what was typed and why."""
    profiles = profiles_of(hub)
    fresh: list[django_forms.Form] = [
        forms.Profile(initial=forms.Profile.now(one), auto_id=f"profile-{number}-%s")
        for number, one in enumerate(profiles)
    ]
    added: django_forms.Form = forms.Profile(auto_id="profile-new-%s")
    if isinstance(sent, forms.Profile):
        was = sent.data.get("was", "")
        names = [one.get("name") for one in profiles]
        if was in names:
            sent.auto_id = f"profile-{names.index(was)}-%s"
            fresh[names.index(was)] = sent
        else:
            sent.auto_id = "profile-new-%s"
            added = sent
    values: dict[str, Any] = {
        **hub_context(request, desk().fleet(), hub, "change"),
        "waiting": waiting(request, [hub.name]),
        "limits": _form(sent, forms.Limits, hub),
        "environment": _form(sent, forms.Environment, hub),
        "access": _form(sent, forms.Access, hub),
        "profiles": list(zip([one.get("name") for one in profiles], fresh, strict=True)),
        "profile": added,
        "may_limits": ask(request, Action.CHANGE_LIMITS, hub.name),
        "may_environment": ask(request, Action.CHANGE_ENVIRONMENT, hub.name),
        "may_access": ask(request, Action.CHANGE_ACCESS, hub.name),
        "may_profiles": ask(request, Action.CHANGE_PROFILES, hub.name),
        "read_only": read_only(),
        "changes": Change.objects.filter(hub=hub.name)[:5],
        "sent": sent,
    }
    return render(request, "console/acts/hub_settings.html", values, status=status)


def _form(sent: django_forms.Form | None, kind: Any, hub: Hub) -> Any:
    """The one that was sent, or a fresh one; ids differ between the forms of the page."""
    form = sent if type(sent) is kind else kind(initial=kind.now(hub))
    assert form is not None
    form.auto_id = f"{kind.__name__.lower()}-%s"
    return form


def profiles_of(hub: Hub) -> list[dict[str, Any]]:
    """As the hub's own file writes them, else as they are effective, without what is default."""
    found = hub.effective.get("profiles")
    if found is not None and found.place is not None and found.place.file == hub.place.file:
        text = (desk().root / hub.place.file).read_text(encoding="utf-8")
        own = value_at(text, hub.place.file, ("profiles",))
        if isinstance(own, list):
            return [dict(one) for one in own]
    return [one.model_dump(mode="json", exclude_defaults=True) for one in hub.values.profiles]


@signed_in
@require_POST
def limits(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    declared = _hub(request, community, hub)
    form = forms.Limits(request.POST)
    return _take(request, declared, form, lambda: form.edits(declared))


@signed_in
@require_POST
def environment(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    declared = _hub(request, community, hub)
    form = forms.Environment(request.POST)
    return _take(request, declared, form, lambda: form.edits(declared))


@signed_in
@require_POST
def access(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    declared = _hub(request, community, hub)
    form = forms.Access(request.POST)
    return _take(request, declared, form, lambda: form.edits(declared))


@signed_in
@require_POST
def profile(request: HttpRequest, community: str, hub: str) -> HttpResponse:
    """Change one profile, add one, or (`remove`) take one away."""
    declared = _hub(request, community, hub)
    form, now = forms.Profile(request.POST), profiles_of(declared)
    if request.POST.get("remove"):
        was = request.POST.get("was", "")
        left = [one for one in now if one.get("name") != was]
        if len(left) == len(now):
            raise Http404
        edits: list[Edit] = [SetField(declared.name, "profiles", left)]
        return doing.commit_and_return(request, edits, "console:hub-change", community, hub)
    return _take(
        request,
        declared,
        form,
        lambda: [SetField(declared.name, "profiles", form.merged(now))],
    )


def _take(request: HttpRequest, hub: Hub, form: django_forms.Form, edits: Any) -> HttpResponse:
    """Commit what the form means; show it again with the reasons when that cannot be."""
    if not form.is_valid():
        return _render(request, hub, form, 422)
    wanted = edits()
    if not wanted:
        messages.info(request, "Nothing was changed: the hub has these values already.")
        return redirect("console:hub-change", *hub.name.split("/"))
    try:
        change = doing.commit(request, wanted, form.cleaned_data["why"])
    except HubfleetError as error:
        for problem in error.problems:
            form.add_error(None, doing.in_words(problem))
        return _render(request, hub, form, 422)
    doing.tell_change(request, change)
    return redirect("console:hub-change", *hub.name.split("/"))
