"""What a platform says the world is like, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["running", "starting", "hanging", "stopped", "crashed"]
"""`running`: its process lives and answers. `starting`: lives, does not answer yet.
`hanging`: lives, ought to answer, does not. `stopped`: was created, is not running.
`crashed`: ended by itself; tried again with back-off."""


@dataclass(frozen=True, slots=True)
class ObservedHub:
    """One hub as it is, not as it was declared.

    `values` are the flat effective values (`limits.memory` -> `2G`) that the
    *running* process was started with, so that a change that was written down
    but never reached the process shows as a difference. `migration` names the schemas of the
    hub's database now and after its next start, where these differ. `closing` is the time until
    which people may go on, when they were told that the hub goes away. `came_up` is False for one
    of which no revision ever came up: what was begun is there, and creating it is how to go on.
    """

    name: str
    cluster: str
    state: State
    values: Mapping[str, Any]
    software: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0
    url: str = ""
    since: str = ""
    note: str = ""
    migration: tuple[str, str] | None = None
    closing: str = ""
    came_up: bool = True


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one cluster holds, declared or not.

    `software` are the versions that the platform would start a hub with now, and `port` is the one
    on which people would reach it (None where that is not the platform's to say).
    """

    cluster: str
    hubs: Mapping[str, ObservedHub] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
