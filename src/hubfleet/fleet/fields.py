"""Field types of the declaration: amounts, names, durations, each in one canonical spelling."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict, StringConstraints

from hubfleet.kit.units import (
    format_duration,
    format_memory,
    parse_duration,
    parse_memory,
    parse_period,
)

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$"
"""Names of clusters, communities and hubs: one DNS label, short enough to be joined to one."""

DOMAIN_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"

USER_NAME_PATTERN = r"^[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*$"
"""What JupyterHub takes; a `/` or a first `.` could also lead out of the homes."""

CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
WEBSITE_PATTERN = r"^https?://\S+$"
PYTHON_PATTERN = r"^3\.\d{1,2}$"
CELL_PATTERN = r"^[a-z-]+/[a-z-]+$"
ADDRESS_PATTERN = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
"""A web address without a query, and without a name and password in it."""
CONSOLE_PATTERN = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?/?$"
"""The address of a whole host: the console is not one of several things below it."""
MAIL_SERVER_PATTERN = r"^smtps?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?$"
LISTEN_PATTERN = r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$"
ENTITY_PATTERN = r"^(https?://|urn:)\S+$"
GITHUB_PATTERN = r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}$"
TEAM_PATTERN = r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}:[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
PREFIX_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$"
LOGO_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_. -]*(/[A-Za-z0-9_-][A-Za-z0-9_. -]*)*$"
IMAGE_PATTERN = (
    r"^[a-z0-9][a-z0-9.-]*(:\d{1,5})?(/[a-z0-9][a-z0-9._-]*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$"
)
"""A container image with its tag or digest: without one it would change by itself."""
CHART_REPOSITORY_PATTERN = r"^(https?|oci)://[^\s?#@]+$"
CHART_VERSION_PATTERN = r"^v?\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?$"
"""An exact version: a range would make two runs of the same plan differ."""
CONNECTION_PATTERN = r"^[^\s/:]+:\d{1,5}$"
LABEL_PATTERN = r"^[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9.-]*$"
NAMESPACE_PATTERN = r"^[a-z0-9-]*(\{(community|hub)\}[a-z0-9-]*)+$"
SERVER_PATTERN = r"^https://[^\s/?#@]+(/[^\s?#]*)?$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
INTERFACE_PATTERN = r"^(lab|notebook|rstudio|/([\w.%~-][\w./%~-]*)?)$"
"""A path on the person's own server: `//` would begin an address elsewhere."""

PROBE_USER = "hubfleet-probe"
"""The user as whom probes act; no person can have this name."""

OFFICE_SCOPES = ("delete:users", "delete:servers", "read:servers")
"""What the console may do on a hub: end a person's access (their sessions, tokens and servers), and
see which servers those are."""

METER_SCOPES = ("list:users", "read:users:activity", "read:servers", "read:metrics")
"""What reading a hub's use needs: whose servers run, when they were active last, and the hub's own
numbers. Nothing can be changed with it."""

_NAME = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Whether `text` may name a cluster, a community or a hub."""
    return bool(_NAME.match(text))


def _memory(value: Any) -> str:
    return format_memory(parse_memory(value))


LEAST_MEMORY = 128 * 1024**2
"""Less than JupyterLab's own server needs, before anybody has opened a notebook."""


def _server_memory(value: Any) -> str:
    amount = parse_memory(value)
    if amount < LEAST_MEMORY:
        raise ValueError(
            f"`{value}` is too little for a server to start in; "
            f"write {format_memory(LEAST_MEMORY)} or more"
        )
    return format_memory(amount)


def _duration(value: Any) -> str:
    return format_duration(parse_duration(value))


def _period(value: Any) -> str:
    parse_period(value)
    return str(value).strip()


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        shown = f"`{value}`" if isinstance(value, str | int | float) else "this"
        raise ValueError(f"{shown} is not a day; write one such as 2026-12-01") from None


Memory = Annotated[
    str,
    BeforeValidator(_memory, json_schema_input_type=str | int),
    Field(examples=["512M", "2G"]),
]
"""An amount of memory; units are powers of 1024."""

ServerMemory = Annotated[
    str,
    BeforeValidator(_server_memory, json_schema_input_type=str | int),
    Field(examples=["512M", "2G"]),
]
"""Memory that a person's server has to do with."""

Duration = Annotated[
    str,
    BeforeValidator(_duration, json_schema_input_type=str | int),
    Field(examples=["90s", "1h", "7d"]),
]
"""A length of time."""

Period = Annotated[
    str,
    BeforeValidator(_period, json_schema_input_type=str),
    Field(examples=["30d", "2w", "1y"]),
]
"""Days, weeks or years of the calendar."""

Flag = Annotated[bool, Strict()]
"""`true` or `false`; not `yes`, `1` or text, which people read differently."""

Count = Annotated[int, Strict()]
Number = Annotated[float, Strict()]

Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
"""A day of the service's time zone, `2026-12-01`."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Domain = Annotated[str, StringConstraints(pattern=DOMAIN_PATTERN, max_length=253)]
UserName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, min_length=1, pattern=USER_NAME_PATTERN
    ),
]
"""JupyterHub lower-cases the names of people; so do we, once, at the door."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Email = Annotated[str, StringConstraints(pattern=EMAIL_PATTERN)]
