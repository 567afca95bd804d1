"""The public status: pages, feed, JSON, and all of them as files for another host."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import failure
from hubfleet.office.accounts.asking import ask, note, require
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console import charts
from hubfleet.office.console.context import service
from hubfleet.office.console.public import PublicStatus, public_status, summary
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.ports import desk
from hubfleet.office.watching.models import Announcement

CACHE = "public, max-age=15"
_ASSETS = ("site/hubfleet.css", "site/icon.svg")


@require_safe
def status(request: HttpRequest, community: str = "") -> HttpResponse:
    """`/status/` and `/status/<community>/`, for everybody."""
    fleet = desk().fleet()
    if community and community not in fleet.communities:
        raise Http404
    values = _values(public_status(community), community)
    values["may_announce"] = request.user.is_authenticated and ask(request, Action.ANNOUNCE).allowed
    return render(request, "console/status.html", values)


def _values(found: PublicStatus, community: str) -> dict[str, Any]:
    title = found.sections[0].title if community and found.sections else ""
    return {
        "found": found,
        "community": community,
        "community_title": title,
        "sections": [
            (
                section,
                [
                    (one, charts.days(one.days, one.title), charts.in_words(one.days))
                    for one in section.components
                ],
            )
            for section in found.sections
        ],
    }


@require_safe
def summary_json(request: HttpRequest) -> JsonResponse:
    """`/status/summary.json`."""
    response = JsonResponse(summary(public_status(), settings.CONSOLE_ADDRESS))
    response.headers["Cache-Control"] = CACHE
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """`/status/feed.atom`: announcements, incidents, and hubs that do not work."""
    text = atom(public_status(), settings.CONSOLE_ADDRESS)
    response = HttpResponse(text, content_type="application/atom+xml; charset=utf-8")
    response.headers["Cache-Control"] = CACHE
    return response


def atom(found: PublicStatus, address: str) -> str:
    """The feed as XML. Ids are tags (RFC 4151), so that they stay when the address changes."""
    host = urlsplit(address).hostname or "localhost"
    page = f"{address}/status/"
    made = Atom1Feed(
        title=f"{found.service}: status",
        link=page,
        description=found.sentence,
        language="en",
        feed_url=f"{page}feed.atom",
        feed_guid=f"tag:{host},2022:status",
    )
    for one in (*found.later, *found.now, *found.past):
        made.add_item(
            title=one.title,
            link=page,
            description=one.text,
            unique_id=f"tag:{host},2022:announcement-{one.pk}",
            pubdate=one.starts_at,
            updateddate=one.changed_at,
            categories=[one.kind],
        )
    for incident in found.incidents:
        newest = incident.updates[0]
        made.add_item(
            title=f"{incident.title}: {incident.status}",
            link=f"{page}incidents/{incident.number}/",
            description=newest.text,
            unique_id=f"tag:{host},2022:incident-{incident.number}",
            pubdate=incident.updates[-1].at,
            updateddate=incident.changed_at,
            categories=["incident"],
        )
    for component in found.components:
        if component.status in ("major_outage", "partial_outage"):
            since = component.since or found.seen or timestamp(now())
            made.add_item(
                title=f"{component.title} {component.text}",
                link=page,
                description="Seen by the service's own watching.",
                unique_id=f"tag:{host},2022:hub-{component.name}-{since}",
                pubdate=datetime.fromisoformat(since),
                updateddate=datetime.fromisoformat(since),
                categories=["trouble"],
            )
    return str(made.writeString("utf-8"))


class AnnouncementForm(forms.Form):
    """What is told. Times are of the service's zone."""

    kind = forms.ChoiceField(choices=Announcement.Kind.choices)
    title = forms.CharField(max_length=120)
    text = forms.CharField(
        max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )
    community = forms.ChoiceField(required=False, label="Whose hubs")
    starts_at = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ends_at = forms.DateTimeField(
        label="Until",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="Empty: until somebody ends it.",
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        communities = desk().fleet().communities
        names = [(name, community.file.name) for name, community in communities.items()]
        self.fields["community"].choices = [("", "all"), *names]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        zone = ZoneInfo(desk().fleet().service.timezone)
        for name in ("starts_at", "ends_at"):
            if found.get(name):
                found[name] = found[name].replace(tzinfo=zone)
        starts, ends = found.get("starts_at"), found.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", "This is not after the beginning.")
        return found


@require_http_methods(["GET", "POST"])
@signed_in
def announce(request: HttpRequest) -> HttpResponse:
    """`/status/announce/`: tell the public something."""
    require(request, Action.ANNOUNCE)
    zone = desk().fleet().service.timezone
    begin = now().astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
    form = AnnouncementForm(request.POST or None, initial={"starts_at": begin})
    if request.method == "POST" and form.is_valid():
        made = Announcement.objects.create(**form.cleaned_data, made_by=request.user.get_username())
        note(request, Action.ANNOUNCE, made.community, "done", f"announced: {made.title}")
        messages.success(request, "It is published.")
        return redirect("console:status")
    status_code = 422 if request.method == "POST" else 200
    values = {"form": form, "zone": zone}
    return render(request, "console/announce.html", values, status=status_code)


@require_POST
@signed_in
def end_announcement(request: HttpRequest, number: int) -> HttpResponse:
    """End an announcement now, or take back one that has not begun."""
    require(request, Action.ANNOUNCE)
    found = get_object_or_404(Announcement, pk=number)
    present = now()
    found.starts_at = min(found.starts_at, present)
    found.ends_at = found.changed_at = present
    found.save()
    note(request, Action.ANNOUNCE, found.community, "done", f"ended: {found.title}")
    messages.success(request, "It has ended.")
    return redirect("console:status")


def export(folder: Path) -> list[Path]:
    """Write the status page, one for each community, feed and JSON; what is there is replaced.

    Every link is relative, so that the folder can be put anywhere.
    """
    whole = public_status()
    address = settings.CONSOLE_ADDRESS
    written: list[Path] = []

    def put(name: str, text: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)

    try:
        put("index.html", _as_file(whole, "", "./"))
        for section in whole.sections:
            text = _as_file(public_status(section.name), section.name, "../")
            put(f"{section.name}/index.html", text)
        put("summary.json", _json(summary(whole, address)))
        put("feed.atom", atom(whole, address))
        for name in _ASSETS:
            source = finders.find(name)
            if isinstance(source, str):
                written.append(Path(shutil.copyfile(source, folder / Path(name).name)))
    except OSError as error:
        raise failure(
            "status-not-written",
            "the status page cannot be written",
            place=str(folder),
            why=error.strerror or str(error),
            hint="choose another folder with --to DIR, or mend its rights",
        ) from None
    return written


def _as_file(found: PublicStatus, community: str, root: str) -> str:
    values = {**service(), **_values(found, community), "root": root, "made_at": timestamp()}
    return render_to_string("console/status_file.html", values)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
