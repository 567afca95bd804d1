"""An incident changed: whoever is on call is told. Somebody took a page on: the incident is theirs.

Everything happens in the transaction of the change, so that what was rolled back wakes nobody.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from hubfleet.office.audit.record import Actor
from hubfleet.office.incidents import acting
from hubfleet.office.incidents.models import Incident
from hubfleet.office.incidents.signals import changed
from hubfleet.office.oncall import paging
from hubfleet.office.oncall.signals import acknowledged, settled


def listen() -> None:
    changed.connect(on_changed, dispatch_uid="page-for-incidents")
    acknowledged.connect(on_acknowledged, dispatch_uid="acknowledge-incidents")
    settled.connect(on_settled, dispatch_uid="note-settled-pages")


def on_changed(*, incident: Incident, what: str, by: str = "", **_: Any) -> None:
    """Page, say who has it, or settle."""
    if what == "acknowledged":
        paging.acknowledge(incident.key, by)
    elif what == "resolved":
        paging.settle(incident.key)
    else:
        # Asked anew: whoever changed it may have read its hubs before.
        hubs = list(incident.affected.order_by("hub").values_list("hub", flat=True).distinct())
        communities = {hub.partition("/")[0] for hub in hubs}
        paging.page(
            incident.key,
            hub=hubs[0] if len(hubs) == 1 else "",
            community=communities.pop() if len(communities) == 1 else "",
            priority=incident.priority,
            summary=f"{incident.priority} {incident.title}",
            text=_text(incident, hubs),
            url=f"{settings.CONSOLE_ADDRESS}/incidents/{incident.pk}/",
        )


def _text(incident: Incident, hubs: list[str]) -> str:
    """What a person reads who was woken by it."""
    named = ", ".join(hub or "the service" for hub in hubs[:20])
    more = f" and {len(hubs) - 20} more" if len(hubs) > 20 else ""
    seen = incident.entries.filter(kind="observed").order_by("-id")[:3]
    lines = [f"Affected: {named}{more}", f"Since: {incident.began_at:%Y-%m-%d %H:%M} UTC"]
    return "\n".join([*lines, *(f"Seen: {one.text}" for one in reversed(seen))])


def on_acknowledged(*, key: str, by: str, **_: Any) -> None:
    """A page of ours was taken on, at PagerDuty or elsewhere."""
    number = _number(key)
    if number is not None:
        acting.acknowledge(Actor(login=by), number, told=True)


def on_settled(*, key: str, by: str, **_: Any) -> None:
    """Somebody at the other end says that it is over: noted, because a probe decides that here."""
    number = _number(key)
    if number is not None:
        acting.note_settled(Actor(login=by), number)


def _number(key: str) -> int | None:
    """The incident that a page is about; None for pages of others, and for one that is gone."""
    room, _slash, number = key.partition("/")
    if room != "incident" or not number.isdigit() or len(number) > 18:
        return None
    return int(number) if Incident.objects.filter(pk=int(number)).exists() else None
