"""The life of a report: draft, reviewed by another person, closed, published.

What is changed after a review must be reviewed again. What was published stays as it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.units import parse_duration
from hubfleet.office.accounts.models import Person
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.incidents import working_days
from hubfleet.office.incidents.clocks import in_words, times, user_minutes
from hubfleet.office.incidents.drafting import Line, Record, draft
from hubfleet.office.incidents.models import Action, Incident, Report
from hubfleet.office.incidents.redaction import (
    SOMEBODY,
    Named,
    people_in,
    spellings,
    without_people,
)
from hubfleet.office.incidents.showing import users_measured
from hubfleet.office.incidents.timeline import MACHINE, no_such_incident
from hubfleet.office.incidents.words import ACTION_KINDS, KINDS, SECTIONS, more_urgent
from hubfleet.office.ports import desk

LONGEST = 20_000


def begin_if_needed(incident: Incident) -> Report | None:
    """A first draft for what is urgent enough; for others when somebody asks for one."""
    least = desk().fleet().service.incidents.report_from
    return None if more_urgent(least, incident.priority) else begin(incident)


def begin(incident: Incident) -> Report:
    """The report, drafted anew as long as nobody has written in it."""
    fleet = desk().fleet()
    service = fleet.service
    zone = ZoneInfo(service.timezone)
    ended = incident.resolved_at or now()
    made, new = Report.objects.get_or_create(
        incident=incident,
        defaults={
            "due_at": working_days.after(ended, service.incidents.report_within, zone),
            "owner": _owner(incident),
        },
    )
    if not new and (made.written_by or made.state != "draft"):
        return made
    made.due_at = working_days.after(ended, service.incidents.report_within, zone)
    made.owner = made.owner or _owner(incident)
    made.texts = draft(record_of(incident, fleet))
    made.save()
    return made


def _owner(incident: Incident) -> str:
    held = incident.roles.filter(role="responder", accepted_at__isnull=False).order_by("-id")
    last = held.first()
    return last.login if last else incident.acknowledged_by


def record_of(incident: Incident, fleet: Fleet) -> Record:
    """The incident as plain values."""
    hubs = sorted({row.hub for row in incident.affected.all() if row.hub})
    names = {hub.partition("/")[0] for hub in hubs}
    titles = {key: one.file.name for key, one in fleet.communities.items()}
    lines = tuple(
        Line(row.at, row.kind, row.origin, row.who, row.text, row.public)
        for row in incident.entries.all()
    )
    return Record(
        number=incident.pk,
        title=incident.title,
        kind=incident.kind,
        priority=incident.priority,
        source=incident.source,
        began_at=incident.began_at,
        ended_at=incident.resolved_at or now(),
        times=times(incident),
        hubs=tuple(hubs),
        communities=tuple(titles.get(name, name) for name in sorted(names)),
        users_affected=incident.users_affected,
        users_measured=users_measured(incident),
        user_minutes=user_minutes(incident),
        lines=lines,
        update_every=timedelta(seconds=parse_duration(fleet.service.incidents.update_every)),
        unverified=incident.unverified,
    )


def report_of(number: int) -> Report:
    """The report, locked until the caller's transaction ends; raises `no-report`."""
    found = Report.objects.select_for_update().filter(incident_id=number).first()
    if found is None:
        if not Incident.objects.filter(pk=number).exists():
            raise no_such_incident(number)
        raise failure(
            "no-report",
            f"incident {number} has no report",
            why="it is open, or not urgent enough to need one",
            hint=f"once it is over: hubfleet incident report {number} --begin",
        )
    return found


@transaction.atomic
def start(actor: Actor, number: int) -> Report:
    """A report for an incident that needs none, or not yet; raises `incident-open`."""
    incident = Incident.objects.select_for_update().filter(pk=number).first()
    if incident is None:
        raise no_such_incident(number)
    if incident.open:
        raise failure(
            "incident-open",
            f"incident {number} is not over",
            why="its report is written from the whole record",
            hint=f"end it first: hubfleet incident resolve {number}",
        )
    made = begin(incident)
    if not made.owner:
        made.owner = actor.login
        made.save(update_fields=["owner"])
    _audit(actor, number, "began the report")
    return made


