"""Verdicts on simulated hubs: every stage as the script says, no hub needed."""

from __future__ import annotations

from collections.abc import Callable

from hubfleet.probes.verdict import STAGES, ProbeResult, Stage, Verdict, result

Told = tuple[Verdict, float]
"""The verdict that comes out, and the seconds that the probe takes."""


class SimulatedProber:
    """Asks `script` for each probe; waits with `sleep`."""

    def __init__(self, script: Callable[[str], Told], sleep: Callable[[float], None]) -> None:
        self._script = script
        self._sleep = sleep

    def probe(self, hub: str, say: Callable[[str], None]) -> ProbeResult:
        verdict, seconds = self._script(hub)
        self._sleep(seconds)
        return result(hub, seconds, _stages(verdict, seconds))


def _stages(verdict: Verdict, seconds: float) -> list[Stage]:
    """A failure shows at the spawn, the commonest place; degraded is a clean-up that failed."""
    bad = {"failed": "spawn", "degraded": "cleanup"}.get(verdict)
    stages = []
    for name in STAGES:
        took = min(seconds, 1.0) / len(STAGES)
        stages.append(Stage(name, name != bad, took, "" if name != bad else "the script says so"))
        if name == bad:
            break
    return stages
