"""What a program inside a pod writes, piece by piece as it comes, with bounded memory.

A thread of its own reads the connection and waits while nobody takes what it has: the program in
the pod then waits, too. By lightkube's async client alone, for the reason that `api` gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx2
from lightkube.core.generic_client import BasicRequest
from lightkube.core.websocket import (
    STDOUT_CHANNEL,
    AsyncWebsocketDriver,
    ExecAccumulator,
    unwrap_exception_group,
)
from lightkube.types import ExecResponse

_LARGEST_MESSAGE = 1 << 20
_AHEAD = 16
"""Messages that may wait to be taken; the protocol's are 32 KiB large."""

_QUIET = 300.0
"""Seconds for which a program may write nothing."""

_MOST_ERRORS = 1 << 23


class _Errors:
    """The channel of errors, as far as anybody would read it."""

    def __init__(self) -> None:
        self.text = bytearray()

    def write(self, data: bytes) -> None:
        self.text += data[: _MOST_ERRORS - len(self.text)]

    def __bool__(self) -> bool:
        return True


class PodStream:
    """One program's output. `client` makes a client for the thread."""

    def __init__(self, client: Callable[[], httpx2.AsyncClient], request: BasicRequest) -> None:
        self._client = client
        self._request = request
        self._items: SimpleQueue[Any] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._room = asyncio.Semaphore(_AHEAD)
        self._task: asyncio.Task[None] | None = None
        self.errors = b""

    def pieces(self) -> Generator[bytes | int]:
        """Pieces of the output, and the program's exit code in the end; raises what broke it."""
        thread = Thread(target=self._work, daemon=True)
        thread.start()
        try:
            while True:
                item = self._items.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
                if isinstance(item, int):
                    return
                self._soon(self._room.release)
        finally:
            self._soon(self._cancel)
            thread.join()

    def _soon(self, act: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(act)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _work(self) -> None:
        try:
            self._task = self._loop.create_task(self._read())
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # told to the side that waits
            self._items.put(unwrap_exception_group(error))
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _read(self) -> None:
        request, errors = self._request, _Errors()
        heard = ExecAccumulator(stdout=False, stderr=errors, raise_on_error=False, decode=None)  # type: ignore[arg-type]
        async with (
            self._client() as client,
            # Answers to pings stand behind what nobody has taken yet: a slow disk is no broken
            # connection, and a quiet one is noticed below.
            client.websocket(
                request.url,
                subprotocols=AsyncWebsocketDriver.PROTOCOLS,
                params=request.params,
                max_message_size_bytes=_LARGEST_MESSAGE,
                keepalive_ping_interval_seconds=None,
            ) as connection,
        ):
            ended: ExecResponse | None = None
            while ended is None:
                message = await connection.receive_bytes(timeout=_QUIET)
                channel, data = message[0], message[1:]
                if channel == STDOUT_CHANNEL:
                    await self._room.acquire()
                    self._items.put(data)
                else:
                    ended = heard.feed(channel, data)
        self.errors = bytes(errors.text)
        self._items.put(ended.exit_code)
