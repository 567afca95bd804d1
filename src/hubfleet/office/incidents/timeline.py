"""Writing the timeline, and holding an incident while it is changed."""

from __future__ import annotations

from datetime import datetime

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.incidents.clocks import state_of
from hubfleet.office.incidents.models import Entry, Incident, Turnstile
from hubfleet.office.incidents.words import STATES

MACHINE = "hubfleet"
LONGEST = 8000


def hold_turnstile() -> None:
    """Keep others from grouping until the caller's transaction ends."""
    Turnstile.objects.get_or_create(id=1)
    Turnstile.objects.select_for_update().get(id=1)


def held(number: int) -> Incident:
    """The incident, locked until the caller's transaction ends; raises `no-such-incident`."""
    found = Incident.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise no_such_incident(number)
    return found


def no_such_incident(number: int) -> HubfleetError:
    return failure(
        "no-such-incident",
        f"there is no incident {number}",
        hint="`hubfleet incident list --all` names them",
    )


def write(
    incident: Incident,
    who: str,
    kind: str,
    text: str,
    *,
    at: datetime | None = None,
    origin: str = "person",
    hub: str = "",
    link: str = "",
    public: str = "",
    key: str = "",
) -> Entry | None:
    """One entry; None when one with this key is there already."""
    values = {
        "at": at or now(),
        "kind": kind,
        "origin": origin,
        "who": who[:150],
        "text": text[:LONGEST],
        "hub": hub[:80],
        "link": link[:1000],
        "public": public,
    }
    if not key:
        return Entry.objects.create(incident=incident, **values)
    made, new = Entry.objects.get_or_create(incident=incident, key=key, defaults=values)
    return made if new else None


def settle_state(incident: Incident, who: str, at: datetime, why: str = "") -> bool:
    """Bring `state` to what the moments make, and write down the change; whether there was one."""
    state = state_of(incident)
    if state == incident.state:
        return False
    incident.state = state
    if state == "active" and incident.active_at is None:
        incident.active_at = at
    text = f"{state}: {STATES[state]}" + (f" ({why})" if why else "")
    write(incident, who, "decision", text, at=at, origin="state")
    return True
