"""A person at a hub of a place, as plain function calls, so that tests read as stories."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from tests.integration.local.standing_hub import Person as Visitor
from tests.places import LocalPlace

Answer = TypeVar("Answer")


class Person:
    """Signs in with the real form at the begin of the block; one server, one kernel."""

    def __init__(self, place: LocalPlace, hub: str, name: str, *, admin: bool = False) -> None:
        platform = place.platform()
        sign_in = platform.sign_in(hub)
        self.name = name
        self.url = platform.door(hub).url
        self._password = sign_in.admin_password if admin else sign_in.password
        self._loop = asyncio.new_event_loop()
        self._kernel = ""

    def __enter__(self) -> Self:
        async def come_in() -> Visitor:
            visitor = Visitor(self, self.name)
            status, page = await visitor.sign_in(self._password)
            assert visitor.token, f"{self.name} was not signed in: {status} {page}"
            return visitor

        self._visitor = self._do(come_in())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._visitor.close())
        self._loop.close()

    @property
    def token(self) -> str:
        """What the hub's API takes for this person."""
        return self._visitor.token

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The hub's API as this person: status and answer."""
        return self._do(self._visitor.api(method, path, body))

    def start_server(self, options: dict[str, str] | None = None) -> None:
        """A new server has no kernels yet."""
        self._kernel = ""
        self._do(self._visitor.start_server(options))

    def stop_server(self) -> None:
        """Stop the server and wait until it is gone."""
        self._do(self._visitor.stop_server())

    def leave(self) -> None:
        """Stop the server and do not look back: the hub may go away meanwhile."""
        self._do(self._visitor.api("DELETE", f"hub/api/users/{self.name}/server"))

    def server_answers(self) -> bool:
        """Whether the person's server answers under its public address."""
        try:
            status, _ = self._do(self._visitor.api("GET", f"user/{self.name}/api/status"))
        except aiohttp.ClientError:
            return False
        return status == 200

    def run(self, code: str, kernel: str = "") -> str:
        """What the code prints, in the same kernel at every call; errors are part of it.

        `kernel` names the kind of the first one; without, it is the server's default.
        """
        if not self._kernel:
            self._kernel = self._do(self._visitor.start_kernel(kernel))
        return self._do(self._visitor.run(self._kernel, code)).strip()

    def _do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self._loop.run_until_complete(work)
