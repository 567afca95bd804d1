"""The record of acts: who did what, when, to what, from where. Read here and never changed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import timestamp
from hubfleet.office.accounts.asking import Refused, ask, note, standing_here
from hubfleet.office.accounts.rights import Action, Decision
from hubfleet.office.audit.entries import COLUMNS, Wanted, entries, exported
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.ports import desk

_TEXTS = ("who", "act", "community", "hub", "outcome")
OUTCOMES = ("done", "refused", "hidden", "failed")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet would take a cell that begins with one of these for a formula."""


@require_safe
@signed_in
def audit(request: HttpRequest) -> HttpResponse:
    """`/audit/`: filtered, newest first."""
    fleet = desk().fleet()
    wanted = wanted_by(request, fleet, Action.SEE_AUDIT)
    said = {name: request.GET.get(name, "") for name in (*_TEXTS, "since", "until")}
    query = urlencode({name: value for name, value in said.items() if value})
    values = {
        "page": Paginator(entries(wanted), 50).get_page(request.GET.get("page")),
        "query": f"{query}&" if query else "",
        "said": said,
        "outcomes": OUTCOMES,
        "may_export": bool(_communities(request, fleet, Action.EXPORT_AUDIT))
        or _sees_all(request, fleet, Action.EXPORT_AUDIT),
    }
    return render(request, "console/audit.html", values)


@require_safe
@signed_in
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """`/audit/export.csv` and `.json`: everything that the filter lets through, as a stream."""
    wanted = wanted_by(request, desk().fleet(), Action.EXPORT_AUDIT)
    note(request, Action.EXPORT_AUDIT, wanted.community, "done", f"exported the record as {kind}")
    if kind == "csv":
        response = StreamingHttpResponse(_csv(wanted), content_type="text/csv; charset=utf-8")
    elif kind == "json":
        response = StreamingHttpResponse(_json(wanted), content_type="application/json")
    else:
        raise Http404
    name = f"audit-{timestamp()[:10]}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def wanted_by(request: HttpRequest, fleet: Fleet, action: Action) -> Wanted:
    """The filter, never wider than what the visitor may read; raises `Refused`."""
    mine = None if _sees_all(request, fleet, action) else _communities(request, fleet, action)
    if mine is not None and not mine:
        note(request, action, "", "refused", "no community's record")
        raise Refused(Decision("no", action, "", "your account may not read the record of acts"))
    texts = {name: request.GET.get(name, "")[:100].strip() for name in _TEXTS}
    zone = ZoneInfo(fleet.service.timezone)
    until = _day(request.GET.get("until", ""), zone)
    return Wanted(
        communities=mine,
        **texts,
        since=_day(request.GET.get("since", ""), zone),
        until=until + timedelta(days=1) if until else None,
    )


def _sees_all(request: HttpRequest, fleet: Fleet, action: Action) -> bool:
    """Staff whose role reads any community's record read the service's own entries too."""
    if not standing_here(request, fleet).staff:
        return False
    return all(ask(request, action, name).allowed for name in fleet.communities) and bool(
        fleet.communities or ask(request, Action.SEE_FLEET).allowed
    )


def _communities(request: HttpRequest, fleet: Fleet, action: Action) -> list[str]:
    names = fleet.communities if standing_here(request, fleet).staff else _own(request, fleet)
    return [name for name in names if ask(request, action, name).allowed]


def _own(request: HttpRequest, fleet: Fleet) -> list[str]:
    mine = standing_here(request, fleet).communities
    return [name for name in fleet.communities if name in mine]


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.combine(datetime.fromisoformat(text[:10]).date(), time(), zone)
    except ValueError:
        return None


@dataclass
class _Line:
    """What `csv` writes to: it gives the line back."""

    def write(self, line: str) -> str:
        return line


def _csv(wanted: Wanted) -> Iterator[bytes]:
    writer = csv.writer(_Line())
    yield str(writer.writerow(COLUMNS)).encode()
    for row in exported(wanted):
        yield str(writer.writerow([_cell(row[name]) for name in COLUMNS])).encode()


def _cell(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value or "")
    return f"'{text}" if text.startswith(_RISKY) else text


def _json(wanted: Wanted) -> Iterator[bytes]:
    before = b"[\n"
    for row in exported(wanted):
        yield before + json.dumps(row, ensure_ascii=False, default=str).encode()
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"
