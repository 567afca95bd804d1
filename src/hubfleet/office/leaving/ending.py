"""What people do about an ending: ask, agree, confirm, extend, cancel, and say what of the data.

Whoever calls has asked the rights. A hub lives on until a representative has agreed and a person
who neither asked nor agreed has confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import Q

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.units import day_after
from hubfleet.office.accounts.actions import Action
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.leaving import letters
from hubfleet.office.leaving.dates import MOST_EXTENSIONS, dates_of, objection
from hubfleet.office.leaving.models import Ending
from hubfleet.office.leaving.notice import write_last_days


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed for the community: a login or, of a representative without one, their address.

    `reason` says how somebody else knows of it.
    """

    of: str
    reason: str = ""


def begin(
    hub: str,
    last_day: date,
    actor: Actor,
    *,
    fleet: Fleet,
    asked_on: date,
    reason: str = "",
    consent: Consent | None = None,
) -> Ending:
    """Ask that a hub ends. Raises `unknown-hub`, `ending-known` and what the dates say."""
    declared = fleet.hubs.get(hub)
    if declared is None:
        raise failure(
            "unknown-hub",
            f"there is no hub '{hub}'",
            place=str(fleet.root),
            hint="`hubfleet hub endings` shows those that are on their way out",
        )
    trouble = objection(hub, last_day, asked_on, fleet.service.ending)
    if trouble is not None:
        raise HubfleetError(trouble)
    with transaction.atomic():
        _refuse_second(hub)
        made = _of(declared, fleet)
        made.reason, made.asked_by = reason[:2000], actor.login
        made.dates = dates_of(last_day, asked_on, fleet.service.ending)
        try:
            with transaction.atomic():
                made.save()
        except IntegrityError:
            # Somebody else asked in the same moment.
            _refuse_second(hub)
            raise
        _note(actor, Action.END_HUB, made, f"asked that {hub} ends on {last_day}", reason=reason)
        if consent is not None:
            agree(made, consent, actor, fleet=fleet)
        else:
            letters.ask_for_consent(made, fleet)
    return made


def _of(declared: Hub, fleet: Fleet) -> Ending:
    """What is known of the hub now, and may be in no file any more when it matters."""
    return Ending(
        hub=declared.name,
        title=declared.values.title or declared.name,
        community_title=fleet.communities[declared.community].file.name,
        cluster=declared.cluster,
        platform=fleet.clusters[declared.cluster].file.platform,
        domain=declared.domain,
        timezone=fleet.service.timezone,
    )


def _refuse_second(hub: str) -> None:
    known = open_ending(hub)
    if known is not None:
        raise failure(
            "ending-known",
            f"{hub} is to end on {known.last_day} already",
            why=f"{known.asked_by} asked for it on {known.asked_on}",
            hint=f"move its last day with `hubfleet hub end {hub} --extend`, or take it back "
            "with --cancel and ask anew",
        )


def agree(ending: Ending, consent: Consent, actor: Actor, *, fleet: Fleet) -> None:
    """Write down a representative's consent; the second one changes nothing.

    Raises `ending-over`, `not-a-representative`, and `consent-without-reason` where somebody
    writes down another person's consent and does not say how they know.
    """
    _refuse_over(ending)
    if ending.consent_at is not None:
        return
    _refuse_stranger(ending, consent.of, fleet)
    if consent.of != actor.login and not consent.reason.strip():
        raise failure(
            "consent-without-reason",
            f"it is not said how {consent.of} agreed",
            place="--reason",
            why=f"{actor.login} writes it down for them",
            hint="say where it is written, such as --reason 'their mail of 3 June'",
        )
    with transaction.atomic():
        ending.consent_of, ending.consent_by = consent.of, actor.login
        ending.consent_at, ending.consent_reason = now(), consent.reason[:2000]
        ending.save()
        what = f"{consent.of} agreed that {ending.hub} ends on {ending.last_day}"
        _note(actor, Action.CONSENT_TO_ENDING, ending, what, reason=consent.reason)


def confirm(ending: Ending, actor: Actor, *, fleet: Fleet) -> None:
    """The second person's yes. Raises `ending-over`, `consent-missing` and `same-person`."""
    _refuse_over(ending)
    if ending.confirmed_at is not None:
        return
    if ending.consent_at is None:
        raise failure(
            "consent-missing",
            f"nobody who speaks for {ending.community_title} has agreed that {ending.hub} ends",
            hint="a representative agrees on the ending's page in the console, or staff write it "
            f"down: `hubfleet hub end {ending.hub} --consent-of LOGIN --reason HOW`",
        )
    if actor.login in ending.people:
        raise failure(
            "same-person",
            f"the end of {ending.hub} needs another person than {actor.login}",
            why="whoever asked for it or agreed to it is not the second person",
            hint="somebody else confirms it",
        )
    with transaction.atomic():
        ending.confirmed_by, ending.confirmed_at = actor.login, now()
        ending.save()
        what = f"confirmed that {ending.hub} ends on {ending.last_day}"
        _note(actor, Action.CONFIRM_ENDING, ending, what)
        letters.say_dates(ending, fleet)
    write_last_days()


