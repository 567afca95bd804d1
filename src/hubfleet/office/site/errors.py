"""Pages for what goes wrong: 400, 403, 404, 413, 500, and 503 while the database is away.

The page for a missing database asks no table, so that it can be shown without one.
"""

from __future__ import annotations

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from hubfleet.office.console.context import service

SOON = 5
"""Seconds after which a browser may ask again."""


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    # Also for a host name that is not ours, which is found out before anybody is known.
    return page(request, 400, "errors/400.html", plain=True)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Who could do it stands in the exception, where the rights raised it."""
    why = str(exception) if exception is not None else ""
    who_could = getattr(exception, "who_could", ())
    return page(request, 403, "errors/403.html", why=why, who_could=who_could)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: sent from elsewhere, or open for too long."""
    return page(request, 403, "errors/forged.html")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 404, "errors/404.html")


def went_wrong(request: HttpRequest) -> HttpResponseBase:
    """A bug, or a database that is away, which is none."""
    error = sys.exc_info()[1]
    if _is_away(error):
        response = page(request, 503, "errors/503.html", plain=True)
        response.headers["Retry-After"] = str(SOON)
        response.headers["Refresh"] = str(SOON)
        return response
    return page(request, 500, "errors/500.html", plain=True)


def _is_away(error: BaseException | None) -> bool:
    """Whether the database could not be asked, whatever it would have said."""
    while error is not None:
        if isinstance(error, OperationalError | InterfaceError):
            return True
        error = error.__cause__
    return False


def page(
    request: HttpRequest, status: int, template: str, *, plain: bool = False, **values: Any
) -> HttpResponse:
    """`plain`: without asking who is signed in, because that asks the database."""
    wants = request.headers.get("Accept", "")
    if request.path.startswith("/api/") or ("json" in wants and "html" not in wants):
        return _as_json(status, template, values)
    if plain:
        values |= {**service(), "plain": True}
    text = render_to_string(template, values, request=None if plain else request)
    return HttpResponse(text, status=status)


def _as_json(status: int, template: str, values: dict[str, Any]) -> HttpResponse:
    import json

    body = {"status": status, "error": WORDS[status], "why": values.get("why") or ""}
    return HttpResponse(json.dumps(body), status=status, content_type="application/json")


WORDS = {
    400: "the request cannot be understood",
    403: "this may not be done",
    404: "there is nothing here",
    413: "too much was sent",
    500: "something went wrong here",
    503: "the database is away; this comes back by itself",
}
