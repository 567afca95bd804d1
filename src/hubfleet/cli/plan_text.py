"""A plan in words, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from hubfleet.cli.output import stdout_console
from hubfleet.planning.explain import explain, summary
from hubfleet.planning.plan import Plan
from hubfleet.planning.schedule import Schedule
from hubfleet.planning.steps import Action, CreateHub, Reason, RemoveHub, Step, action
from hubfleet.planning.wording import changes, shown

_SIGNS: dict[Action, tuple[str, str]] = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "start": ("^", "cyan"),
    "remove": ("-", "red"),
}


def print_plan(
    plan: Plan,
    schedule: Schedule | None = None,
    people: Mapping[str, Sequence[str]] = {},
    drain: str = "",
) -> None:
    """Every step with its reasons, then the waves, the sum and the fingerprint.

    `people` are those who work on hubs that would be removed, `drain` the time that they get.
    """
    console = stdout_console()
    for step in plan.steps:
        sign, colour = _SIGNS[action(step)]
        console.print(Text(f"{sign} {explain(step)}", style=colour))
        for line in _reason_lines(step):
            console.print(Text(f"    {line}"))
        if isinstance(step, RemoveHub) and people.get(step.name):
            names = people[step.name]
            told = f"; they are told and may go on for {drain}" if drain else ""
            console.print(Text(f"    {len(names)} work there now: {', '.join(names)}{told}"))
    if plan.steps:
        console.print()
    if schedule:
        for line in _schedule_lines(schedule):
            console.print(Text(line))
    console.print(Text(f"{summary(plan)}", style="bold"))
    if plan.steps:
        console.print(Text(f"fingerprint {plan.fingerprint}"))


def _schedule_lines(schedule: Schedule) -> Iterator[str]:
    """The waves as they will run; nothing for a plan whose steps wait for nothing."""
    if len(schedule.waves) < 2 and not schedule.gates:
        return
    if schedule.checks:
        yield f"first, probe {', '.join(schedule.checks)}: gates that the plan does not change"
    for number, title in enumerate(schedule.waves):
        items = [item for item in schedule.steps if item.wave == number]
        yield f"{'then' if number else 'first'}, {title}: {len(items)} of {len(schedule.steps)}"
        for item in items:
            gates = f"  behind {', '.join(item.gates)}" if item.gates else ""
            yield f"    {item.hub}{gates}"
    yield ""


def _reason_lines(step: Step) -> Iterator[str]:
    reasons = step.reasons
    if isinstance(step, CreateHub):
        # Only what the hub's own file says: the layers below are the same for every hub.
        reasons = tuple(reason for reason in reasons if _own(step, reason))
    width = max((len(reason.key) for reason in reasons), default=0)
    for reason in reasons:
        created = isinstance(step, CreateHub)
        lines = [shown(reason.new)] if created else changes(reason.old, reason.new)
        place = f"   ({reason.place})" if reason.place else ""
        for number, line in enumerate(lines):
            key = "" if number else reason.key
            yield f"{key:<{width}}  {line}{'' if number else place}"


def _own(step: CreateHub, reason: Reason) -> bool:
    return reason.place is not None and reason.place.file == step.hub.place.file
