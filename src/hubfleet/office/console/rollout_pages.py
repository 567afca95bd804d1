"""Rollouts: the list, the record of one, and the same live while it runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hubfleet.fleet.model import Fleet
from hubfleet.office.accounts.asking import ask, note, standing_here
from hubfleet.office.accounts.rights import Action
from hubfleet.office.changes.models import Run
from hubfleet.office.changes.running import Files
from hubfleet.office.console import charts, live, rollouts
from hubfleet.office.console.acts.hub_rollouts import waiting
from hubfleet.office.console.glance import glance
from hubfleet.office.console.rollouts import FATES, Detail, Summary
from hubfleet.office.console.seeing import hubs_looked_after, signed_in
from hubfleet.office.ports import desk
from hubfleet.planning.steps import hub_name

PAGE = 30
LOOK_EVERY = 0.4
"""Seconds between two looks of a stream; a browser is told only when something changed."""
LONGEST_STREAM = 3600
_TAIL = 256 * 1024


@require_safe
@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    """`/rollouts/`: the newest first; only hubs that the visitor may see."""
    fleet = desk().fleet()
    before = _moment(request.GET.get("before", ""))
    found = rollouts.summaries(PAGE + 1, before)
    more = found[PAGE - 1].at if len(found) > PAGE else None
    shown = [part for one in found[:PAGE] if (part := _part(request, fleet, one)) is not None]
    values = {
        "found": shown,
        "older": more.isoformat() if more else "",
        "newest": before is None,
        "runs": _not_begun(request, fleet) if before is None else [],
    }
    return render(request, "console/rollouts.html", values)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace(" ", "+")[:40]) if text else None
    except ValueError:
        return None


def _part(request: HttpRequest, fleet: Fleet, one: Summary) -> Summary | None:
    """What of the rollout is about hubs that the visitor looks after; None without any."""
    if ask(request, Action.SEE_FLEET).allowed:
        return one
    part = one.only(hubs_looked_after(request, fleet))
    return part if part.hubs else None


def _not_begun(request: HttpRequest, fleet: Fleet) -> list[Run]:
    """Processes started here that have not written anything to the ledger yet."""
    mine = hubs_looked_after(request, fleet)
    runs = Run.objects.filter(ended_at=None, rollout="").order_by("-at")[:20]
    return [run for run in runs if all(name in mine for name in run.hubs)]


@require_safe
@signed_in
def rollout(request: HttpRequest, name: str) -> HttpResponse:
    """`/rollouts/<id>/`: the record of one; while it runs the page follows it."""
    found = detail_for(request, name)
    ends = [(word, text, found.summary.fates.get(fate, 0)) for fate, (word, text) in FATES.items()]
    done = [(word, count) for word, _, count in ends if count]
    values = {
        "found": found,
        "one": found.summary,
        "running": found.summary.state == "running",
        "waves": _waves(found),
        "bar": charts.progress(done, len(found.hubs), "Progress of the rollout"),
    }
    return render(request, "console/rollout.html", values)


def detail_for(request: HttpRequest, name: str) -> Detail:
    """The rollout, cut to the hubs that the visitor looks after; raises `Http404` without any."""
    fleet = desk().fleet()
    found = rollouts.detail(name, phases_of(name))
    if found is None:
        raise Http404
    if ask(request, Action.SEE_FLEET).allowed:
        return found
    mine = hubs_looked_after(request, fleet)
    hubs = tuple(hub for hub in found.hubs if hub.hub in mine)
    if not hubs:
        note(request, Action.SEE_FLEET, "", "hidden", f"rollout {name}")
        raise Http404
    return Detail(
        found.summary.only(mine), hubs, found.fingerprint, found.declaration, found.despite_freeze,
        found.beginnings,
    )  # fmt: skip


def _waves(found: Detail) -> list[tuple[int, list[Any]]]:
    numbers = sorted({hub.wave for hub in found.hubs})
    return [(number, [hub for hub in found.hubs if hub.wave == number]) for number in numbers]


def phases_of(name: str) -> dict[str, str]:
    """The last words about each hub, from the events of a run that was started here."""
    run = Run.objects.filter(rollout=name).first()
    return _last_words(Files(run).events) if run is not None else {}


def _last_words(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("kind") == "hub" and event.get("hub"):
            found[str(event["hub"])] = str(event.get("phase", ""))
    return found


async def events(request: HttpRequest, name: str) -> HttpResponseBase:
    """`/rollouts/<id>/events`: says `changed` when the page has news, and `end` at the end."""
    allowed = await sync_to_async(_may_follow)(request, name)
    if allowed is not None:
        return allowed
    if live.full(str(request.user.pk)):
        return HttpResponse("too many streams; ask again later\n", status=503)
    response = StreamingHttpResponse(
        _stream(name, str(request.user.pk)), content_type="text/event-stream"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _may_follow(request: HttpRequest, name: str) -> HttpResponse | None:
    if not request.user.is_authenticated:
        return HttpResponse("sign in first\n", status=403)
    try:
        detail_for(request, name)
    except Http404:
        return HttpResponse("there is no such rollout\n", status=404)
    return None


async def _stream(name: str, whose: str) -> AsyncIterator[str]:
    last: object = None
    async with live.stream(whose) as ending:
        yield "retry: 3000\n\n"
        for _ in range(int(LONGEST_STREAM / LOOK_EVERY)):
            seen, running = await sync_to_async(_news, thread_sensitive=False)(name)
            if not running:
                yield "event: end\ndata: \n\n"
                return
            if seen != last:
                if last is not None:
                    yield "event: changed\ndata: \n\n"
                last = seen
            try:
                await asyncio.wait_for(ending.wait(), LOOK_EVERY)
            except TimeoutError:
                continue
            return


def _news(name: str) -> tuple[object, bool]:
    """What changes with every news, and whether the rollout runs."""
    try:
        written = rollouts.version(name)
        run = Run.objects.filter(rollout=name).first()
    finally:
        connections["default"].close()
    size = 0
    if run is not None:
        try:
            size = Files(run).events.stat().st_size
        except OSError:
            size = -1
    return (written, size), written[-1]


@require_safe
@signed_in
def plan(request: HttpRequest) -> HttpResponse:
    """`/plan/`: what would be done now, wave by wave, for the hubs that the visitor looks after."""
    fleet = desk().fleet()
    mine = hubs_looked_after(request, fleet)
    sees_all = ask(request, Action.SEE_FLEET).allowed
    steps = [step for step in glance().plan.steps if sees_all or hub_name(step) in mine]
    names = [hub_name(step) for step in steps]
    made = desk().schedule(glance().plan)
    waves = [
        (
            title,
            [
                (item, made.why_it_waits(item))
                for item in made.steps
                if item.wave == number and item.hub in names
            ],
        )
        for number, title in enumerate(made.waves)
    ]
    values = {
        "waves": [(title, items) for title, items in waves if items],
        "checks": [name for name in made.checks if sees_all or name in mine],
        "steps": steps,
        "waiting": waiting(request, names) if names else None,
        "removals": [name for name in names if name not in fleet.hubs],
        # They quote files of any community.
        "troubles": glance().troubles if standing_here(request, fleet).staff else (),
    }
    return render(request, "console/plan.html", values)
