"""Before a hub goes away: people are told, no new server starts, and the hub waits for them.

It waits until nobody works there any more, or until the time that they were told is over. What
they were told outlives a crash: whoever goes on waits for the rest of it.
"""

from __future__ import annotations

from collections.abc import Callable

from hubfleet.platforms.platform import Drains, Platform
from hubfleet.rollout.crew import Crew

LOOK = 2.0
"""Seconds between two looks at who is still there."""


def drain(
    hub: str,
    platform: Platform,
    seconds: float,
    crew: Crew,
    say: Callable[[str], None],
    interrupted: Callable[[], bool],
) -> bool:
    """Whether the hub may go now; False when the wait was interrupted, and it is open again.

    A platform that cannot tell people has nothing to wait for.
    """
    if not isinstance(platform, Drains):
        return True
    until = crew.monotonic() + platform.close(hub, seconds, say)
    said = ""
    while people := platform.people(hub):
        left = until - crew.monotonic()
        if left <= 0:
            return True
        if interrupted():
            platform.reopen(hub)
            return False
        told = f"draining: {len(people)} still there ({', '.join(people)})"
        if told != said:
            say(told)
            said = told
        crew.sleep(min(LOOK, left))
    return True
