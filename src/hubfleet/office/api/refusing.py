"""One shape for everything that is not done, whatever refused it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.api import shapes
from hubfleet.office.api.entrance import WrongScope

ANSWERS: dict[Any, Any] = {
    400: shapes.Refusal,
    401: shapes.Refusal,
    403: shapes.Refusal,
    404: shapes.Refusal,
    409: shapes.Refusal,
    422: shapes.Refusal,
}
"""What any operation may answer beside what it is for."""

_NOT_FOUND = (
    "no-such-hub",
    "no-such-community",
    "no-such-responsibility",
    "no-such-snapshot",
    "unknown-hub",
)


def teach(api: NinjaAPI) -> None:
    """Let the API answer so."""

    def answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        refusal = refusal_of(request, error)
        response = api.create_response(request, refusal.model_dump(), status=refusal.status)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    for kind in _KINDS:
        api.add_exception_handler(kind, answer)


_KINDS: tuple[type[Exception], ...] = (
    HubfleetError,
    PermissionDenied,
    WrongScope,
    Http404,
    AuthenticationError,
    ValidationError,
    HttpError,
)


def refusal_of(request: HttpRequest, error: Exception | type[Exception]) -> shapes.Refusal:
    """What is answered to each kind of error."""
    match error:
        case HubfleetError():
            first = error.problems[0]
            status = 404 if first.code in _NOT_FOUND else 409
            problems = [_as_trouble(problem) for problem in error.problems[:100]]
            made = _refusal(status, first.what, why=first.why, problems=problems)
        case PermissionDenied():
            could = list(getattr(error, "who_could", ()))
            made = _refusal(403, "this may not be done", why=str(error), who_could=could)
        case WrongScope():
            made = _refusal(403, "this token is not for that", why=str(error))
        case AuthenticationError():
            why = "the token is unknown, has expired or was revoked" if _shown(request) else ""
            made = _refusal(401, "sign in first", why=why)
        case ValidationError():
            said = "the request does not fit its description"
            made = _refusal(422, said, problems=[_unfit(one) for one in error.errors[:50]])
        case HttpError():
            made = _refusal(error.status_code, str(error))
        case _:
            made = _refusal(404, "there is nothing here")
    return made


def _refusal(status: int, error: str, **more: Any) -> shapes.Refusal:
    return shapes.Refusal(status=status, error=error, **more)


def _unfit(found: Any) -> shapes.Trouble:
    place = ".".join(str(part) for part in found["loc"])
    return shapes.Trouble(code="not-understood", place=place, what=str(found["msg"]))


def _shown(request: HttpRequest) -> bool:
    return bool(request.headers.get("Authorization"))


def _as_trouble(problem: Problem) -> shapes.Trouble:
    return shapes.Trouble.model_validate(problem.as_json())
