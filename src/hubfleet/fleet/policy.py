"""How a fleet is changed: canaries, waves, limits, freezes, and when a gate counts as passed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import Count, Day, Duration, Text

_SHARE = re.compile(r"^(\d{1,3})%$")


def _wave(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return str(value)
    text = str(value).strip()
    share = _SHARE.match(text)
    if share and 1 <= int(share[1]) <= 100:
        return text
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return str(int(text))
    shown = f"`{value}`" if isinstance(value, str | int | float) else "this"
    raise ValueError(f"{shown} is not the size of a wave; write a number such as 1, or 25%")


def _ascending(waves: tuple[str, ...]) -> tuple[str, ...]:
    counts = [int(wave) for wave in waves if not wave.endswith("%")]
    shares = [int(wave[:-1]) for wave in waves if wave.endswith("%")]
    if not waves or waves[-1] != "100%":
        raise ValueError("the last wave leaves hubs out; end with 100%")
    if [*map(str, counts), *(f"{share}%" for share in shares)] != list(waves):
        raise ValueError("a number comes after a share; write numbers first, then shares")
    if any(sorted(set(sizes)) != sizes for sizes in (counts, shares)):
        raise ValueError("each wave must be larger than the one before; put them in order")
    return waves


Wave = Annotated[
    str,
    BeforeValidator(_wave, json_schema_input_type=int | str),
    Field(examples=[1, "25%"]),
]
"""How many hubs have changed when a wave has ended: a number or a share."""


class Freeze(Declared):
    """Days on which nothing is changed."""

    start: Day
    """First day."""
    end: Day
    """Last day, itself included."""
    reason: Text
    """What `apply` answers when it refuses."""


class Rollout(Declared):
    """How the fleet is changed."""

    canaries: tuple[Text, ...] = ()
    """Hubs (`community/hub`) that gate every production hub without a gate of its own."""
    waves: Annotated[tuple[Wave, ...], AfterValidator(_ascending)] = ("1", "25%", "100%")
    """How many production hubs have changed after each wave, in each cluster and in the fleet."""
    pause_between: Duration = "0s"
    """How long to wait after a wave before the next one begins."""
    max_parallel: Count = Field(default=8, ge=1, le=256)
    """Hubs that are changed at the same time."""
    per_cluster: Count = Field(default=4, ge=1, le=256)
    """Hubs of one cluster that are changed at the same time."""
    stop_after_failures: Count = Field(default=1, ge=1)
    """After so many failed hubs nothing new is begun."""
    on_degraded: Literal["stop", "go"] = "go"
    """Whether a changed hub that works, but badly, counts as failed or as healthy."""
    attempts: Count = Field(default=3, ge=1, le=20)
    """How often a changed hub is probed before it counts as failed; the first may find it cold."""
    back_off: Duration = "5s"
    """How long to wait before the second attempt; twice as long before each one after it."""
    act_limit: Duration = "10m"
    """How long one change of one hub may take."""
    drain: Duration = "10m"
    """How long people of a hub that is removed may go on after they were told; `0s`: not at all."""
    freeze: tuple[Freeze, ...] = ()
    """Days on which `apply` refuses to change anything, in the service's time zone."""
