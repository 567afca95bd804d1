"""A plan in words, for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from hubfleet.cli.output import in_short, stdout_console
from hubfleet.planning.explain import explain, summary
from hubfleet.planning.plan import Plan
from hubfleet.planning.steps import Action, CreateHub, Reason, Step, action

_SIGNS: dict[Action, tuple[str, str]] = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "start": ("^", "cyan"),
    "remove": ("-", "red"),
}


def print_plan(plan: Plan) -> None:
    """Every step with its reasons, then the sum and the fingerprint."""
    console = stdout_console()
    for step in plan.steps:
        sign, colour = _SIGNS[action(step)]
        console.print(Text(f"{sign} {explain(step)}", style=colour))
        for line in _reason_lines(step):
            console.print(Text(f"    {line}"))
    if plan.steps:
        console.print()
    console.print(Text(f"{summary(plan)}", style="bold"))
    if plan.steps:
        console.print(Text(f"fingerprint {plan.fingerprint}"))


def _reason_lines(step: Step) -> Iterator[str]:
    reasons = step.reasons
    if isinstance(step, CreateHub):
        # Only what the hub's own file says: the layers below are the same for every hub.
        reasons = tuple(reason for reason in reasons if _own(step, reason))
    width = max((len(reason.key) for reason in reasons), default=0)
    for reason in reasons:
        change = in_short(reason.new)
        if not isinstance(step, CreateHub):
            change = f"{in_short(reason.old)} -> {change}"
        place = f"   ({reason.place})" if reason.place else ""
        yield f"{reason.key:<{width}}  {change}{place}"


def _own(step: CreateHub, reason: Reason) -> bool:
    return reason.place is not None and reason.place.file == step.hub.place.file
