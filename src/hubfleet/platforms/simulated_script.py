"""How long a simulated hub takes for everything, and what goes wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubfleet.kit.errors import failure


class HubScript(BaseModel):
    """One hub. Times are seconds; a verdict other than `healthy` is that of its changed state."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    act: float = Field(default=3.0, ge=0)
    snapshot: float = Field(default=0.5, ge=0)
    roll_back: float = Field(default=3.0, ge=0)
    probe_seconds: float = Field(default=4.0, ge=0)
    act_fails: bool = False
    snapshot_fails: bool = False
    roll_back_fails: bool = False
    transient: int = Field(default=0, ge=0)
    """So many acts fail with an error that goes away by itself."""
    cold: int = Field(default=0, ge=0)
    """So many probes after a change fail, then they go by the verdict."""
    verdict: Literal["healthy", "degraded", "failed"] = "healthy"
    people: int = Field(default=0, ge=0)
    """So many people work on the hub; one leaves at each look once they were told to, unless
    they `stay`."""
    stay: bool = False
    """People work on until the end."""
    always: bool = False
    """The verdict holds for the hub as it was before, too."""


@dataclass(frozen=True)
class Script:
    """A script for each hub: the first pattern of `hubs` that matches, over `everywhere`."""

    everywhere: HubScript = field(default_factory=HubScript)
    hubs: Mapping[str, HubScript] = field(default_factory=dict)

    def of(self, hub: str) -> HubScript:
        exact = self.hubs.get(hub)
        if exact is not None:
            return exact
        return next(
            (one for pattern, one in self.hubs.items() if fnmatchcase(hub, pattern)),
            self.everywhere,
        )


def read_script(path: Path) -> Script:
    """Raises `bad-script` with what is wrong."""
    import yaml

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        unknown = sorted(set(told) - {"all", "hubs"})
        if unknown:
            raise ValueError(f"`{unknown[0]}` is not a key; write `all` and `hubs`")
        everywhere: dict[str, Any] = told.get("all") or {}
        hubs = {
            pattern: HubScript(**{**everywhere, **(own or {})})
            for pattern, own in (told.get("hubs") or {}).items()
        }
        return Script(HubScript(**everywhere), hubs)
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise failure(
            "bad-script",
            "the script of the simulation cannot be read",
            place=str(path),
            why=_first_fault(error),
            hint="write `all: {act: 3}` and `hubs: {community/hub: {verdict: failed}}`",
        ) from None


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"`{'.'.join(map(str, fault['loc']))}` does not fit here"
    return str(error)
