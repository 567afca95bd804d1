"""Secrets of a hub that the chart would make anew at every rendering: made once, then pinned.

Without them the chart looks them up on the cluster, and offline makes others each time: hub and
proxy would restart for nothing, people would be signed out.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

CONSOLE_SECRET = "<secret of the console>"  # noqa: S105, a mark, not a secret
"""Among `declared`, the mark of the hub's secret at the console, which both compute."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True, repr=False)
class Pins:
    """All secrets that one hub's values hold; never printed by `repr`.

    All but `declared` are made once for the hub's life (`office_token` and `meter_token` are empty
    for a hub that an earlier hubfleet placed); `declared` are the values that stand for
    the declaration's marks (`fleet.secrets`), and what it lacks stays a mark.
    """

    proxy_token: str
    cookie_secret: str
    crypt_key: str
    probe_token: str
    password: str
    admin_password: str
    office_token: str = ""
    meter_token: str = ""
    declared: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "Pins(...)"

    @classmethod
    def made(cls, declared: Mapping[str, Any] = {}) -> Self:
        """New ones."""
        return cls(
            proxy_token=secrets.token_hex(32),
            cookie_secret=secrets.token_hex(32),
            crypt_key=secrets.token_hex(32),
            probe_token=secrets.token_hex(32),
            password=_easy_to_type(16),
            admin_password=_easy_to_type(40),
            office_token=secrets.token_hex(32),
            meter_token=secrets.token_hex(32),
            declared=declared,
        )

    @classmethod
    def placeholders(cls) -> Self:
        """Where secrets must not be: texts that say what belongs in their place."""
        return cls(
            proxy_token=placeholder("64 random hexadecimal digits"),
            cookie_secret=placeholder("64 other random hexadecimal digits"),
            crypt_key=placeholder("64 more random hexadecimal digits"),
            probe_token=placeholder("a random token for the probe"),
            password=placeholder("the password of people, 8 characters or more"),
            admin_password=placeholder("the password of admins, 32 characters or more"),
            office_token=placeholder("a random token for the console"),
            meter_token=placeholder("another random token for the console"),
            declared={CONSOLE_SECRET: placeholder("the hub's client secret at the console")},
        )

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `as_json`; what another version added is left out."""
        known = {one.name: value[one.name] for one in fields(cls) if one.name in value}
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        """For a place that is safe: everything in the clear."""
        return asdict(self)


def placeholder(what: str) -> str:
    """The text that stands where a secret is to be supplied."""
    return f"<supply {what}>"


def is_placeholder(value: Any) -> bool:
    """Whether a value is one of `Pins.placeholders`, or the mark of a declared secret."""
    return isinstance(value, str) and value.startswith(("<supply ", "<secret "))


def _easy_to_type(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