@transaction.atomic
def write(
    actor: Actor, number: int, texts: Mapping[str, str], *, owner: str | None = None
) -> Report:
    """Change what is written; what was reviewed is a draft again. Raises `report-closed`."""
    report = _open(number)
    changed = {
        key: text.replace("\r\n", "\n").strip()[:LONGEST]
        for key, text in texts.items()
        if key in SECTIONS
        and text.replace("\r\n", "\n").strip() != report.texts.get(key, "").strip()
    }
    if owner is not None and owner != report.owner:
        report.owner = owner[:150]
        _audit(actor, number, f"the report is {owner or 'nobody'}'s to write")
    if changed:
        report.texts = {**report.texts, **changed}
        _touched(report, actor)
        _audit(actor, number, f"wrote in the report: {', '.join(sorted(changed))}")
    report.save()
    return report


def _touched(report: Report, actor: Actor) -> None:
    report.state, report.reviewed_by, report.reviewed_at = "draft", "", None
    report.written_by = sorted({*report.written_by, actor.login})
    report.changed_at = now()


def _open(number: int) -> Report:
    report = report_of(number)
    if report.state in ("closed", "published"):
        raise failure(
            "report-closed",
            f"the report of incident {number} is {report.state}",
            why="what was agreed on does not change afterwards",
            hint="follow its actions where they are linked",
        )
    return report


@transaction.atomic
def set_action(
    actor: Actor,
    number: int,
    text: str,
    *,
    action: int | None = None,
    kind: str = "prevent",
    owner: str = "",
    due: date | None = None,
    link: str = "",
) -> Action | None:
    """Add an action, or change one; without a text it is taken away."""
    report = _open(number)
    row = Action(report=report) if action is None else _action(report, action)
    _touched(report, actor)
    report.save()
    if not text.strip():
        if row.pk:
            row.delete()
        _audit(actor, number, "took an action out of the report")
        return None
    row.text = " ".join(text.split())[:500]
    row.kind = kind if kind in ACTION_KINDS else "prevent"
    row.owner, row.due = owner.strip()[:150], due
    row.link = link.strip()[:1000] if link.strip().startswith(("https://", "http://")) else ""
    row.save()
    _audit(actor, number, f"an action of the report: {row.text}")
    return row


@transaction.atomic
def finish_action(actor: Actor, number: int, action: int) -> Action:
    """An action is done, also of a report that is closed; the second call changes nothing."""
    row = _action(report_of(number), action)
    if row.done_at is None:
        row.done_at = now()
        row.save()
        _audit(actor, number, f"an action of the report is done: {row.text}")
    return row


def _action(report: Report, action: int) -> Action:
    found = report.actions.filter(pk=action).first()
    if found is None:
        raise failure(
            "no-such-action",
            f"the report of incident {report.incident_id} has no action {action}",
            hint=f"hubfleet incident report {report.incident_id} --json lists them",
        )
    return found


@transaction.atomic
def review(actor: Actor, number: int) -> Report:
    """Another person has read it; raises `report-reviews-itself` and `report-not-written`."""
    report = _open(number)
    if actor.login == report.owner or actor.login in report.written_by:
        raise failure(
            "report-reviews-itself",
            f"{actor.login} wrote this report",
            why="another person sees what its writer cannot",
            hint="ask somebody who has not written in it to review it",
        )
    if not report.texts.get("contributing", "").strip():
        raise failure(
            "report-not-written",
            "the report does not say what contributed to the incident",
            why="this is what one learns from",
            hint="write the contributing factors, then ask for a review",
        )
    report.state, report.reviewed_by, report.reviewed_at = "reviewed", actor.login, now()
    report.save()
    _audit(actor, number, "reviewed the report")
    return report


@transaction.atomic
def close(actor: Actor, number: int) -> Report:
    """Nothing is left to agree on; raises `report-not-reviewed` and `action-without-owner`."""
    report = report_of(number)
    if report.state != "reviewed":
        raise _not_yet(number, report.state, "reviewed", "another person reviews it first")
    loose = [one for one in report.actions.all() if not (one.owner and one.link)]
    if loose:
        raise failure(
            "action-without-owner",
            f"{len(loose)} of its actions have no owner or no link",
            why="; ".join(one.text for one in loose[:3]),
            hint="say who does it, and where it is followed, such as an issue",
        )
    report.state, report.closed_by, report.closed_at = "closed", actor.login, now()
    report.save()
    _audit(actor, number, "closed the report")
    return report


@transaction.atomic
def publish(actor: Actor, number: int) -> Report:
    """Put it on the status page, without names; raises `report-not-closed`."""
    report = report_of(number)
    if report.state == "published":
        return report
    if report.state != "closed":
        raise _not_yet(number, report.state, "closed", "it is closed first")
    report.published = as_value(report, desk().fleet(), redacted=True)
    report.state, report.published_by, report.published_at = "published", actor.login, now()
    report.save()
    _audit(actor, number, "published the report")
    return report


