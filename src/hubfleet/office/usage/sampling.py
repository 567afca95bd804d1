"""One round: every declared hub is read, a few at once, and what is new is stored hub by hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.meters.samples import HubSample, Since, SpawnCounters
from hubfleet.office.accounts.models import StaffRole
from hubfleet.office.ports import desk
from hubfleet.office.usage import adding, forgetting, keeping
from hubfleet.office.usage.hashing import one_spelling
from hubfleet.office.usage.keys import keyring
from hubfleet.office.usage.models import Reading

AT_ONCE = 8
"""Hubs that are asked at the same time."""

TOO_SOON = timedelta(seconds=5)
"""A hub that somebody read just now is left alone."""


def work() -> None:
    """What is due every minute; safe to be called by several processes at once."""
    fleet = desk().fleet()
    try:
        if fleet.service.use.measure:
            sample(fleet)
    finally:
        # What was promised to go goes, whatever is wrong with reading.
        forgetting.forget_what_is_due(fleet.service.use, now())


def sample(fleet: Fleet) -> None:
    """Read every declared hub now."""
    known = {row.hub: row for row in Reading.objects.all()}
    keeping.end_sessions_of_removed(fleet.hubs)
    left_out = {PROBE_USER, *map(one_spelling, fleet.service.use.staff), *staff_logins()}
    ring = keyring()
    kept = forgetting.kept_from(fleet.service.use, now())
    bugs: list[Exception] = []
    for name, found in _read(fleet, known):
        # Whatever is wrong with one hub, the others are read and kept.
        try:
            if isinstance(found, Problem):
                keeping.note_trouble(name, found)
            elif isinstance(found, HubSample):
                keeping.keep(found, known.get(name), ring, left_out, kept)
            else:
                bugs.append(found)
        except Exception as error:
            bugs.append(error)
    adding.keep_peaks(list(fleet.hubs))
    if bugs:
        raise bugs[0]


def staff_logins() -> set[str]:
    """The accounts with a staff role, as hubs spell them."""
    logins = StaffRole.objects.values_list("person__login", flat=True)
    return {one_spelling(login) for login in logins}


def _read(
    fleet: Fleet, known: Mapping[str, Reading]
) -> Iterator[tuple[str, HubSample | Problem | Exception]]:
    """Threads ask hubs and touch no table; this thread keeps what they say."""

    def read(name: str) -> HubSample | Problem | Exception:
        try:
            return desk().sample(name, since_of(known.get(name)))
        except HubfleetError as error:
            return error.problems[0]
        except Exception as error:
            return error

    fresh = now() - TOO_SOON
    names = [
        name
        for name in sorted(fleet.hubs)
        if not ((row := known.get(name)) and row.at and row.at > fresh)
    ]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="meter") as pool:
        yield from zip(names, pool.map(read, names), strict=True)


def since_of(row: Reading | None) -> Since | None:
    """The last reading, as the meter wants it."""
    if row is None or row.at is None:
        return None
    return Since(row.at, SpawnCounters.from_json(row.spawns) if row.spawns else None)
