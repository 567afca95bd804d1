"""`hubfleet oncall`: who is woken now and next, and does a page arrive?"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.fleet.rota import Schedule, Shift

app = typer.Typer(
    name="oncall",
    cls=WholeSentences,
    help="Who is on call, by oncall.yaml, and whether pages arrive.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

RotationArgument = Annotated[
    str | None, typer.Argument(metavar="ROTATION", help="Its name; default: all.")
]
Weeks = Annotated[int, typer.Option("--weeks", min=1, max=52, help="How far to look ahead.")]
LOOK_AHEAD = timedelta(weeks=8)


@app.command("now")
def now_(
    rotation: RotationArgument = None,
    fleet: options.Fleet = None,
    as_json: options.Json = False,
) -> None:
    """Show who is on call at this moment, and until when."""
    from hubfleet.fleet.rota import shifts
    from hubfleet.kit.clock import now

    at = now()
    declared, found = _schedules(fleet, rotation, at)
    rows = [(one, shifts(one, at, at + LOOK_AHEAD)[0]) for one in found]
    if as_json:
        output.print_json({"on_call": [_as_json(declared, *row) for row in rows]})
        return
    for one, shift in rows:
        output.say(f"{one.rotation}: {_line(declared, one, shift, until=True)}")


@app.command("next")
def next_(
    rotation: RotationArgument = None,
    fleet: options.Fleet = None,
    as_json: options.Json = False,
) -> None:
    """Show who is on call after those who are now, and from when."""
    from hubfleet.fleet.rota import next_person
    from hubfleet.kit.clock import now

    at = now()
    declared, found = _schedules(fleet, rotation, at)
    rows = [(one, next_person(one, at, LOOK_AHEAD)) for one in found]
    if as_json:
        shown = [_as_json(declared, one, shift) for one, shift in rows if shift is not None]
        output.print_json({"next": shown})
        return
    for one, shift in rows:
        said = "nobody else within 8 weeks"
        if shift is not None:
            said = f"{_moment(one, shift.start)}  {_line(declared, one, shift)}"
        output.say(f"{one.rotation}: {said}")


@app.command("schedule")
def schedule(
    rotation: RotationArgument = None,
    weeks: Weeks = 4,
    fleet: options.Fleet = None,
    as_json: options.Json = False,
) -> None:
    """Show who is on call in the coming weeks, and the hours in which nobody is."""
    from hubfleet.fleet.rota import shifts
    from hubfleet.kit.clock import now

    at = now()
    declared, found = _schedules(fleet, rotation, at)
    rows = [(one, shift) for one in found for shift in shifts(one, at, at + weeks * _WEEK)]
    if as_json:
        output.print_json({"shifts": [_as_json(declared, *row) for row in rows]})
        return
    for one in found:
        output.say(f"{one.rotation} ({one.zone(one.rotation).key})")
        for schedule_, shift in rows:
            if schedule_ is one:
                output.say(f"  {_moment(one, shift.start)}  {_line(declared, one, shift)}")


_WEEK = timedelta(weeks=1)


@app.command("ics")
def ics(
    rotation: Annotated[str, typer.Argument(metavar="ROTATION", help="Its name.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write it there; default: print.")
    ] = None,
    weeks: Weeks = 12,
    fleet: options.Fleet = None,
    as_json: options.Json = False,
) -> None:
    """Write who is on call as iCalendar, for people's own calendars."""
    from hubfleet.fleet.rota import shifts
    from hubfleet.fleet.rota_calendar import calendar_of, window
    from hubfleet.kit.clock import now

    at = now()
    declared, [one] = _schedules(fleet, rotation, at)
    found = shifts(one, *window(at, weeks))
    text = calendar_of(declared, rotation, found, at).decode()
    if to is not None:
        to.write_text(text, encoding="utf-8", newline="")
    if as_json:
        place = {"file": str(to)} if to else {"calendar": text}
        output.print_json({"rotation": rotation, "shifts": len(found), **place})
    elif to is not None:
        output.say(f"{output.counted(len(found), 'shift')} in {to}")
    else:
        output.say(text.replace("\r\n", "\n").rstrip())


