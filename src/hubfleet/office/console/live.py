"""Event streams that are open: so that the server can end them when it is told to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST = 200
"""Streams at once; further ones are told to ask again later."""
MOST_OF_ONE = 20
"""Of one person: windows of a browser, and nobody takes them all."""

_open: dict[asyncio.Event, str] = {}


def count() -> int:
    return len(_open)


def full(whose: str) -> bool:
    """Whether this person gets no further one now."""
    return len(_open) >= MOST or list(_open.values()).count(whose) >= MOST_OF_ONE


@asynccontextmanager
async def stream(whose: str) -> AsyncIterator[asyncio.Event]:
    """For as long as a stream is open; the event is set when it has to end."""
    ending = asyncio.Event()
    _open[ending] = whose
    try:
        yield ending
    finally:
        _open.pop(ending, None)


def close_all() -> None:
    """Called from the event loop."""
    for ending in list(_open):
        ending.set()
