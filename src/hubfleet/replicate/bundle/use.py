"""Measured use as a bundle holds it: months of sums and counts, and nobody's name.

It comes from the office, which measures; from a file that `hubfleet usage --json` wrote; or from
another bundle. Whatever else such a file says, such as why a hub could not be read, stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hubfleet.kit.digest import canonical_json
from hubfleet.kit.errors import failure
from hubfleet.replicate.bundle.manifest import HubName

_LARGEST = 4 * 1024 * 1024
_MOST = 1e15

Count = Annotated[int, Field(ge=0, le=10**12)]
Amount = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]

UNITS: Mapping[str, str] = {
    "users": "different people who had a server running in the month",
    "billed_users": "different people who started a server in the month",
    "sessions": "servers that started",
    "server_hours": "hours in which servers ran",
    "memory_hours_requested": "GiB-hours of memory that servers were promised",
    "memory_hours_used": "GiB-hours of memory that servers had in use; null where unmeasured",
    "measured_share": "share of the server-hours in which memory in use was measured, 0 to 1",
    "cpu_hours": "CPU-hours that servers used; null where unmeasured",
    "peak": "the most servers at once",
    "bytes": "bytes on disk in all homes together, when they were measured last",
    "homes": "homes that were measured",
}


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Month(_Told):
    """What is known of one month of UTC, or of the days in `first` to `last` of it.

    `complete` is None where whoever wrote the file did not say.
    """

    first: date
    last: date
    complete: bool | None = None
    users: Count | None = None
    billed_users: Count | None = None
    sessions: Count = 0
    server_hours: Amount = 0.0
    memory_hours_requested: Amount = 0.0
    memory_hours_used: Amount | None = None
    measured_share: Amount = 0.0
    cpu_hours: Amount | None = None
    peak: Count = 0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last day is before the first")
        return self

    @property
    def name(self) -> str:
        """`2026-11`, or the days where they are no part of one month."""
        if self.first.replace(day=1) == self.last.replace(day=1):
            return self.first.isoformat()[:7]
        return f"{self.first} to {self.last}"

    @property
    def hours(self) -> int:
        """Hours of the days that are known."""
        return 24 * ((self.last - self.first).days + 1)


class Stored(_Told):
    """What all homes of a hub held, when the platform measured them last."""

    bytes: Count
    homes: Count
    at: date


class OfHub(_Told):
    """One hub's use, the oldest month first."""

    months: list[Month] = []
    stored: Stored | None = None


class Use(_Told):
    """By the hubs' short names; `community` counts people of several hubs once."""

    use: Literal[1] = 1
    hubs: dict[HubName, OfHub] = {}
    community: list[Month] = []

    @property
    def months(self) -> list[Month]:
        """Those of everything in the bundle together."""
        if self.community or len(self.hubs) != 1:
            return self.community
        return next(iter(self.hubs.values())).months

    @property
    def stored(self) -> list[Stored]:
        """What was measured on each hub where anything was."""
        return [one.stored for _, one in sorted(self.hubs.items()) if one.stored is not None]

    def text(self) -> str:
        """As it stands in the bundle: equal use has equal bytes."""
        return canonical_json({**self.model_dump(mode="json"), "units": dict(UNITS)}) + "\n"


def read_use(path: Path, names: Sequence[str]) -> Use:
    """A file of the use of these hubs; raises `bad-usage-file` or `usage-of-others`."""
    try:
        value = json.loads(_text(path))
        if not isinstance(value, dict):
            raise _bad(path, "It is not a mapping.")
        if "use" in value:
            found = Use.model_validate(value)
            _refuse_others(path, set(found.hubs), {name.partition("/")[2] for name in names})
            return found
        return _from_report(path, value, names)
    except RecursionError:
        raise _bad(path, "It is nested too deeply.") from None
    except ValidationError as error:
        one = error.errors(include_input=False, include_url=False)[0]
        at = ".".join(map(str, one["loc"]))[:120]
        raise _bad(path, f"{at or 'It'}: {one['msg'][:120]}.") from None
    except ValueError:
        raise _bad(path, "It is not JSON.") from None


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise _bad(path, f"{error.strerror}.") from None
    if len(text) > _LARGEST:
        raise _bad(path, "It is larger than any file of use.")
    return text


def _from_report(path: Path, value: Mapping[str, Any], names: Sequence[str]) -> Use:
    """What `hubfleet usage HUB --json` answers: one range of days, of one hub or community."""
    scope, total = value.get("scope"), value.get("total")
    if not isinstance(scope, str) or not isinstance(total, dict):
        raise _bad(path, "It tells of no hub and no community.")
    community = names[0].partition("/")[0]
    _refuse_others(path, {scope}, {community, *names})
    month = _month(value, total)
    short = {name: name.partition("/")[2] for name in names}
    if scope in short:
        # Of several hubs this one alone is known; what they were together is not.
        return Use(hubs={short[scope]: OfHub(months=[month])})
    rows = value.get("rows") if value.get("by") == "hub" else None
    hubs = {
        short[row["hub"]]: OfHub(months=[_month(row, row)])
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and row.get("hub") in short
    }
    return Use(hubs=hubs, community=[month])


def _month(days: Mapping[str, Any], numbers: Mapping[str, Any]) -> Month:
    given = {name: value for name, value in numbers.items() if value is not None}
    return Month.model_validate({**given, "first": days.get("from"), "last": days.get("to")})


def _refuse_others(path: Path, found: set[str], ours: set[str]) -> None:
    """A file of the operator may hold anybody's numbers."""
    others = sorted(found - ours)
    if others:
        raise failure(
            "usage-of-others",
            "the file of measured use tells of others",
            place=str(path),
            why=f"It is about `{others[0][:120]}`, which is not in the bundle.",
            hint="write it with `hubfleet usage HUB --json` for what is exported",
        )


def _bad(path: Path, why: str) -> Exception:
    return failure(
        "bad-usage-file",
        "the file of measured use cannot be read",
        place=str(path),
        why=why,
        hint="name a file that `hubfleet usage HUB --json` wrote, or leave --usage out",
    )


def last_day_of(month: date) -> date:
    """The last day of the month that a day is in."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
