"""A plan in words for people and as JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from hubfleet.kit.errors import Problem
from hubfleet.planning.plan import Plan
from hubfleet.planning.schedule import Schedule
from hubfleet.planning.steps import (
    CreateHub,
    RemoveHub,
    StartHub,
    Step,
    UpdateHub,
    action,
    cluster_name,
    hub_name,
)


def plan_as_json(
    plan: Plan, refusals: Iterable[Problem] = (), schedule: Schedule | None = None
) -> dict[str, Any]:
    """`{"fingerprint", "steps": [{"hub", "action", "reasons": [...]}], "refusals": [...]}`.

    With a schedule also `"waves": [{"wave", "hubs": [{"hub", "gates", "why"}]}]` and `"checks"`,
    the gates outside of the plan.
    """
    timed = {} if schedule is None else schedule_as_json(schedule)
    return {
        **timed,
        "fingerprint": plan.fingerprint,
        "steps": [step_as_json(step) for step in plan.steps],
        "refusals": [problem.as_json() for problem in refusals],
    }


def schedule_as_json(schedule: Schedule) -> dict[str, Any]:
    """The waves in the order in which they begin."""
    waves: list[dict[str, Any]] = [{"wave": title, "hubs": []} for title in schedule.waves]
    for item in schedule.steps:
        why = schedule.why_it_waits(item)
        waves[item.wave]["hubs"].append({"hub": item.hub, "gates": list(item.gates), "why": why})
    return {"waves": waves, "checks": list(schedule.checks)}


def step_as_json(step: Step) -> dict[str, Any]:
    """One step with its reasons."""
    return {
        "hub": hub_name(step),
        "cluster": cluster_name(step),
        "action": action(step),
        "reasons": [reason.as_json() for reason in step.reasons],
    }


def explain(step: Step) -> str:
    """The step as one sentence without its reasons."""
    match step:
        case CreateHub(hub):
            return f"create {hub.name} on {hub.cluster} ({hub.stage})"
        case UpdateHub(hub):
            return f"update {hub.name} on {hub.cluster} ({hub.stage})"
        case StartHub(hub):
            return f"start {hub.name} on {hub.cluster} ({hub.stage})"
        case RemoveHub(name, cluster):
            return f"remove {name} from {cluster}; people's files are kept"
        case _:
            assert_never(step)


def summary(plan: Plan) -> str:
    """How much the plan does, such as `2 to create, 1 to update`."""
    counts = [
        (plan.count(CreateHub), "to create"),
        (plan.count(UpdateHub), "to update"),
        (plan.count(StartHub), "to start"),
        (plan.count(RemoveHub), "to remove"),
    ]
    said = [f"{count} {words}" for count, words in counts if count]
    return ", ".join(said) or "nothing to do: every hub is as declared"
