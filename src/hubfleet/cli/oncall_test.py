"""Sending a test page: through the same door and tables as a real one."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hubfleet.kit.errors import failure

if TYPE_CHECKING:
    from hubfleet.fleet.escalation import Told
    from hubfleet.fleet.model import Fleet


def send_test(
    fleet: Path | None, state: Path | None, priority: str, *, yes: bool
) -> dict[str, Any]:
    """Ask, then write the page; who will be told by the step that is due."""
    from hubfleet.cli.serve import open_office, prepare
    from hubfleet.office.site.installed import require_office

    if priority not in ("P1", "P2", "P3", "P4"):
        raise failure(
            "unknown-priority",
            f"there is no priority '{priority}'",
            hint="write P1, P2, P3 or P4",
        )
    require_office()
    desk, launch, _ = prepare(fleet, state, None, 0)
    open_office(desk, launch)
    from django.db import connections

    try:
        told = _first(desk.fleet(), priority)
        _ask(told, yes=yes)
        key, address = _send(priority)
    finally:
        connections.close_all()
    shown = [{"kind": one.kind, "to": one.to, "why": one.why} for one in told]
    return {"key": key, "priority": priority, "told": shown, "address": address}


def _first(fleet: Fleet, priority: str) -> list[Told]:
    from hubfleet.fleet.escalation import planned_steps, whom
    from hubfleet.kit.clock import now
    from hubfleet.office.oncall import absences

    at = now()
    off = absences.known(fleet, at)
    steps = planned_steps(fleet, "", priority)  # type: ignore[arg-type]
    due = [step for step in steps if step.after == steps[0].after]
    return [told for step in due for told in whom(fleet, "", step, at, off)]


def _ask(told: list[Told], *, yes: bool) -> None:
    if yes:
        return
    names = ", ".join(one.to for one in told)
    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            "nobody is there to confirm the test page",
            why=f"It tells {names}.",
            hint="add --yes to send it all the same",
        )
    if not typer.confirm(f"Send a test page to {names}?", err=True):
        raise typer.Exit(1)


def _send(priority: str) -> tuple[str, str]:
    from django.db import transaction

    from hubfleet.kit.clock import now
    from hubfleet.office.audit.record import Actor, record
    from hubfleet.office.oncall import paging
    from hubfleet.office.oncall.letters import address_of
    from hubfleet.office.oncall.models import Page

    who = getpass.getuser()
    key = f"{paging.TEST}{now():%Y%m%dT%H%M%S%f}"
    with transaction.atomic():
        paging.page(
            key,
            hub="",
            community="",
            priority=priority,
            summary=f"Test page of {who}: nothing is wrong",
            text="It shows whether pages arrive. Acknowledge it, and it ends.",
            url="",
        )
        record(Actor(login=who, through="cli"), "test-page", what=f"sent the page `{key}`")
        made = Page.objects.get(key=key)
    return key, address_of(made)
