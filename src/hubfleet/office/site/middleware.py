"""What happens to every request: it is measured, and its answer gets headers that protect people.

The Content-Security-Policy lets pages load nothing but what the console serves, run no inline
script, and send forms nowhere but to the console and to the hubs that it signs people in to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ports import desk
from hubfleet.office.site import metrics

Answer = Callable[[HttpRequest], HttpResponseBase]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)


def measure(get_response: Answer) -> Answer:
    """How long answers take, by view; how many there are, by status."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        view = match.view_name if match is not None and match.view_name else "none"
        metrics.answered(view, response.status_code, time.perf_counter() - began)
        return response

    return middleware


def headers(get_response: Answer) -> Answer:
    """Security headers on everything; pages of signed-in people are kept by no cache."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy())
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = (
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        response.headers.setdefault("Cache-Control", "no-store")
        if urlsplit(settings.CONSOLE_ADDRESS).scheme == "https":
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    return middleware


def policy() -> str:
    """Browsers apply `form-action` to where a form's answer redirects, too: signing in ends on a
    hub, and signing in elsewhere begins with a form here.
    """
    targets = ["'self'", *_hubs(), *getattr(settings, "FORM_TARGETS", ())]
    return f"{POLICY}; form-action {' '.join(targets)}"


def _hubs() -> list[str]:
    try:
        fleet = desk().fleet()
    except (HubfleetError, RuntimeError):
        return []
    if _targets.get("of") is not fleet:
        _targets.update(of=fleet, hubs=_hubs_of(fleet))
    hubs: list[str] = _targets["hubs"]
    return hubs


_targets: dict[str, Any] = {}
"""The hubs' addresses, worked out once for each reading of the declaration."""


def _hubs_of(fleet: Fleet) -> list[str]:
    domain = fleet.service.domain
    scheme = "http" if domain == "localhost" else "https"
    others = {hub.domain for hub in fleet.hubs.values() if not hub.domain.endswith(f".{domain}")}
    return [f"{scheme}://{name}:*" for name in [f"*.{domain}", *sorted(others)]]


def client_address(request: HttpRequest) -> str:
    """Where the request came from: the connection's other end, or what our own proxies say.

    With n trusted proxies the n-th entry of `X-Forwarded-For` from the right is the client: what
    stands left of it anybody may have written.
    """
    remote = str(request.META.get("REMOTE_ADDR") or "")
    trusted = int(settings.TRUSTED_PROXIES)
    if not trusted:
        return remote
    said = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    said = [part for part in said if part]
    return said[-trusted] if len(said) >= trusted else remote


def is_page(response: HttpResponseBase) -> bool:
    """Whether the response is a page for people."""
    return isinstance(response, HttpResponse) and response.headers.get(
        "Content-Type", ""
    ).startswith("text/html")