@app.command("test")
def test(
    priority: Annotated[
        str, typer.Option("--priority", help="P1 wakes people; P3 and P4 are mail.")
    ] = "P1",
    yes: Annotated[bool, typer.Option("--yes", help="Send it without asking.")] = False,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Send a test page to who is on call; the console delivers it, and nobody else is told."""
    from hubfleet.cli.oncall_test import send_test

    page = send_test(fleet, state, priority, yes=yes)
    if as_json:
        output.print_json(page)
        return
    output.say(f"the test page `{page['key']}` is on its way to:")
    for one in page["told"]:
        output.say(f"  {one['to']} ({one['why']})")
    output.tell("the console (`hubfleet serve`) delivers it; its page is at " + page["address"])


def _schedules(
    fleet: Path | None, rotation: str | None, at: datetime
) -> tuple[Fleet, list[Schedule]]:
    """The rotations that are asked for, with the time off that files say."""
    from hubfleet import wiring
    from hubfleet.fleet.escalation import schedules
    from hubfleet.fleet.load import load_fleet
    from hubfleet.fleet.rota import Schedule
    from hubfleet.fleet.time_off import read_files
    from hubfleet.fleet.words import nearest
    from hubfleet.kit.errors import failure

    declared = load_fleet(wiring.fleet_root(fleet))
    known = list(declared.oncall.rotations)
    if not known:
        raise failure(
            "nobody-on-call",
            "the fleet declares no rotation",
            place=str(declared.root / "oncall.yaml"),
            why=f"Pages go to {declared.service.contact} by mail.",
            hint="declare `people` and `rotations` in oncall.yaml; see the how-to on being on call",
        )
    if rotation is not None and rotation not in known:
        near = nearest(rotation, known)
        raise failure(
            "unknown-rotation",
            f"there is no rotation '{rotation}'",
            place=str(declared.root / "oncall.yaml"),
            hint=f"did you mean {near}?" if near else f"declared: {', '.join(known)}",
        )
    read, problems = read_files(declared.root, declared.oncall, at, at + timedelta(weeks=60))
    for problem in problems:
        output.tell(f"note: {problem.what}: {problem.place}. {problem.why}")
    if any(one.feed is not None for one in declared.oncall.time_off.values()):
        output.tell("note: feeds of time off are read by the console, and not counted here")
    if rotation is None:
        return declared, list(schedules(declared, read.absences))
    zone = declared.service.timezone
    return declared, [Schedule(declared.oncall, rotation, zone, read.absences)]


def _moment(schedule: Schedule, at: datetime) -> str:
    return f"{at.astimezone(schedule.zone(schedule.rotation)):%a %Y-%m-%d %H:%M}"


def _line(fleet: Fleet, schedule: Schedule, shift: Shift, *, until: bool = False) -> str:
    from hubfleet.fleet.oncall_notes import REASONS
    from hubfleet.fleet.rota_calendar import person_name

    duty = shift.duty
    said = person_name(fleet, duty.person)
    if duty.instead_of:
        said += f" instead of {person_name(fleet, duty.instead_of)}" if duty.person else ""
    if duty.note:
        said += f" ({duty.note})"
    if duty.person is None:
        said += f" ({REASONS.get(duty.reason, duty.reason)}): {fleet.service.contact} is told"
    return f"{said} until {_moment(schedule, shift.end)}" if until else said


def _as_json(fleet: Fleet, schedule: Schedule, shift: Shift) -> dict[str, Any]:
    from hubfleet.fleet.rota_calendar import person_name
    from hubfleet.kit.clock import timestamp

    duty = shift.duty
    person = fleet.oncall.people.get(duty.person or "")
    return {
        "rotation": schedule.rotation,
        "found_in": duty.rotation,
        "person": duty.person,
        "name": person_name(fleet, duty.person) if person else None,
        "email": person.email if person else None,
        "reason": duty.reason,
        "instead_of": duty.instead_of,
        "note": duty.note,
        "start": timestamp(shift.start),
        "end": timestamp(shift.end),
    }
