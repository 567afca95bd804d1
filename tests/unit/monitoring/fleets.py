"""Fleets to watch, with a machine that is the same everywhere."""

from __future__ import annotations

from pathlib import Path

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet
from hubfleet.monitoring.watched import Places, Watched, watch

EXAMPLES = Path(__file__).parents[3] / "examples"


def token_file(hub: str, local: bool) -> str:
    return f"/state/hubs/{hub}/metrics-token" if local else f"/tokens/{hub}"


PLACES = Places("http://127.0.0.1:8000", "6.1.1", token_file)


def watched(fleet: Fleet | str, places: Places = PLACES) -> Watched:
    """A fleet, or an example by its name, as a monitoring system sees it."""
    return watch(load_fleet(EXAMPLES / fleet) if isinstance(fleet, str) else fleet, places)
