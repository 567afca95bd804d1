"""What is wrong with the declared checks, beyond single values."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet.fleet.monitoring import Checks
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem
from hubfleet.kit.units import parse_duration


def checks_problems(checks: Checks, document: Document) -> Iterator[Problem]:
    """Times in which nothing can be checked or kept."""
    for name in ("light", "retry", "path", "keep"):
        if parse_duration(getattr(checks, name)) == 0:
            yield Problem(
                "checks-without-time",
                f"`{name}: 0s` is no time at all",
                document.place(("service", "checks", name)),
                "The console would check without a pause, or keep nothing of what it saw.",
                f"write a second or more, such as {name}: {Checks.model_fields[name].default}",
            )
