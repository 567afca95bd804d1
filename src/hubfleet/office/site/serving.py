"""The server: uvicorn, one process, with what must be in front of Django.

In this order from outside: static files, a limit on how much may be sent, the threads to
work in, Django.
"""

from __future__ import annotations

import asyncio
import logging
import logging.config
import signal
import socket
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM
from typing import Any, cast

import uvicorn

from hubfleet.kit.errors import failure
from hubfleet.office.console import live
from hubfleet.office.site import lanes, static_files
from hubfleet.office.site.handler import InOneThread
from hubfleet.office.site.static_files import Application, Receive, Scope, Send

MOST_BYTES = 4 * 1024 * 1024
_PATIENCE = 5
"""Seconds for which what is too much is read and thrown away."""
"""More than this is not read from a request; forms and API calls are far smaller."""

SHUTDOWN = 5
"""Seconds that requests under way have to end."""


def serve(
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    verbose: bool = False,
    schedules: bool = True,
) -> None:
    """Serve until a signal ends it; `ready` is called once requests are taken.

    Without `schedules` what is due is left to others: another console, or `hubfleet run-due`.
    """
    # Tables are behind these: they can be imported once Django is set up.
    from hubfleet.office.schedules.lease import Lease
    from hubfleet.office.site import loops

    set_up_logging(verbose=verbose)
    static_files.gather()
    config = uvicorn.Config(
        application(),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=20,
        timeout_graceful_shutdown=SHUTDOWN,
        backlog=1024,
    )
    server = _Server(config, ready)
    lease = Lease() if schedules else None
    with loops.running(loops.known(lease), lease):
        server.run([listener])


class _Server(uvicorn.Server):
    """Tells when it takes requests, and ends event streams when it is told to end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Like uvicorn's, but a signal that ended the server does not kill the process too: what
        comes after serving (loops, connections) is ended in order.
        """
        before = {one: signal.signal(one, self.handle_exit) for one in (SIGINT, SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await asyncio.to_thread(self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        live.close_all()
        await super().shutdown(sockets)


def application() -> Application:
    """Everything that answers requests; Django must be set up."""
    django = lanes.in_lanes(cast("Application", InOneThread()))
    return static_files.with_static_files(limited(django))


def limited(application: Application, most: int = MOST_BYTES) -> Application:
    """Refuses what is larger than `most`, before it is stored anywhere."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            await _discard(receive)
            await _too_much(send)
            return
        taken = 0
        cut = False
        ended = False

        async def counted() -> MutableMapping[str, Any]:
            nonlocal taken, cut, ended
            message = await receive()
            ended = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > most:
                cut = True
                return {"type": "http.disconnect"}
            return message

        began = False

        async def noticed(message: MutableMapping[str, Any]) -> None:
            nonlocal began
            began = True
            await send(message)

        await application(scope, counted, noticed)
        if cut and not began:
            if not ended:
                await _discard(receive)
            await _too_much(send)

    return guard


async def _discard(receive: Receive) -> None:
    """Throw away what still comes, for a while: who is cut off while sending reads no answer."""
    thrown = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while thrown < 16 * MOST_BYTES:
                message = await receive()
                thrown += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


async def _too_much(send: Send) -> None:
    body = b"too much was sent: at most 4 MB are taken\n"
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises `port-taken` and `address-not-here`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Also found out here: two servers may both have bound before one of them listens.
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise failure(
            "console-cannot-listen",
            f"the console cannot listen on {host}:{port}",
            why=error.strerror or str(error),
            hint="another console may be running there (`hubfleet status` shows it); "
            "choose another address with --bind HOST:PORT",
        ) from None
    listener.set_inheritable(False)
    return listener


def set_up_logging(*, verbose: bool) -> None:
    """Our own words and what went wrong, on stderr; no request is logged line by line."""
    level = "DEBUG" if verbose else "INFO"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "hubfleet": {"level": level},
                # An unknown host name or a form from elsewhere is somebody else's mistake.
                "django.security": {"level": "ERROR"},
                "django.request": {"level": "ERROR"},
                "uvicorn.error": {"level": "WARNING"},
            },
        }
    )
