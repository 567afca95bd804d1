"""Carrying what is due to PagerDuty and to channels; mail is the outbox's.

A delivery is claimed before it is tried, so two processes send it once. A way that is away or says
"later" is asked again after 10 s, 20 s, 40 s and so on up to five minutes, for three days; a
refusal for good ends it. When a way has refused, or has not answered three times, the operator's
contact is told by mail, once for each page: a page must not die in silence.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import Secret
from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import HubfleetError
from hubfleet.monitoring.priorities import PRIORITIES
from hubfleet.office.oncall.carriers import REGIONS, Closed, Event, to_channel, to_pagerduty
from hubfleet.office.oncall.letters import address_of, letter, send_mail, subject
from hubfleet.office.oncall.models import Delivery, Page
from hubfleet.office.ports import desk

log = logging.getLogger("hubfleet.console")

CLAIM = timedelta(minutes=1)
GIVE_UP = timedelta(days=3)
LONGEST_WAIT = timedelta(minutes=5)
PATIENCE = 3
"""After so many tries without an answer the operator's contact is told."""
AT_ONCE = 20
LONGEST = 30.0


def deliver_due(at: datetime | None = None) -> int:
    """Try all that is due, for half a minute at most; how many were tried."""
    began, tried = time.monotonic(), 0
    while time.monotonic() - began <= LONGEST:
        rows = _claim(at or now())
        if not rows:
            break
        fleet = desk().fleet()
        for row in rows:
            _try(fleet, row, at)
        tried += len(rows)
    return tried


def _claim(at: datetime) -> list[Delivery]:
    """What is due, oldest first; what follows an earlier message of its page waits for that."""
    with transaction.atomic():
        due = Delivery.objects.filter(state=Delivery.WAITING, due_at__lte=at)
        due = due.exclude(way=Delivery.MAIL).order_by("due_at", "id")
        rows = list(due.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
        for row in rows:
            row.tries += 1
        chosen = [row.pk for row in rows]
        Delivery.objects.filter(pk__in=chosen).update(
            tries=F("tries") + 1, due_at=at + CLAIM, claimed=True
        )
    return rows


def _try(fleet: Fleet, row: Delivery, at: datetime | None) -> None:
    page = row.page
    try:
        _carry(fleet, page, row)
    except Closed as closed:
        _closed(fleet, row, closed, at or now())
    except HubfleetError as error:
        # The key to open secrets with is missing, say: that can be mended while it waits.
        _closed(fleet, row, Closed(error.problems[0].what), at or now())
    except Exception as error:
        # A bug in one way must not keep pages from the others.
        log.exception("page %s by %s to %s", row.page_id, row.way, row.to)
        _closed(fleet, row, Closed(type(error).__name__), at or now())
    else:
        _end(row, Delivery.SENT, "", at or now(), "sent")


def _carry(fleet: Fleet, page: Page, row: Delivery) -> None:
    if row.way == Delivery.PAGERDUTY:
        service = fleet.oncall.pagerduty.get(row.to)
        if service is None:
            raise Closed(f"`{row.to}` is not declared any more", permanent=True)
        address = service.events or REGIONS[service.region]
        to_pagerduty(event_of(fleet, page, row.act), opened(service.routing_key), address)
        return
    who, _, channel = row.to.partition("/")
    person = fleet.oncall.people.get(who)
    secret = person.channels.get(channel) if person else None
    if secret is None:
        raise Closed(f"`{row.to}` is not declared any more", permanent=True)
    to_channel(opened(secret), subject(page, row.act), letter(page, row))


def opened(secret: Secret | str) -> str:
    """The value of a secret of the declaration; raises why it does not open."""
    return str(secret.reveal(Identity())) if isinstance(secret, Secret) else secret


def dedup_key(key: str) -> str:
    """What PagerDuty knows a page by: `hubfleet/...`."""
    return key if key.startswith("hubfleet/") else f"hubfleet/{key}"[:255]


def event_of(fleet: Fleet, page: Page, act: str) -> Event:
    """One event; what is over or taken on needs no more than its key."""
    if act != "trigger":
        return Event(act, dedup_key(page.key), {})
    hub = fleet.hubs.get(page.hub)
    payload = {
        "summary": page.summary[:1024],
        "source": hub.domain if hub else fleet.service.name,
        "severity": PRIORITIES[page.priority],
        "timestamp": timestamp(page.opened_at),
        "component": page.hub or page.community or "service",
        "group": page.community or "service",
        "class": page.key.rpartition("/")[2],
        "custom_details": {"priority": page.priority, "text": page.text[:4000]},
    }
    links = [{"href": page.url, "text": "More"}] if page.url else []
    more = {"links": links, "client": fleet.service.name, "client_url": address_of(page)}
    return Event("trigger", dedup_key(page.key), {"payload": payload, **more})


def _closed(fleet: Fleet, row: Delivery, closed: Closed, at: datetime) -> None:
    """Wait and try again, or end it; tell the operator's contact when that is late or for good."""
    given_up = at - row.made_at >= GIVE_UP
    with transaction.atomic():
        if closed.permanent or given_up:
            said = closed.said if closed.permanent else f"given up after 3 days: {closed.said}"
            _end(row, Delivery.FAILED, said, at, "refused")
        else:
            Delivery.objects.filter(pk=row.pk, state=Delivery.WAITING).update(
                due_at=at + back_off(row.tries), trouble=closed.said[:500], claimed=False
            )
            row.attempts.create(at=at, outcome="later", said=closed.said[:500])
        if row.act == "trigger" and (closed.permanent or row.tries >= PATIENCE):
            _tell_contact(fleet, row, closed.said, at)
    log.warning("page %s by %s to %s: %s", row.page_id, row.way, row.to, closed.said)


def back_off(tries: int) -> timedelta:
    """How long to wait after so many tries: 10 s, 20 s, 40 s ... 5 minutes."""
    return min(timedelta(seconds=10 * 2 ** (min(tries, 10) - 1)), LONGEST_WAIT)


def _tell_contact(fleet: Fleet, row: Delivery, said: str, at: datetime) -> None:
    """Once for each page; and a page whose way is closed for good does not wait for an answer."""
    page = Page.objects.select_for_update().get(pk=row.page_id)
    if page.settled_at or page.acknowledged_at:
        return
    told = page.deliveries.filter(act="trigger", way=Delivery.MAIL, to=fleet.service.contact)
    if not told.exists():
        why = f"it does not reach {row.to} by {row.way} ({said})"
        told.create(
            page=page, act="trigger", way=Delivery.MAIL, to=fleet.service.contact, why=why[:300]
        )
        page.gap = True
        send_mail(page)
    alive = page.deliveries.filter(act="trigger").exclude(way=Delivery.MAIL)
    if page.due_at and not alive.exclude(state=Delivery.FAILED).exists():
        # Nobody was woken and nobody will be: the next step waits for nothing.
        page.due_at = min(page.due_at, at)
    page.save(update_fields=["gap", "due_at"])


def _end(row: Delivery, state: str, trouble: str, at: datetime, outcome: str) -> None:
    """What was dropped while it was on its way stays dropped; the try is written down."""
    Delivery.objects.filter(pk=row.pk, state=Delivery.WAITING).update(
        state=state, ended_at=at, trouble=trouble[:500], claimed=False
    )
    row.attempts.create(at=at, outcome=outcome, said=trouble[:500])


def forget(days: int = 400, at: datetime | None = None) -> int:
    """Delete pages that ended so many days ago; how many rows."""
    before = (at or now()) - timedelta(days=days)
    deleted, _ = Page.objects.filter(closed_at__lt=before).delete()
    return deleted
