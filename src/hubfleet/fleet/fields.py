"""Field types of the declaration: amounts, names, durations, each in one canonical spelling."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from hubfleet.kit.units import format_duration, format_memory, parse_duration, parse_memory

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$"
"""Names of clusters, communities and hubs: one DNS label, short enough to be joined to one."""

DOMAIN_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"

_NAME = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Whether `text` may name a cluster, a community or a hub."""
    return bool(_NAME.match(text))


def _memory(value: Any) -> str:
    return format_memory(parse_memory(value))


def _duration(value: Any) -> str:
    return format_duration(parse_duration(value))


def _user_name(value: str) -> str:
    """JupyterHub lower-cases the names of people; so do we, once, at the door."""
    return value.strip().lower()


Memory = Annotated[
    str,
    BeforeValidator(_memory, json_schema_input_type=str | int),
    Field(examples=["512M", "2G"]),
]
"""An amount of memory; units are powers of 1024."""

Duration = Annotated[
    str,
    BeforeValidator(_duration, json_schema_input_type=str | int),
    Field(examples=["90s", "1h", "7d"]),
]
"""A length of time."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Domain = Annotated[str, StringConstraints(pattern=DOMAIN_PATTERN, max_length=253)]
UserName = Annotated[str, AfterValidator(_user_name), StringConstraints(min_length=1)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
