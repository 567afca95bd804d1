"""What the model of `oncall.yaml` cannot say: names that name nothing, times that cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from hubfleet.fleet.oncall import CONTACT, ONCALL_FILE, OnCallFile
from hubfleet.fleet.rota import instant
from hubfleet.fleet.secrets.secret import Secret
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document, KeyPath
from hubfleet.kit.errors import Problem


def oncall_problems(file: OnCallFile, document: Document, timezone: str) -> Iterator[Problem]:
    """What is wrong between the keys; `timezone` is the service's."""
    zones = list(_zones(file, document))
    yield from zones
    yield from _words(file, document)
    yield from _rotations(file, document)
    if not zones:
        yield from _overrides(file, document, timezone)
    yield from _time_off(file, document)
    yield from _steps(file, document)
    yield from _plain_secrets(file, document)


def _zones(file: OnCallFile, document: Document) -> Iterator[Problem]:
    zones: list[tuple[KeyPath, str]] = [
        (("people", word, "timezone"), person.timezone) for word, person in file.people.items()
    ]
    zones += [
        (("rotations", word, "timezone"), rotation.timezone)
        for word, rotation in file.rotations.items()
        if rotation.timezone
    ]
    for path, name in zones:
        try:
            ZoneInfo(name)
        except (OSError, ValueError, KeyError):
            yield Problem(
                "unknown-timezone",
                f"there is no time zone `{name}`",
                document.place(path),
                hint="write an IANA name such as Europe/Berlin, or UTC",
            )


def _words(file: OnCallFile, document: Document) -> Iterator[Problem]:
    """A step names one thing: rotations, people and services share their words."""
    known: dict[str, str] = {CONTACT: "the operator's contact"}
    for key, names in (
        ("rotations", file.rotations),
        ("people", file.people),
        ("pagerduty", file.pagerduty),
    ):
        for name in names:
            if name in known:
                yield Problem(
                    "duplicate-oncall-name",
                    f"`{name}` means two things",
                    document.place((key, name)),
                    f"It is {known[name]} too; a step of the escalation could mean either.",
                    "choose another word",
                )
            known.setdefault(name, f"a name under `{key}`")


def _rotations(file: OnCallFile, document: Document) -> Iterator[Problem]:
    for name, rotation in file.rotations.items():
        for index, person in enumerate(rotation.people):
            if person not in file.people:
                yield _unknown(person, document, ("rotations", name, "people", index), file.people)
        if rotation.otherwise is None:
            continue
        path: KeyPath = ("rotations", name, "otherwise")
        if rotation.otherwise not in file.rotations:
            yield _unknown(rotation.otherwise, document, path, file.rotations, "rotation")
        elif rotation.hours is None:
            yield Problem(
                "otherwise-never",
                "`otherwise` never counts here",
                document.place(path),
                f"`{name}` has no `hours`, so somebody of it is on call at any time.",
                "add `hours`, or remove `otherwise`",
            )


def _overrides(file: OnCallFile, document: Document, timezone: str) -> Iterator[Problem]:
    for index, one in enumerate(file.overrides):
        if one.person not in file.people:
            yield _unknown(one.person, document, ("overrides", index, "person"), file.people)
        rotation = file.rotations.get(one.rotation)
        if rotation is None:
            path = ("overrides", index, "rotation")
            yield _unknown(one.rotation, document, path, file.rotations, "rotation")
            continue
        zone = ZoneInfo(rotation.timezone or timezone)
        if instant(one.end, zone) <= instant(one.start, zone):
            yield Problem(
                "override-ends-early",
                "the override ends before it begins",
                document.place(("overrides", index, "end")),
                hint="write an `end` that is after `start`",
            )


def _time_off(file: OnCallFile, document: Document) -> Iterator[Problem]:
    for name, one in file.time_off.items():
        place = document.place(("time_off", name))
        if (one.file is None) == (one.feed is None):
            yield Problem(
                "which-calendar",
                f"`{name}` needs either `file` or `feed`",
                place,
                hint="name a file in the fleet's folder, or an https address",
            )
        elif one.file is not None and (
            PurePosixPath(one.file).is_absolute() or ".." in PurePosixPath(one.file).parts
        ):
            yield Problem(
                "calendar-outside",
                f"`{one.file}` is not in the fleet's folder",
                place,
                hint="copy the calendar into the fleet's folder",
            )
        elif isinstance(one.feed, str) and not one.feed.startswith("https://"):
            yield Problem(
                "calendar-not-https",
                "a calendar is read over https only",
                place,
                "Whoever changed it on the way would decide who is woken.",
                "write an address that begins with https://",
            )


def _steps(file: OnCallFile, document: Document) -> Iterator[Problem]:
    known = [CONTACT, *file.rotations, *file.people, *file.pagerduty]
    for priority, steps in file.escalation.items():
        for index, step in enumerate(steps):
            path: KeyPath = ("escalation", priority, index, "to")
            if step.to not in known:
                yield _unknown(step.to, document, path, known, "rotation, person or service")


def _plain_secrets(file: OnCallFile, document: Document) -> Iterator[Problem]:
    """Those whose keys do not say that they are secrets; `findings` tells of the others."""
    found: list[tuple[KeyPath, object]] = [
        (("people", word, "channels", name), value)
        for word, person in file.people.items()
        for name, value in person.channels.items()
    ]
    found += [
        (("pagerduty", word, "routing_key"), one.routing_key)
        for word, one in file.pagerduty.items()
    ]
    for path, value in found:
        if value is not None and not isinstance(value, Secret):
            key = ".".join(map(str, path))
            yield Problem(
                "secret-in-plain-file",
                f"`{key}` stands in a plain file",
                document.place(path),
                "Whoever can read the fleet could read it.",
                f"remove it, then run `hubfleet secret set {ONCALL_FILE} {key}`",
            )


def _unknown(
    name: str, document: Document, path: KeyPath, known: Iterable[str], what: str = "person"
) -> Problem:
    near = nearest(name, list(known))
    listed = ", ".join(known)
    return Problem(
        "unknown-oncall-name",
        f"there is no {what} `{name}` in {ONCALL_FILE}",
        document.place(path),
        hint=f"did you mean `{near}`?"
        if near
        else f"known: {listed}"
        if listed
        else "add it first",
    )
