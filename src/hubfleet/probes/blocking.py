"""Probes for threads: each call walks a person's path and waits for its end."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore

from hubfleet.kit.errors import HubfleetError
from hubfleet.probes.target import Target
from hubfleet.probes.verdict import ProbeResult, Stage, result


class PersonProber:
    """Probes at most `at_once` hubs at a time, so that many changes at once do not make each slow.

    `target` says how to reach a hub; what it raises is the verdict's cause.
    """

    def __init__(self, target: Callable[[str], Target], at_once: int) -> None:
        self._target = target
        self._room = BoundedSemaphore(at_once)

    def probe(self, hub: str, say: Callable[[str], None]) -> ProbeResult:
        import asyncio

        from hubfleet.probes.person import probe_hub

        try:
            target = self._target(hub)
        except HubfleetError as error:
            return result(hub, 0.0, [Stage("name", False, 0.0, error.problems[0].what)])
        say("waiting for a turn to be probed")
        with self._room:
            return asyncio.run(probe_hub(target, tell=say))
