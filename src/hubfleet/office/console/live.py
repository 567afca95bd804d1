"""Event streams that are open: so that the server can end them when it is told to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST = 200
"""Streams at once; further ones are told to ask again later."""

_open: set[asyncio.Event] = set()


def count() -> int:
    return len(_open)


def full() -> bool:
    return len(_open) >= MOST


@asynccontextmanager
async def stream() -> AsyncIterator[asyncio.Event]:
    """For as long as a stream is open; the event is set when it has to end."""
    ending = asyncio.Event()
    _open.add(ending)
    try:
        yield ending
    finally:
        _open.discard(ending)


def close_all() -> None:
    """Called from the event loop."""
    for ending in list(_open):
        ending.set()
