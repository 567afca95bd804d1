"""What people do to an incident. Each act is one transaction, in the timeline and in the audit.

The rights are asked by whoever calls. States follow from moments (`clocks`): nobody sets one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.incidents import proof, reports, roles, telling
from hubfleet.office.incidents.grouping import title_of
from hubfleet.office.incidents.models import Affected, Incident
from hubfleet.office.incidents.signals import changed
from hubfleet.office.incidents.timeline import (
    MACHINE,
    held,
    hold_turnstile,
    settle_state,
    write,
)
from hubfleet.office.incidents.troubles import priority_of
from hubfleet.office.incidents.words import ENTRY_KINDS, KINDS, PRIORITIES, UPDATES, more_urgent


def hubs_named(
    fleet: Fleet,
    hubs: Collection[str] = (),
    communities: Collection[str] = (),
    clusters: Collection[str] = (),
) -> list[str]:
    """The hubs that are meant, worked out from the fleet; raises `unknown-hub` and its kin."""
    for kind, wanted, known in (
        ("hub", hubs, list(fleet.hubs)),
        ("community", communities, list(fleet.communities)),
        ("cluster", clusters, list(fleet.clusters)),
    ):
        for name in wanted:
            if name not in known:
                raise _unknown(kind, name, known)
    return [
        name
        for name, hub in sorted(fleet.hubs.items())
        if name in hubs or hub.community in communities or hub.cluster in clusters
    ]


def _unknown(kind: str, name: str, known: Sequence[str]) -> HubfleetError:
    from hubfleet.fleet.words import nearest

    near = nearest(name, list(known))
    return failure(
        f"unknown-{kind}",
        f"there is no {kind} '{name}'",
        hint=f"did you mean {near}?" if near else f"declared: {', '.join(known) or 'none'}",
    )


@transaction.atomic
def declare(
    actor: Actor,
    fleet: Fleet,
    hubs: Sequence[str],
    *,
    kind: str,
    title: str = "",
    text: str = "",
    priority: str = "",
    began_at: datetime | None = None,
) -> Incident:
    """Open one by hand; no hub means the service. Raises `incident-already-open`."""
    _known("kind", kind, KINDS)
    if priority:
        _known("priority", priority, PRIORITIES)
    hold_turnstile()
    at, about = now(), list(hubs) or [""]
    already = Affected.objects.filter(open=True, kind=kind, hub__in=about).first()
    if already is not None:
        raise _already_open(already)
    stages = {fleet.hubs[name].stage for name in hubs}
    worst = "staging" if stages == {"staging"} else "production"
    clusters = {name: fleet.hubs[name].cluster for name in hubs}
    named = [(name, clusters.get(name, "")) for name in about]
    incident = Incident.objects.create(
        title=" ".join(title.split())[:160] or title_of(named, "", KINDS[kind]),
        kind=kind,
        priority=priority or priority_of(kind, worst),
        source="person",
        opened_by=actor.login,
        corrected=bool(priority),
        began_at=min(began_at or at, at),
        opened_at=at,
    )
    for name, cluster in named:
        Affected.objects.create(
            incident=incident, hub=name, cluster=cluster, kind=kind, since=incident.began_at
        )
    said = f"incident {incident.pk} was declared: {incident.title} ({incident.priority})"
    write(incident, actor.login, "decision", said, at=at, origin="state")
    if text.strip():
        write(incident, actor.login, "observed", text.strip(), at=at)
    _audit(actor, "declare-incident", incident, said)
    changed.send(sender=Incident, incident=incident, what="opened")
    return incident


def _already_open(row: Affected) -> HubfleetError:
    return failure(
        "incident-already-open",
        f"{row.hub or 'the service'} has an open incident of this kind: {row.incident_id}",
        why="two incidents about the same would be worked on by two people",
        hint=f"add what you know to it: hubfleet incident say {row.incident_id} ...",
    )


def _known(name: str, value: str, known: Mapping[str, str]) -> None:
    if value not in known:
        raise failure(
            "unknown-word",
            f"`{value}` is no {name} of an incident",
            hint=f"write one of {', '.join(known)}",
        )


@transaction.atomic
def acknowledge(actor: Actor, number: int, *, told: bool = False) -> Incident:
    """Take it on; who does so first leads the response. The second call does nothing.

    `told`: whoever pages knows it already.
    """
    incident = held(number)
    if incident.acknowledged_at is not None or not incident.open:
        return incident
    at = now()
    incident.acknowledged_at, incident.acknowledged_by = at, actor.login[:150]
    roles.take_if_free(incident, "responder", actor.login, at)
    settle_state(incident, actor.login, at, f"by {actor.login}")
    incident.save()
    _audit(actor, "acknowledge-incident", incident, f"took on incident {number}")
    if not told:
        changed.send(sender=Incident, incident=incident, what="acknowledged", by=actor.login)
    return incident


@transaction.atomic
def note_settled(actor: Actor, number: int) -> None:
    """The page of an open incident was called over by whoever had it."""
    incident = held(number)
    if incident.open:
        text = f"{actor.login} says that it is over, where they were paged; no probe has agreed yet"
        write(incident, actor.login, "observed", text)


@transaction.atomic
def say(
    actor: Actor,
    fleet: Fleet,
    number: int,
    text: str,
    *,
    kind: str = "observed",
    public: str = "",
    link: str = "",
    at: datetime | None = None,
) -> Incident:
    """Add to the timeline; with `public` everybody reads it, and representatives get a mail."""
    _known("kind of entry", kind, ENTRY_KINDS)
    if public:
        _known("public update", public, UPDATES)
    if not text.strip():
        raise failure(
            "nothing-said",
            "an entry of the timeline needs words",
            hint="say what was seen, done or decided",
        )
    incident, present = held(number), now()
    said = "communication" if public else kind
    moment = min(at or present, present)
    write(
        incident, actor.login, said, text.strip(), at=present if public else moment,
        link=_link(link), public=public,
    )  # fmt: skip
    if public:
        incident.informed_at = incident.informed_at or present
        incident.updated_at = present
        settle_state(incident, actor.login, present)
        incident.save()
        telling.tell_representatives(incident, fleet, public, text.strip())
        _audit(actor, "update-incident", incident, f"told the public: {text.strip()[:300]}")
    return incident


def _link(text: str) -> str:
    """Only what a browser may open."""
    return text[:1000] if text.startswith(("https://", "http://")) else ""


_CORRECTABLE = ("title", "kind", "priority", "channel", "users_affected", "began_at")


@transaction.atomic
def correct(actor: Actor, number: int, **wanted: Any) -> Incident:
    """Change what is known of it; what it was stays in the timeline. None: leave it as it is."""
    incident, at = held(number), now()
    if wanted.get("kind"):
        _known("kind", wanted["kind"], KINDS)
    if wanted.get("priority"):
        _known("priority", wanted["priority"], PRIORITIES)
    before = incident.priority
    told = []
    for name in _CORRECTABLE:
        value = wanted.get(name)
        if value is None or value == getattr(incident, name):
            continue
        if name == "title":
            value = " ".join(str(value).split())[:160] or incident.title
        if name == "channel":
            value = " ".join(str(value).split())[:300]
        if name == "began_at":
            value = min(value, incident.opened_at)
        told.append(
            f"{name.replace('_', ' ')}: {_shown(getattr(incident, name))} → {_shown(value)}"
        )
        setattr(incident, name, value)
    if not told:
        return incident
    if wanted.get("kind") or wanted.get("priority") or wanted.get("title"):
        incident.corrected = True
    write(incident, actor.login, "decision", "; ".join(told), at=at, origin="state")
    settle_state(incident, actor.login, at)
    incident.save()
    _audit(actor, "correct-incident", incident, "; ".join(told))
    if incident.open and more_urgent(incident.priority, before):
        changed.send(sender=Incident, incident=incident, what="worse")
    return incident


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value) if value not in (None, "") else "nothing"


@transaction.atomic
def mitigate(actor: Actor, number: int, text: str) -> Incident:
    """People can work again, though it is not over."""
    incident, at = held(number), now()
    if not incident.open or incident.mitigated_at is not None:
        return incident
    if incident.acknowledged_at is None:
        acknowledge(actor, number)
        incident = held(number)
    incident.mitigated_at = at
    if text.strip():
        write(incident, actor.login, "action", text.strip(), at=at)
    settle_state(incident, actor.login, at)
    incident.save()
    _audit(actor, "mitigate-incident", incident, f"incident {number} is mitigated")
    return incident


@transaction.atomic
def resolve(
    actor: Actor, fleet: Fleet, number: int, text: str = "", *, unverified: str = ""
) -> Incident:
    """End it, when probes agree; raises `incident-not-verified` unless a reason is given."""
    incident, at = held(number), now()
    if not incident.open:
        return incident
    open_questions = proof.unproven(incident, fleet, at)
    if open_questions and not unverified.strip():
        raise _not_verified(number, open_questions)
    if text.strip():
        write(incident, actor.login, "action", text.strip(), at=at)
    incident.unverified = unverified.strip()[:2000] if open_questions else ""
    end(incident, actor.login, at, incident.unverified and f"unverified: {incident.unverified}")
    _audit(actor, "resolve-incident", incident, f"incident {number} is resolved")
    return incident


def _not_verified(number: int, open_questions: Sequence[proof.Proof]) -> HubfleetError:
    said = [f"{one.hub}: {one.words}" for one in open_questions[:5]]
    more = len(open_questions) - len(said)
    return failure(
        "incident-not-verified",
        f"incident {number} is not over as far as probes say",
        why="; ".join(said) + (f"; and {more} more" if more > 0 else ""),
        hint=f"probe its hubs: hubfleet incident resolve {number} --probe, or end it with "
        "--unverified REASON",
    )


def end(incident: Incident, who: str, at: datetime, why: str = "") -> None:
    """Write the end down: people come here by `resolve`, what nobody took by `following`."""
    incident.resolved_at = at
    incident.resolved_by = "" if who == MACHINE else who[:150]
    settle_state(incident, who, at, why)
    incident.save()
    incident.affected.filter(recovered_at=None).update(recovered_at=at)
    incident.affected.update(open=False, firing="")
    roles.end_all(incident, at)
    reports.begin_if_needed(incident)
    changed.send(sender=Incident, incident=incident, what="resolved")


def _audit(actor: Actor, act: str, incident: Incident, what: str) -> None:
    hubs = [row.hub for row in incident.affected.all()]
    one = hubs[0] if len(hubs) == 1 else ""
    communities = {hub.partition("/")[0] for hub in hubs}
    record(
        actor, act, hub=one, community=communities.pop() if len(communities) == 1 else "",
        what=what, details={"incident": incident.pk, "hubs": hubs[:200]},
    )  # fmt: skip
