"""Where Alertmanager tells of alerts: `POST /api/alerts/alertmanager`, with a token of its own.

Not an operation of the API for people: its sender has no account, and its body is another's format.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.incidents import alertmanager, intake, tokens
from hubfleet.office.ports import desk


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> JsonResponse:
    """200 with what became of it; 400 with what was wrong; 401 without the token; 413."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not tokens.good(token.strip()):
        why = "show the token that `hubfleet incident token` made"
        response = _refused(HTTPStatus.UNAUTHORIZED, "sign in first", why)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    try:
        if int(request.headers.get("Content-Length") or 0) > alertmanager.MOST_BYTES:
            raise RequestDataTooBig
        body = request.body
    except (RequestDataTooBig, ValueError):
        why = f"send at most {alertmanager.MOST_BYTES} bytes; `max_alerts` limits a message"
        return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "this is too much", why)
    try:
        alerts, wrong = alertmanager.read(body)
    except HubfleetError as error:
        problem = error.problems[0]
        return _refused(HTTPStatus.BAD_REQUEST, problem.what, problem.why)
    taken = intake.take(alerts, desk().fleet())
    return JsonResponse({**taken.as_json(), "left_out": wrong})


def _refused(status: HTTPStatus, error: str, why: str) -> JsonResponse:
    """In the shape of the API's other refusals."""
    said: dict[str, Any] = {"status": status.value, "error": error, "why": why}
    return JsonResponse({**said, "who_could": [], "problems": []}, status=status.value)
