"""Texts that can be copied for each audience, made from what is known. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubfleet.office.incidents.words import KINDS, PRIORITIES


@dataclass(frozen=True, slots=True)
class Copy:
    """For whom, and what."""

    audience: str
    text: str


def copies(
    *,
    number: int,
    title: str,
    kind: str,
    priority: str,
    state: str,
    hubs: Sequence[str],
    began: str,
    responder: str,
    next_update: str,
    channel: str,
    address: str,
) -> tuple[Copy, ...]:
    """One for the public, one for those who speak for the communities, one for the team."""
    where = ", ".join(hubs) or "the service"
    next_words = f" We will say more by {next_update}." if next_update else ""
    words = KINDS[kind]
    working = (
        "People can work again; we are watching it."
        if state == "mitigated"
        else ("We are working on it.")
    )
    public = f"Since {began}, {where} has trouble: {words}. {working}{next_words}"
    page = f"{address}/status/incidents/{number}/"
    speakers = (
        f"Dear representatives,\n\nsince {began}, {where} has trouble: {words}.\n{working}"
        f"{next_words}\nUpdates: {page}\n\nYou may pass this on to your users."
    )
    team = (
        f"[{priority}: {PRIORITIES[priority]}] incident {number}: {title}\n"
        f"State: {state}; led by {responder or 'nobody yet'}; talk in {channel or 'no channel yet'}"
        f"\nAffected: {where}\n{address}/incidents/{number}/"
    )
    return (Copy("The public", public), Copy("Representatives", speakers), Copy("The team", team))
