"""Probes that somebody asked for: a few at once, in the background, kept in the table."""

from __future__ import annotations

import logging
from threading import BoundedSemaphore, Lock, Thread

from django.db import connections

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ports import desk
from hubfleet.office.watching.models import ProbeRecord
from hubfleet.probes.verdict import ProbeResult

log = logging.getLogger("hubfleet.console")

AT_ONCE = 2
_lock = Lock()
_under_way: set[str] = set()
_places = BoundedSemaphore(AT_ONCE)


def under_way(hub: str) -> bool:
    """Whether a probe of the hub was asked for here and has not ended."""
    return hub in _under_way


def ask_for(hub: str, asked_by: str) -> bool:
    """Probe the hub soon; False when that is under way already."""
    with _lock:
        if hub in _under_way:
            return False
        _under_way.add(hub)
    # A daemon: a console that is told to end does not wait for a probe.
    Thread(target=_probe, args=(hub, asked_by), name=f"probe of {hub}", daemon=True).start()
    return True


def _probe(hub: str, asked_by: str) -> None:
    try:
        with _places:
            for result in desk().probe([hub]):
                keep(result, asked_by)
    except HubfleetError as error:
        problem = error.problems[0]
        keep(ProbeResult(hub, "failed", 0.0, (), problem.what, problem.hint), asked_by)
    except Exception:
        log.exception("the probe of %s broke", hub)
    finally:
        _under_way.discard(hub)
        connections.close_all()


def keep(result: ProbeResult, asked_by: str = "") -> ProbeRecord:
    """Write one result down."""
    return ProbeRecord.objects.create(
        hub=result.hub,
        verdict=result.verdict,
        seconds=result.seconds,
        stages=[stage.as_json() for stage in result.stages],
        cause=result.cause,
        hint=result.hint,
        asked_by=asked_by,
    )
