"""The door: say that there is a problem, that somebody has it, that it is over.

Each call writes rows in the caller's transaction and sends nothing itself: what was rolled back
reaches nobody, and a way that is closed loses nothing. A problem is paged once, however often it
is told, until it is settled.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.office.oncall.letters import send_mail
from hubfleet.office.oncall.models import Delivery, Page
from hubfleet.office.oncall.signals import acknowledged

PRIORITIES = ("P1", "P2", "P3", "P4")
TEST = "hubfleet/test/"
"""Keys of pages that somebody sends to see whether they arrive."""
_locked = Page.objects.select_for_update()


def page(
    key: str, *, hub: str, community: str, priority: str, summary: str, text: str, url: str
) -> None:
    """Tell whoever is responsible. The second call while it is open only updates what is told;
    a more urgent priority begins the escalation anew, unless somebody has taken it on. `url` may
    be a path of the console.
    """
    if priority not in PRIORITIES:
        raise ValueError(f"`{priority}` is no priority")
    told = {
        "hub": hub,
        "community": community or hub.partition("/")[0],
        "priority": priority,
        "summary": " ".join(summary.split())[:1024],
        "text": text,
        "url": _address(url),
        "changed_at": now(),
    }
    with transaction.atomic():
        known, made = _locked.get_or_create(key=key, closed_at=None, defaults=told)
        if made:
            return
        if known.settled_at is not None:
            # It came back before its end was told: nobody is woken a second time.
            known.settled_at, known.returns = None, known.returns + 1
        more_urgent = priority < known.priority
        for name, value in told.items():
            setattr(known, name, value)
        if more_urgent and known.acknowledged_at is None:
            known.steps, known.due_at = 0, now()
        known.save()


def _address(url: str) -> str:
    """Whole, because it stands in mail; only what a browser opens as a page."""
    whole = f"{settings.CONSOLE_ADDRESS}{url}" if url.startswith("/") else url
    return whole[:1000] if whole.startswith(("https://", "http://")) else ""


def acknowledge(key: str, by: str, *, way: str = "") -> None:
    """Somebody has it: nobody else is woken. Only the first call counts. `way` is where they said
    so, such as `pagerduty`, which need not be told.
    """
    with transaction.atomic():
        known = _locked.filter(key=key, closed_at=None).first()
        if known is None or known.acknowledged_at is not None:
            return
        known.acknowledged_at, known.acknowledged_by, known.due_at = now(), by[:150], None
        known.save(update_fields=["acknowledged_at", "acknowledged_by", "due_at"])
        follow(known, "acknowledge", way)
        if key.startswith(TEST):
            settle(key)
        acknowledged.send(sender=Page, key=key, by=by)


def settle(key: str) -> None:
    """It is over. Whoever was told of it is told so a little later, if it does not come back."""
    Page.objects.filter(key=key, closed_at=None, settled_at=None).update(settled_at=now())


def follow(page: Page, act: str, knows: str = "") -> None:
    """Tell each way that was told of the page, once. What still waits to be told is dropped:
    nobody is woken for what somebody has, or what is over. A way that may have heard of it all
    the same, because a try of it had no answer, is told the end too. `knows` is a way that does.
    """
    told: dict[tuple[str, str], datetime] = {}
    at = now()
    for row in page.deliveries.select_for_update().filter(act="trigger").order_by("id"):
        if row.state == Delivery.WAITING:
            row.state, row.ended_at = Delivery.DROPPED, at
            row.save(update_fields=["state", "ended_at"])
            if row.tries and row.way == Delivery.PAGERDUTY:
                # A try that is under way comes first.
                told[row.way, row.to] = max(row.due_at if row.claimed else at, at)
        elif row.state == Delivery.SENT:
            told[row.way, row.to] = at
    page.deliveries.filter(act="acknowledge", state=Delivery.WAITING).update(
        state=Delivery.DROPPED, ended_at=at
    )
    why = "it was told of the page"
    for (way, to), due in sorted(told.items()):
        if way == knows:
            continue
        Delivery.objects.create(page=page, act=act, way=way, to=to, why=why, due_at=due)
    send_mail(page)
