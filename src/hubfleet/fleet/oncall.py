"""Who is woken: `oncall.yaml` at the fleet's root, typed. Pure.

People, the rotations in which they take turns, who stands in for whom, whose calendars say when
they are away, the services at PagerDuty, and in which steps a page goes from one to the next.
`rota` says who is on call at a moment; `escalation` whom a page reaches.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import (
    CLOCK_PATTERN,
    SERVER_PATTERN,
    Count,
    Day,
    Duration,
    Email,
    Name,
    Text,
    UserName,
)
from hubfleet.fleet.secrets.secret import SecretText
from hubfleet.kit.units import parse_duration

ONCALL_FILE = "oncall.yaml"
CONTACT = "contact"
"""The word for the operator's `contact` where a step says whom to tell."""

SECRET_KEYS = ("people", "time_off", "pagerduty", "pagerduty_webhook")
"""What `oncall.secret.yaml` may hold."""

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
Priority = Literal["P1", "P2", "P3", "P4"]
DAY_SECONDS = 86400


def _moment(value: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        shown = f"`{value}`" if isinstance(value, str | int | float) else "this"
        raise ValueError(f"{shown} is not a moment; write one such as 2026-12-24T08:00") from None
    return found


def _whole_days(value: Any) -> Any:
    seconds = parse_duration(value)
    if seconds < DAY_SECONDS or seconds % DAY_SECONDS:
        raise ValueError("a turn lasts whole days; write one such as 1d or 1w")
    return value


Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
"""A date and time, of the rotation's time zone unless it says an offset."""

Clock = Annotated[str, Field(pattern=CLOCK_PATTERN, examples=["09:00"])]
"""A time of the day."""


class Hours(Declared):
    """Hours of some weekdays. Where `end` is not after `start` they end on the next day."""

    days: tuple[Weekday, ...] = Field(default=WEEKDAYS, min_length=1)
    """The days on which they begin."""
    start: Clock
    """When they begin."""
    end: Clock
    """When they end."""


class OnCallPerson(Declared):
    """Somebody who can be woken."""

    name: Text
    """What people call them."""
    login: UserName | None = None
    """Their user name at the console."""
    email: Email
    """Where mail about pages goes."""
    timezone: Text = "UTC"
    """An IANA name; their working hours are of this zone."""
    working_hours: Hours | None = None
    """A page of P2 wakes nobody outside of them: its channels wait until they begin. P1 does."""
    channels: dict[Name, SecretText] = {}
    """How they are woken: apprise's addresses, such as `ntfys://...`, in `oncall.secret.yaml`."""


class HandOver(Declared):
    """When one turn ends and the next begins."""

    day: Weekday = "monday"
    """For turns of whole weeks: the weekday."""
    at: Clock = "09:00"
    """The time of the day, in the rotation's time zone."""


class Rotation(Declared):
    """People who take turns, in this order, over and over."""

    people: tuple[Name, ...] = Field(min_length=1)
    """Names under `people`."""
    every: Annotated[Duration, BeforeValidator(_whole_days)] = "1w"
    """How long one turn lasts, in whole days."""
    start: Day
    """On this day, or the first `hand_over.day` after it, the first person's turn begins."""
    hand_over: HandOver = HandOver()
    """When turns change."""
    timezone: Text | None = None
    """An IANA name; default: the service's."""
    hours: Hours | None = None
    """Only in these hours somebody is on call; default: always."""
    otherwise: Name | None = None
    """The rotation that has it outside of `hours`, such as one on the other side of the world."""


class Override(Declared):
    """Somebody has it for a while, whoever's turn it is."""

    rotation: Name
    """In which rotation."""
    person: Name
    """Who has it."""
    start: Moment
    """From when on."""
    end: Moment
    """Until when."""
    reason: Text
    """Why."""


class TimeOff(Declared):
    """Where it says who is away: iCalendar, with titles such as `AWAY: Ada`."""

    file: Text | None = None
    """A file in the fleet's folder."""
    feed: SecretText | None = None
    """Instead of a file: an https address, which often is a secret (`oncall.secret.yaml`)."""


class PagerDuty(Declared):
    """One service at PagerDuty."""

    routing_key: SecretText
    """Its integration key (Events API v2), in `oncall.secret.yaml`."""
    region: Literal["us", "eu"] = "us"
    """Where the account is."""
    events: str | None = Field(default=None, pattern=SERVER_PATTERN)
    """Another address than PagerDuty's own that takes its events."""


class Webhook(Declared):
    """PagerDuty's own calls: somebody acknowledged or resolved a page there."""

    secret: SecretText | None = None
    """The secret with which it signs them, in `oncall.secret.yaml`; without one none is heard."""


class Step(Declared):
    """Whom a page reaches when it was not acknowledged."""

    to: Name
    """A rotation, a person, a service of `pagerduty`, or `contact`: the operator's address."""
    turn: Literal["now", "next"] = "now"
    """Of a rotation: who is on call, or whose turn is next."""
    after: Duration = "0s"
    """How long after the step before."""


class OnCallFile(Declared):
    """`oncall.yaml`."""

    people: dict[Name, OnCallPerson] = {}
    """Who can be woken, by a word for each."""
    rotations: dict[Name, Rotation] = {}
    """Who takes turns, by a word for each."""
    overrides: tuple[Override, ...] = ()
    """Exceptions; of two that overlap the later one in the file counts."""
    time_off: dict[Name, TimeOff] = {}
    """Calendars that say who is away."""
    pagerduty: dict[Name, PagerDuty] = {}
    """Services at PagerDuty, by a word for each."""
    pagerduty_webhook: Webhook = Webhook()
    """What PagerDuty sends back, to `/api/pages/pagerduty` of the console."""
    escalation: dict[Priority, tuple[Step, ...]] = {}
    """Steps by priority; a priority without steps has the default ones."""
    unanswered: dict[Priority, Duration] = {"P1": "4h"}
    """In the default steps: how long until the next person is told; default: 12 hours."""
    settle_after: Duration = "2m"
    """A problem that comes back within this time is the same page."""
    gaps_ahead: Count = Field(default=4, ge=0, le=26)
    """`validate` looks so many weeks ahead for hours in which nobody is on call."""