def _not_yet(number: int, state: str, wanted: str, why: str) -> HubfleetError:
    code = "report-not-reviewed" if wanted == "reviewed" else "report-not-closed"
    return failure(
        code,
        f"the report of incident {number} is {state}, not {wanted}",
        why=why,
        hint="draft → reviewed → closed → published",
    )


def people_of(report: Report, fleet: Fleet) -> dict[str, str]:
    """Every spelling of everybody who had to do with it, and what to say instead."""
    incident = report.incident
    parts: dict[str, str] = {}
    for row in incident.roles.all():
        parts.setdefault(row.login, f"the {row.role}")
    logins = {row.who for row in incident.entries.all()} | {report.owner, report.reviewed_by}
    logins |= {incident.acknowledged_by, incident.opened_by, *report.written_by}
    logins |= {one.owner for one in report.actions.all()}
    logins |= set(parts)
    found: dict[str, str] = {}
    names = dict(Person.objects.filter(login__in=logins).values_list("login", "name"))
    for login in sorted(logins - {"", MACHINE}):
        for spelling in spellings(login, names.get(login, "")):
            found.setdefault(spelling, parts.get(login, SOMEBODY))
    communities = {row.hub.partition("/")[0] for row in incident.affected.all()}
    for name in communities & set(fleet.communities):
        for person in fleet.communities[name].file.representatives:
            for spelling in spellings(person.login or "", person.name):
                found.setdefault(spelling, "a representative")
    return found


def named_in(report: Report, fleet: Fleet) -> tuple[Named, ...]:
    """People whom the analysis names: a blameless report speaks of what happened."""
    return people_in(report.texts, people_of(report, fleet))


def as_value(report: Report, fleet: Fleet, *, redacted: bool = False) -> dict[str, Any]:
    """The report as text values, for Markdown, PDF, JSON and the public page."""
    incident = report.incident
    instead = people_of(report, fleet) if redacted else {}

    def clean(text: str) -> str:
        return without_people(text, instead) if redacted else text

    return {
        "number": incident.pk,
        "title": clean(f"Incident {incident.pk}: {incident.title}"),
        "facts": _facts(incident),
        "titles": [[key, title] for key, title in SECTIONS.items()],
        "sections": {key: clean(report.texts.get(key, "")) for key in SECTIONS},
        "timeline": [
            {
                "at": f"{row.at:%Y-%m-%d %H:%M}",
                "who": _who(row.who, instead) if redacted else row.who,
                "text": clean(row.text),
            }
            for row in incident.entries.all()
            if not (redacted and row.origin in ("role", "mail"))
        ],
        "actions": [
            {
                "number": one.pk,
                "text": clean(one.text),
                "kind": one.kind,
                "owner": "" if redacted else one.owner,
                "due": one.due.isoformat() if one.due else "",
                "link": one.link,
                "done": f"{one.done_at:%Y-%m-%d}" if one.done_at else "",
            }
            for one in report.actions.all()
        ],
    }


def _who(login: str, instead: Mapping[str, str]) -> str:
    return login if login == MACHINE else instead.get(login, SOMEBODY)


def _facts(incident: Incident) -> list[list[str]]:
    took = times(incident)
    moment = "{:%Y-%m-%d %H:%M} UTC"
    hubs = sorted({row.hub or "the service" for row in incident.affected.all()})
    facts = [
        ["Priority", incident.priority],
        ["Kind", KINDS[incident.kind]],
        ["Affected", ", ".join(hubs)],
        ["Began", moment.format(incident.began_at)],
        ["Ended", moment.format(incident.resolved_at) if incident.resolved_at else "not yet"],
        ["Time to detect", in_words(took.detect)],
        ["Time to acknowledge", in_words(took.acknowledge)],
        ["Time to mitigate", in_words(took.mitigate)],
        ["Time to resolve", in_words(took.resolve)],
    ]
    minutes = user_minutes(incident)
    return [*facts, ["User-minutes", str(minutes)]] if minutes is not None else facts


def _audit(actor: Actor, number: int, what: str) -> None:
    record(
        actor, "incident-report", what=f"{what} (incident {number})", details={"incident": number}
    )


def overdue(report: Report, at: datetime) -> bool:
    """Whether it ought to be published, or at least closed, by now."""
    return report.state not in ("closed", "published") and at > report.due_at
