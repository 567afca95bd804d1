"""A request goes from its first middleware to its answer without changing threads."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from hubfleet.office.site import lanes
from hubfleet.office.site.handler import InOneThread

pytestmark = pytest.mark.integration

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "path": "/healthz",
    "raw_path": b"/healthz",
    "query_string": b"",
    "root_path": "",
    "scheme": "http",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 4242),
    "server": ("127.0.0.1", 8010),
    "extensions": {},
}


async def answered(application: Any) -> int:
    """The status of the answer to one request."""
    asked = False
    gone = asyncio.Event()
    status: list[int] = []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await gone.wait()
            return {"type": "http.disconnect"}
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    await application(SCOPE, receive, send)
    return status[0]


def test_the_way_to_a_response_is_one_piece_of_work(console, monkeypatch) -> None:
    pieces: list[str] = []
    real = lanes._Borrowed.submit

    def counted(self: Any, work: Any, /, *words: Any, **named: Any) -> Any:
        pieces.append(repr(work))
        return real(self, work, *words, **named)

    monkeypatch.setattr(lanes._Borrowed, "submit", counted)
    application = lanes.in_lanes(cast("Any", InOneThread()))
    assert asyncio.run(answered(application)) == 200
    # The signal before it, the whole chain with the view, and the closing after it.
    assert len(pieces) == 3
