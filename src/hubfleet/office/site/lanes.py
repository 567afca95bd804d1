"""The threads that Django works in: a few, kept, each with its database connection.

Django would start a thread for every request, and open the database in it: that costs as much as
many a page, and when fifty ask at once fifty threads hinder each other. Here a request waits for
one of a few lanes, first come, first served. What is slow (a hub that is asked, a writer who waits)
must not hold up who only reads: a lane that has been taken for `PATIENCE` counts as slow, and
another one takes its place, up to `MOST`. That many wait is no reason for another lane: where all
of them go on quickly, more would only hinder each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import MutableMapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.core.signals import request_started
from django.db import connection

from hubfleet.office.site.static_files import Application, Receive, Scope, Send

FEW = 2
"""Python runs one thread at a time: a second one fills the gaps in which the first waits."""
MOST = 48
PATIENCE = 0.25
"""Seconds; a page takes a twentieth of it."""


class Lanes:
    """Those that are free, the one used last on top: its memory is warm.

    A lane goes from who gives it back straight to who has waited longest. Belongs to one event
    loop.
    """

    def __init__(self) -> None:
        self._free: list[Executor] = []
        self._taken: dict[Executor, float] = {}
        self._waiting: deque[asyncio.Future[Executor]] = deque()
        self._made = 0
        self._watching = False

    async def take(self) -> Executor:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._serve()
        if not turn.done():
            self._watch()
        try:
            lane: Executor = await turn
        except asyncio.CancelledError:
            # Who went away while waiting leaves the lane that was just handed over.
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise
        return lane

    def give_back(self, lane: Executor) -> None:
        del self._taken[lane]
        self._free.append(lane)
        self._serve()

    def _serve(self) -> None:
        """Hand out what may be handed out."""
        while self._waiting and self._room():
            turn = self._waiting.popleft()
            if not turn.done():
                lane = self._free.pop() if self._free else self._make()
                self._taken[lane] = monotonic()
                turn.set_result(lane)

    def _room(self) -> bool:
        lately = monotonic() - PATIENCE
        quick = sum(since > lately for since in self._taken.values())
        return quick < FEW and (bool(self._free) or self._made < MOST)

    def _watch(self) -> None:
        """While somebody waits, see again and again which lanes have become slow."""
        if not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(PATIENCE / 2, self._look)

    def _look(self) -> None:
        self._watching = False
        self._serve()
        if self._waiting:
            self._watch()

    def _make(self) -> Executor:
        self._made += 1
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"lane-{self._made}")


class _Borrowed(Executor):
    """The lane of one request. What Django still closes after its answer is done there, too."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._lane: Executor | None = None
        self._held = False

    async def take(self) -> None:
        self._lane, self._held = await self._lanes.take(), True

    def give_back(self) -> None:
        if self._held and self._lane is not None:
            self._lanes.give_back(self._lane)
        self._held = False

    def submit(self, work: Any, /, *words: Any, **named: Any) -> Future[Any]:
        assert self._lane is not None, "Django works once a request is there as a whole"
        return self._lane.submit(work, *words, **named)


def in_lanes(application: Application) -> Application:
    """The application, each of whose requests has a lane from its last byte to its answer's first.

    So whoever sends slowly, reads slowly or follows an event stream holds none.
    """
    lanes = Lanes()
    request_started.connect(forget_another_file, dispatch_uid="hubfleet-lanes")

    async def drive(scope: Scope, receive: Receive, send: Send) -> None:
        lane = _Borrowed(lanes)
        whole = False

        async def received() -> MutableMapping[str, Any]:
            nonlocal whole
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body") and not whole:
                whole = True
                await lane.take()
            return message

        async def noticed(message: MutableMapping[str, Any]) -> None:
            lane.give_back()
            await send(message)

        try:
            async with ThreadSensitiveContext(executor=lane):
                await application(scope, received, noticed)
        finally:
            lane.give_back()

    return drive


_files: dict[int, tuple[int, int]] = {}


def forget_another_file(**_more: Any) -> None:
    """A kept connection to a database file that was replaced would read and write the old one."""
    if connection.vendor != "sqlite" or connection.connection is None:
        return
    try:
        found = Path(str(connection.settings_dict["NAME"])).stat()
        now = (found.st_dev, found.st_ino)
    except OSError:
        now = (0, 0)
    if _files.setdefault(id(connection.connection), now) != now or now == (0, 0):
        _files.pop(id(connection.connection), None)
        connection.close()
