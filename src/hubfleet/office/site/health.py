"""For whatever watches the console: does it live, can it work, and its numbers."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from hubfleet.office.site import loops, metrics

TOKEN_FILE = "HUBFLEET_METRICS_TOKEN_FILE"  # noqa: S105, the name of a variable
"""Names a file with the token for `/metrics`; without it the console makes one of its own."""


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers; asks nothing else, so that a slow database restarts nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether pages can be served: the database answers, and the console looks after things."""
    troubles = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        troubles.append("the database does not answer")
    troubles += [f"{name} has not succeeded for {late:.0f} s" for name, late in loops.late()]
    status = 503 if troubles else 200
    return JsonResponse({"ready": not troubles, "troubles": troubles}, status=status)


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """For Prometheus."""
    if not _may(request):
        return HttpResponse(
            "only with the token of `console/metrics-token` in the state folder\n", status=403
        )
    return HttpResponse(metrics.told(), content_type=metrics.CONTENT_TYPE)


def _may(request: HttpRequest) -> bool:
    """Never by where it comes from: people's own programs run on this machine, too."""
    file = Path(os.environ.get(TOKEN_FILE) or settings.METRICS_TOKEN_FILE)
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    said = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(said.encode(), f"Bearer {token}".encode())
