"""What PagerDuty says back: `POST /api/pages/pagerduty`, its V3 webhook.

The sender is known by `X-PagerDuty-Signature`, an HMAC-SHA256 of the body with the secret that
PagerDuty gave out (several, separated by commas, while it is being changed). A call that was acted
on is known by its event's id, and does nothing the second time; one that is old does nothing
either. Whatever is understood and is none of ours is answered well, so that it is not sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.oncall import paging
from hubfleet.office.oncall.delivering import dedup_key, opened
from hubfleet.office.oncall.models import Delivery, HeardCall, Page
from hubfleet.office.oncall.signals import settled
from hubfleet.office.ports import desk

log = logging.getLogger("hubfleet.console")

MAX_BYTES = 256 * 1024
OLDEST = timedelta(days=1)
"""PagerDuty itself tries for less long."""
HEADER = "X-PagerDuty-Signature"
ACTS = {"incident.acknowledged": "acknowledge", "incident.resolved": "resolve"}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call says, as far as we act on it."""

    number: str
    act: str
    key: str
    by: str
    at: datetime


@csrf_exempt
@require_POST
def pagerduty(request: HttpRequest) -> JsonResponse:
    """Answers 202 to whoever is PagerDuty, 403 to others, 400 to what nobody understands."""
    try:
        body = request.body if _length(request) <= MAX_BYTES else None
    except RequestDataTooBig:
        body = None
    if body is None or len(body) > MAX_BYTES:
        return JsonResponse({"error": "the call is too large"}, status=413)
    secret = _secret()
    if secret is None or not signed(body, request.headers.get(HEADER, ""), secret):
        return JsonResponse({"error": "the signature is not PagerDuty's"}, status=403)
    try:
        heard = understood(body)
    except ValueError:
        return JsonResponse({"error": "the call is not understood"}, status=400)
    done = heard is not None and act_on(heard)
    return JsonResponse({"done": done}, status=202)


def _length(request: HttpRequest) -> int:
    said = request.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _secret() -> str | None:
    declared = desk().fleet().oncall.pagerduty_webhook.secret
    if declared is None:
        return None
    try:
        return opened(declared) or None
    except HubfleetError as error:
        log.warning("PagerDuty called, and cannot be known: %s", error.problems[0].what)
        return None


def signed(body: bytes, header: str, secret: str) -> bool:
    """Whether one of the header's signatures, `v1=<hex>`, is of the body. Takes its time alike."""
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    told = [one.strip().removeprefix("v1=") for one in header[:4000].split(",")]
    return sum(hmac.compare_digest(one.encode(), right.encode()) for one in told) > 0


def understood(body: bytes) -> Heard | None:
    """None for what is none of our business; raises ValueError for what is no such call."""
    try:
        event: Any = json.loads(body)["event"]
        act = ACTS.get(str(event["event_type"]))
        data = event["data"]
        key = data.get("incident_key")
        if act is None or not isinstance(key, str):
            return None
        agent = event.get("agent") or {}
        by = str(agent.get("summary") or "PagerDuty")
        at = datetime.fromisoformat(str(event["occurred_at"]))
        if at.tzinfo is None:
            raise ValueError("a moment without its zone")
        return Heard(str(event["id"])[:100], act, key, " ".join(by.split())[:150], at)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def act_on(heard: Heard) -> bool:
    """Acknowledge or settle the page that it is about; whether there was anything to do."""
    if abs(now() - heard.at) > OLDEST:
        return False
    with transaction.atomic():
        _, first = HeardCall.objects.get_or_create(number=heard.number)
        page = _page(heard.key)
        if not first or page is None or page.settled_at is not None:
            return False
        by = f"{heard.by} at PagerDuty"
        paging.acknowledge(page.key, by, way=Delivery.PAGERDUTY)
        if heard.act == "resolve":
            paging.settle(page.key)
            settled.send(sender=Page, key=page.key, by=by)
        said = "took on" if heard.act == "acknowledge" else "resolved"
        record(
            Actor(login=by, through="api"),
            f"page-{heard.act}",
            community=page.community,
            hub=page.hub,
            what=f"{said} the page `{page.key}`",
        )
    return True


def _page(key: str) -> Page | None:
    keys = [key, key.removeprefix("hubfleet/")]
    found = Page.objects.filter(closed_at=None, key__in=keys)
    return next((page for page in found if dedup_key(page.key) == key), None)


def forget(days: int = 7, at: datetime | None = None) -> int:
    """Delete what was heard so many days ago; older calls are refused by their age."""
    deleted, _ = HeardCall.objects.filter(at__lt=(at or now()) - timedelta(days=days)).delete()
    return deleted
