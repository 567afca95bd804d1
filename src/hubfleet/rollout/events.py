"""What a rollout tells while it runs: one event for each thing that begins, goes on or ends.

Progress on the screen and `--events FILE` are made from the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

EventKind = Literal["rollout", "wave", "hub", "end"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, at a UTC time.

    `phase` of a hub is `begun`, any words of its platform, `probing`, or one of the fates;
    `why` is the reason of a wait or of a fate, `seconds` the time since the hub was begun.
    """

    kind: EventKind
    at: str
    rollout: str
    hub: str = ""
    cluster: str = ""
    wave: str = ""
    phase: str = ""
    why: str = ""
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Without what says nothing."""
        return {key: value for key, value in asdict(self).items() if value not in ("", None)}


Listener = Callable[[Event], None]
"""Called from any thread, sometimes from several at once."""


def nobody(event: Event) -> None:
    """A listener that does not listen."""
