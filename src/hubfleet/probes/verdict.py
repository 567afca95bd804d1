"""The verdict on a hub, from the stages that a probe went through. Pure.

A hub is `healthy` only when every stage of the fixed list happened once, in order, worked, and
was quick enough. `degraded` means that a person can work, but the probe could not clean up or
somebody had to wait very long. Everything else is `failed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

StageName = Literal[
    "name",
    "proxy",
    "hub",
    "sign-in",
    "spawn",
    "server",
    "kernel",
    "code",
    "home",
    "cleanup",
]
STAGES: tuple[StageName, ...] = get_args(StageName)
"""A person's path through a hub, in order; `cleanup` is the probe's own."""

NOT_REACHED = "did not happen"

Verdict = Literal["healthy", "degraded", "failed"]
Cause = Literal[
    "network",
    "proxy",
    "hub",
    "sign-in",
    "spawner",
    "environment",
    "kernel",
    "storage",
    "capacity",
    "certificate",
    "console",
]

SLOW: Mapping[StageName, float] = {
    "name": 2,  # a resolver that answers late makes every page late
    "proxy": 2,  # it only hands requests on; a quiet one needs milliseconds
    "hub": 3,  # three small answers; people feel anything beyond a second or two
    "sign-in": 3,  # one page and one look-up
    "spawn": 30,  # people give up on a progress bar after about half a minute
    "server": 5,  # it has just said that it is ready
    "kernel": 10,  # a cold import of ipykernel takes seconds on a busy machine
    "code": 5,  # one multiplication
    "home": 5,  # one small file; slower means a disk or a file server in trouble
    "cleanup": 20,  # servers are asked kindly first, and killed after ten seconds
}
"""Seconds above which a stage that worked still makes the hub `degraded`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as it went. `cause` is what the probe blames for a failure, when it can tell.

    A stage that worked has a cause when something beside the hub is wrong.
    """

    name: StageName
    ok: bool
    seconds: float
    detail: str = ""
    cause: Cause | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict; `cause` and `hint` are empty only for a healthy hub."""

    verdict: Verdict
    cause: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe of one hub found."""

    hub: str
    verdict: Verdict
    seconds: float
    stages: tuple[Stage, ...]
    cause: str = ""
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """The shape that `probe --json` promises for each hub."""
        return {
            "hub": self.hub,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 3),
            "stages": [stage.as_json() for stage in self.stages],
            "cause": self.cause,
            "hint": self.hint,
        }


def result(hub: str, seconds: float, stages: Sequence[Stage]) -> ProbeResult:
    """The stages with their judgement; stages that did not happen are added as failed."""
    judgement = judge(stages)
    seen = {stage.name: stage for stage in stages}
    complete = tuple(seen.get(name) or Stage(name, False, 0.0, NOT_REACHED) for name in STAGES)
    return ProbeResult(hub, judgement.verdict, seconds, complete, judgement.cause, judgement.hint)


def judge(stages: Sequence[Stage]) -> Judgement:
    """The verdict; the first stage that went wrong gives cause and hint."""
    failed = _first_failure(stages)
    if failed is not None and failed.name != "cleanup":
        return _blame("failed", failed)
    if failed is not None:
        cause = "the probe could not clean up after itself"
        return Judgement("degraded", _with_detail(cause, failed.detail), _CLEANUP_HINT)
    if tuple(stage.name for stage in stages) != STAGES:
        cause = "the stages were not seen once each and in order"
        return Judgement("failed", cause, "This is a mistake in hubfleet itself; please report it.")
    for stage in stages:
        if stage.cause is not None:
            return _blame("degraded", stage)
        # Asked this way round, a time that is no number counts as slow.
        if not 0 <= stage.seconds <= SLOW[stage.name]:
            return _slow(stage)
    return Judgement("healthy")


def _first_failure(stages: Sequence[Stage]) -> Stage | None:
    for name in STAGES:
        seen = [stage for stage in stages if stage.name == name]
        if not seen:
            return Stage(name, False, 0.0, NOT_REACHED)
        for stage in seen:
            if not stage.ok:
                return stage
    return None


def _blame(verdict: Verdict, stage: Stage) -> Judgement:
    detail = stage.detail if stage.detail != NOT_REACHED else f"{stage.name} {NOT_REACHED}"
    return Judgement(verdict, *explained(stage.cause or _USUAL_CAUSE[stage.name], detail))


def explained(cause: Cause, detail: str) -> tuple[str, str]:
    """A sentence for a cause with what was seen, and what helps."""
    words, hint = _EXPLANATIONS[cause]
    return _with_detail(f"{cause}: {words}", detail), hint


def class_of(cause: str) -> str:
    """The cause class that a judgement's sentence begins with; empty for a healthy hub.

    What the probe could not clean up is the spawner's.
    """
    word = cause.partition(":")[0]
    if word in get_args(Cause):
        return word
    return "spawner" if cause else ""


def _slow(stage: Stage) -> Judgement:
    cause = f"capacity: {stage.name} took {stage.seconds:.1f} s"
    detail = f"more than {SLOW[stage.name]:g} s is too long for people"
    return Judgement("degraded", _with_detail(cause, detail), _EXPLANATIONS["capacity"][1])


def _with_detail(cause: str, detail: str) -> str:
    return f"{cause} ({detail})" if detail else cause


_USUAL_CAUSE: Mapping[StageName, Cause] = {
    "name": "network",
    "proxy": "proxy",
    "hub": "hub",
    "sign-in": "sign-in",
    "spawn": "spawner",
    "server": "spawner",
    "kernel": "kernel",
    "code": "kernel",
    "home": "storage",
    "cleanup": "spawner",
}

_EXPLANATIONS: Mapping[Cause, tuple[str, str]] = {
    "network": (
        "the hub's name or machine cannot be reached",
        "Check the DNS record of the hub's domain, and that this machine can reach the other.",
    ),
    "proxy": (
        "the proxy in front of the hub does not answer for it",
        "See whether the proxy runs and has a route for the hub's name; a proxy that was "
        "restarted gets its routes back from the hubs.",
    ),
    "hub": (
        "the hub itself does not answer",
        "Read the hub's log (`hubfleet logs`); `hubfleet apply` starts a hub that is not running.",
    ),
    "sign-in": (
        "people or the probe cannot sign in",
        "Compare the hub's sign-in settings with the declaration; `hubfleet apply` gives the hub "
        "its tokens and roles again.",
    ),
    "spawner": (
        "the hub could not give a person a running server",
        "Read the hub's log (`hubfleet logs`) at the time of the probe: the server's own output "
        "is there.",
    ),
    "environment": (
        "the hub's software does not start",
        "Check the hub's `environment`: the kernel or its packages are missing or broken.",
    ),
    "kernel": (
        "code does not run as it should",
        "Open a notebook on the hub and look at the server's log: the kernel dies, hangs or "
        "answers wrongly.",
    ),
    "storage": (
        "people's files cannot be written and read back",
        "Check that the disk is not full, that the home folder is writable and its owner is right.",
    ),
    "capacity": (
        "there is no room for another person",
        "Look at memory, CPU and the hub's limits on servers; try again when it is quieter.",
    ),
    "certificate": (
        "browsers do not trust the hub's certificate, or soon will not",
        "Renew the certificate of the hub's domain where https ends: at the proxy in front of the "
        "hubs, or at the cluster's ingress.",
    ),
    "console": (
        "nobody new can sign in; whoever is signed in can work",
        "`hubfleet up` starts the console; `hubfleet logs console` tells why it ended.",
    ),
}

_CLEANUP_HINT = (
    "The probe's own server may still run: stop it in the hub's admin page and read the hub's log."
)
