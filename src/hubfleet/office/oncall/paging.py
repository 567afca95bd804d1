"""The door: say that there is a problem, that somebody has it, that it is over.

Each call writes rows in the caller's transaction and sends nothing itself: what was rolled back
reaches nobody, and a way that is closed loses nothing. A problem is paged once, however often it
is told, until it is settled.
"""

from __future__ import annotations

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.office.oncall.models import Delivery, Page
from hubfleet.office.oncall.signals import acknowledged

PRIORITIES = ("P1", "P2", "P3", "P4")
_locked = Page.objects.select_for_update()


def page(
    key: str, *, hub: str, community: str, priority: str, summary: str, text: str, url: str
) -> None:
    """Tell whoever is responsible. The second call while it is open only updates what is told;
    a more urgent priority begins the escalation anew, unless somebody has taken it on.
    """
    if priority not in PRIORITIES:
        raise ValueError(f"`{priority}` is no priority")
    told = {
        "hub": hub,
        "community": community or hub.partition("/")[0],
        "priority": priority,
        "summary": " ".join(summary.split())[:1024],
        "text": text,
        "url": url,
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


def acknowledge(key: str, by: str) -> None:
    """Somebody has it: nobody else is woken. Only the first call counts."""
    with transaction.atomic():
        known = _locked.filter(key=key, closed_at=None).first()
        if known is None or known.acknowledged_at is not None:
            return
        known.acknowledged_at, known.acknowledged_by, known.due_at = now(), by[:150], None
        known.save(update_fields=["acknowledged_at", "acknowledged_by", "due_at"])
        follow(known, "acknowledge")
        acknowledged.send(sender=Page, key=key, by=by)


def settle(key: str) -> None:
    """It is over. Whoever was told of it is told so a little later, if it does not come back."""
    Page.objects.filter(key=key, closed_at=None, settled_at=None).update(settled_at=now())


def follow(page: Page, act: str) -> None:
    """Tell each way that was told of the page. When it is over, what was never told is dropped."""
    told: set[tuple[str, str]] = set()
    for row in page.deliveries.filter(act="trigger").order_by("id"):
        if row.state == Delivery.WAITING and row.tries == 0 and act == "resolve":
            row.state, row.ended_at = Delivery.DROPPED, now()
            row.save(update_fields=["state", "ended_at"])
        elif row.state in (Delivery.WAITING, Delivery.SENT):
            told.add((row.way, row.to))
    for way, to in sorted(told):
        Delivery.objects.create(page=page, act=act, way=way, to=to, why="it was told of the page")