def extend(ending: Ending, actor: Actor, *, fleet: Fleet, today: date) -> None:
    """Move the last day by the policy's extension. Raises `extended-too-often`."""
    _refuse_over(ending)
    if ending.extended >= MOST_EXTENSIONS:
        raise failure(
            "extended-too-often",
            f"the end of {ending.hub} was moved {ending.extended} times already",
            why="so long a delay is another decision, which both sides take",
            hint=f"take it back with `hubfleet hub end {ending.hub} --cancel`, and ask anew",
        )
    policy = fleet.service.ending
    with transaction.atomic():
        before = ending.last_day
        # From the old last day, or from today when that is over: two weeks are two weeks.
        moved = dates_of(day_after(max(before, today), policy.extension), today, policy)
        # An extension makes nothing late.
        ending.dates = replace(moved, asked=ending.asked_on)
        ending.extended += 1
        ending.save()
        what = f"moved the last day of {ending.hub} from {before} to {ending.last_day}"
        _note(actor, Action.END_HUB, ending, what)
        if ending.progress.agreed:
            letters.say_dates(ending, fleet)
    write_last_days()


def cancel(ending: Ending, actor: Actor, *, fleet: Fleet, reason: str = "") -> None:
    """The hub stays. Raises `ending-over` once it is removed."""
    _refuse_over(ending)
    with transaction.atomic():
        ending.cancelled_by, ending.cancelled_at = actor.login, now()
        ending.save()
        _note(actor, Action.END_HUB, ending, f"took the end of {ending.hub} back", reason=reason)
        if ending.progress.agreed:
            letters.say_cancelled(ending, fleet)
    write_last_days()


def mark_data(ending: Ending, data: str, consent: Consent, actor: Actor, *, fleet: Fleet) -> None:
    """Write down that the community has people's data (`exported`) or needs it not (`waived`).

    A representative says so, also once the hub is gone; until then it can be changed.
    """
    if data not in ("exported", "waived"):
        raise ValueError(data)
    if ending.erase_begun_at is not None or ending.cancelled_at is not None:
        _refuse_over(ending, erased=True)
    _refuse_stranger(ending, consent.of, fleet)
    if consent.of != actor.login and not consent.reason.strip():
        raise failure(
            "consent-without-reason",
            f"it is not said how {consent.of} decided about the data",
            place="--reason",
            why=f"{actor.login} writes it down for them",
            hint="say where it is written, such as --reason 'their mail of 3 June'",
        )
    with transaction.atomic():
        ending.data, ending.data_by = data, consent.of
        ending.data_at, ending.data_reason = now(), consent.reason[:2000]
        ending.save()
        said = "has all data of" if data == "exported" else "does not need the data of"
        what = f"{consent.of} {said} {ending.hub}"
        _note(actor, Action.CONSENT_TO_ENDING, ending, what, reason=consent.reason)


def open_ending(hub: str) -> Ending | None:
    """The hub's ending while it is neither taken back nor done."""
    return Ending.objects.filter(hub=hub, cancelled_at=None, gone_at=None).first()


def open_endings() -> int:
    """How many hubs are on their way out."""
    return Ending.objects.filter(cancelled_at=None, gone_at=None).count()


def latest_ending(hub: str) -> Ending:
    """The open one, else the last that was not taken back; raises `no-ending`."""
    found = Ending.objects.filter(hub=hub, cancelled_at=None).first()
    if found is None:
        raise failure(
            "no-ending",
            f"nobody asked that {hub} ends",
            hint=f"ask for it: `hubfleet hub end {hub} --on DATE`",
        )
    return found


def agreed_and_open() -> list[Ending]:
    """All endings whose hubs still run until a promised day."""
    return list(
        Ending.objects.filter(
            ~Q(consent_at=None), ~Q(confirmed_at=None), cancelled_at=None, gone_at=None
        )
    )


def representatives(fleet: Fleet, community: str) -> dict[str, str]:
    """Those who speak for a community: login, else address, and name."""
    declared = fleet.communities.get(community)
    people = declared.file.representatives if declared else ()
    return {person.login or person.email: person.name for person in people}


def _refuse_stranger(ending: Ending, login: str, fleet: Fleet) -> None:
    known = representatives(fleet, ending.community)
    emails = {
        person.email
        for found in [fleet.communities.get(ending.community)]
        if found is not None
        for person in found.file.representatives
    }
    # Once the community itself is gone, its consent is the one that was written down before.
    if login in known or login in emails or (not known and login == ending.consent_of):
        return
    raise failure(
        "not-a-representative",
        f"{login} does not speak for {ending.community_title}",
        place=f"communities/{ending.community}/community.yaml",
        why=f"representatives: {', '.join(known) or 'nobody'}",
        hint="name one of them, or change the representatives first",
    )


def _refuse_over(ending: Ending, *, erased: bool = False) -> None:
    if ending.cancelled_at is not None:
        why = f"{ending.cancelled_by} took it back on {timestamp(ending.cancelled_at)[:10]}"
    elif erased:
        why = "what it left behind is being deleted"
    elif ending.gone_at is not None:
        why = f"the hub is gone since {timestamp(ending.gone_at)[:10]}"
    else:
        return
    raise failure(
        "ending-over",
        f"this ending of {ending.hub} cannot be changed any more",
        why=why,
        hint="`hubfleet hub endings` shows all of them",
    )


def _note(actor: Actor, act: Action, ending: Ending, what: str, *, reason: str = "") -> None:
    details = {"ending": ending.pk, "last_day": str(ending.last_day), "reason": reason[:2000]}
    record(actor, act, hub=ending.hub, what=what, details=details)
