"""The threads that Django works in: a few, kept, each with its database connection.

Django would start a thread for every request, and open the database in it: that costs as much as
many a page, and when fifty ask at once fifty threads hinder each other. Here a request waits for
one of a few lanes. What is slow (a hub that is asked, a writer who waits) must not hold up who only
reads: who has waited for `PATIENCE` gets a lane of their own, up to `MOST`.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.core.signals import request_started
from django.db import connection

from hubfleet.office.site.static_files import Application, Receive, Scope, Send

FEW = 4
MOST = 48
PATIENCE = 0.5
"""Seconds; a page takes a hundredth of one."""


class Lanes:
    """Those that are free, the one used last on top: its memory is warm."""

    def __init__(self) -> None:
        self._free: asyncio.LifoQueue[Executor] = asyncio.LifoQueue()
        self._made = 0

    async def take(self) -> Executor:
        if self._free.empty() and self._made < FEW:
            return self._make()
        try:
            return await asyncio.wait_for(self._free.get(), PATIENCE)
        except TimeoutError:
            return self._make() if self._made < MOST else await self._free.get()

    def give_back(self, lane: Executor) -> None:
        self._free.put_nowait(lane)

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
