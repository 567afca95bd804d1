"""Static files: gathered once into the state folder under hashed names, served beside Django.

A name with a hash never changes its content, so browsers may keep it for ever; whitenoise answers
with compressed files and 304 where it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from whitenoise.base import WhiteNoise

from hubfleet.kit.digest import digest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PIECE = 64 * 1024


def gather() -> None:
    """Collect all static files, unless that was done for just these."""
    root = Path(str(settings.STATIC_ROOT))
    wanted = digest(sorted(_sources()))
    stamp = root / ".gathered"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=root.exists())
    stamp.write_text(wanted, encoding="ascii")


def _sources() -> Iterator[list[Any]]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = Path(storage.path(name)).stat()
            yield [name, facts.st_size, facts.st_mtime_ns]


def _protect(headers: Any, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


def with_static_files(application: Application) -> Application:
    """Answers below `/static/` itself; everything else is the application's."""
    prefix = settings.STATIC_URL
    files = WhiteNoise(
        None,
        root=settings.STATIC_ROOT,
        prefix=prefix,
        max_age=60,
        immutable_file_test=r"\.[0-9a-f]{12}\.[a-z0-9.]+$",
        allow_all_origins=False,
        add_headers_function=_protect,
    )

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(prefix):
            await application(scope, receive, send)
            return
        file = files.files.get(scope["path"])
        if file is None or scope["method"] not in ("GET", "HEAD"):
            await application(scope, receive, send)
            return
        environ = {
            f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in scope["headers"]
        }
        answer = file.get_response(scope["method"], environ)
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        await send(
            {"type": "http.response.start", "status": int(answer.status), "headers": headers}
        )
        if answer.file is not None:
            with answer.file:
                while piece := await asyncio.to_thread(answer.file.read, _PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return serve
