"""The verdict on a changed hub: a person's path, several attempts, cold start told from failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hubfleet.fleet.model import Rollout
from hubfleet.kit.errors import Problem
from hubfleet.kit.units import parse_duration
from hubfleet.probes.verdict import ProbeResult
from hubfleet.rollout.ports import Prober

LONGEST_PAUSE = 120.0
"""Seconds: waiting longer between two attempts would only hide that the hub is broken."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The last probe, how many there were, and whether the hub passed."""

    probe: ProbeResult
    attempts: int
    passed: bool

    @property
    def cold(self) -> bool:
        """It failed at first and works now: a cold start, not a failure."""
        return self.passed and self.attempts > 1


def judge(
    hub: str,
    prober: Prober,
    policy: Rollout,
    sleep: Callable[[float], None],
    report: Callable[[str], None],
    random: Random,
    *,
    attempts: int | None = None,
) -> Judged:
    """Probe until the hub passes or the attempts are used up; `on_degraded` decides what passes."""
    most = attempts or policy.attempts
    for attempt in range(1, most + 1):
        doing = "probing" if attempt == 1 else f"probing, attempt {attempt} of {most}"
        report(doing)
        probe = prober.probe(hub, lambda stage, doing=doing: report(f"{doing}: {stage}"))  # type: ignore[misc]
        passed = probe.verdict == "healthy" or (
            probe.verdict == "degraded" and policy.on_degraded == "go"
        )
        if passed or attempt == most:
            break
        pause = pause_before(attempt + 1, parse_duration(policy.back_off), random)
        report(f"{probe.verdict}, probed again in {pause:.0f} s")
        sleep(pause)
    return Judged(probe, attempt, passed)


def pause_before(attempt: int, first: float, random: Random) -> float:
    """Seconds before an attempt from the second on: doubled each time, a fifth more or less."""
    return float(min(first * 2 ** (attempt - 2), LONGEST_PAUSE) * random.uniform(0.8, 1.2))


def not_healthy(judged: Judged) -> Problem:
    """Why a hub did not pass, in words."""
    probe = judged.probe
    times = "once" if judged.attempts == 1 else f"{judged.attempts} times"
    return Problem(
        "gate-not-passed",
        f"{probe.hub} is {probe.verdict}: it was probed {times}",
        why=probe.cause,
        hint=probe.hint or f"`hubfleet probe {probe.hub}` shows every stage",
    )
