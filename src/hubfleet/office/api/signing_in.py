"""Operations for programs that have no token yet, and a person's own tokens."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from ninja import Router, Status

from hubfleet.office.accounts.asking import actor_of, address_of
from hubfleet.office.accounts.models import Person
from hubfleet.office.api import device, shapes, tokens
from hubfleet.office.api.entrance import needs
from hubfleet.office.api.refusing import ANSWERS
from hubfleet.office.api.scopes import Scope, known

router = Router(tags=["sign in"])


@router.post("/device/code", response={200: shapes.DeviceBegun, **ANSWERS}, auth=None)
def code(request: HttpRequest, body: shapes.DeviceSent) -> dict[str, Any]:
    """Begin: a code for the program, and one that its person types in a browser."""
    begun = device.begin(body.client, known(body.scopes), address_of(request))
    page = settings.CONSOLE_ADDRESS + reverse("device")
    return {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?code={begun.user_code}",
        "expires_in": int(device.LASTS.total_seconds()),
        "interval": device.INTERVAL,
    }


@router.post(
    "/device/token",
    response={**ANSWERS, 200: shapes.DeviceToken, 400: shapes.DeviceTrouble},
    auth=None,
)
def token(request: HttpRequest, body: shapes.DeviceAsked) -> Status[dict[str, Any]]:
    """Ask for the token until the person has agreed; answers 400 with a reason before that."""
    found = device.collect(body.device_code)
    if not found.startswith(tokens.PREFIX):
        return Status(400, {"error": found})
    lasts = int(device.TOKEN_LASTS.total_seconds())
    return Status(200, {"access_token": found, "token_type": "Bearer", "expires_in": lasts})


@router.get("/tokens", response={200: shapes.Tokens, **ANSWERS}, auth=needs(Scope.READ))
def mine(request: HttpRequest) -> dict[str, Any]:
    """Your tokens that are good now, without their texts."""
    person = request.user
    assert isinstance(person, Person)
    names = [name for name in shapes.TokenKept.model_fields if name != "id"]
    rows = [
        {"id": str(one.pk), **{name: getattr(one, name) for name in names}}
        for one in tokens.mine(person)
    ]
    return {"tokens": rows}


@router.delete("/tokens/current", response={204: None, **ANSWERS}, auth=needs(Scope.READ))
def end_this(request: HttpRequest) -> Status[None]:
    """Revoke the token that is shown with this request."""
    text = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    found = tokens.find(text)
    if found is None:
        raise Http404
    tokens.revoke(actor_of(request), found[0])
    return Status(204, None)


@router.delete("/tokens/{key}", response={204: None, **ANSWERS}, auth=needs(Scope.READ))
def end(request: HttpRequest, key: uuid.UUID) -> Status[None]:
    """Revoke one of your tokens; a program its own alone."""
    person = request.user
    assert isinstance(person, Person)
    found = tokens.mine(person).filter(pk=key).first()
    if found is None:
        raise Http404
    if shown := request.headers.get("Authorization", "").removeprefix("Bearer ").strip():
        # Whatever it is for: a program that leaked its token must not end all others.
        own = tokens.find(shown)
        if own is None or own[0].pk != found.pk:
            raise PermissionDenied("a token ends itself only; end others on the page of tokens")
    tokens.revoke(actor_of(request), found)
    return Status(204, None)
