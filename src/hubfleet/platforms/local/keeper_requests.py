"""The keeper's side of its socket: many slow, broken or hostile callers cannot hold it up."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.control import keeper_socket_path
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.keeper_loop import READ, WRITE, Loop

log = logging.getLogger("hubfleet.keeper")

LONGEST_REQUEST = 64 * 1024
MOST_CALLERS = 64
CALL_SECONDS = 5.0

Answer = Callable[[dict[str, Any]], Any]


class Door:
    """Listens on `keeper.sock` and answers one line per connection with `answer(request)`."""

    def __init__(self, state: StateFolder, loop: Loop, answer: Answer) -> None:
        self._loop = loop
        self._answer = answer
        self._callers: set[_Caller] = set()
        # Only the holder of the keeper's lock comes here: an old socket has no owner.
        state.keeper_socket.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.setblocking(False)
        with keeper_socket_path(state) as path:
            self._listener.bind(path)
        state.keeper_socket.chmod(0o600)
        self._listener.listen(256)
        loop.watch(self._listener, READ, self._accept)

    def due(self) -> float:
        """When the next caller has taken too long."""
        return min((caller.deadline for caller in self._callers), default=float("inf"))

    def tick(self) -> None:
        """Hang up on those who took too long."""
        moment = time.monotonic()
        for caller in [caller for caller in self._callers if caller.deadline <= moment]:
            caller.hang_up()

    def _accept(self) -> None:
        with suppress(OSError):
            line, _ = self._listener.accept()
            line.setblocking(False)
            if len(self._callers) >= MOST_CALLERS:
                min(self._callers, key=lambda caller: caller.deadline).hang_up()
            self._callers.add(_Caller(line, self._loop, self._answer, self._callers))


class _Caller:
    def __init__(
        self, line: socket.socket, loop: Loop, answer: Answer, among: set[_Caller]
    ) -> None:
        self.deadline = time.monotonic() + CALL_SECONDS
        self._line = line
        self._loop = loop
        self._answer = answer
        self._among = among
        self._heard = bytearray()
        self._to_say = b""
        loop.watch(line, READ, self._hear)

    def hang_up(self) -> None:
        self._among.discard(self)
        self._loop.unwatch(self._line)
        self._line.close()

    def _hear(self) -> None:
        try:
            part = self._line.recv(LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self._heard += part
        if b"\n" in self._heard:
            self._reply(bytes(self._heard.partition(b"\n")[0]))
        elif not part:
            self.hang_up()
        elif len(self._heard) > LONGEST_REQUEST:
            self._say(_problem("bad-request", "the request is too long"))

    def _reply(self, text: bytes) -> None:
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            self._say(_problem("bad-request", "the request is not one line of JSON"))
            return
        try:
            self._say({"result": self._answer(request)})
        except HubfleetError as error:
            problem = error.problems[0]
            self._say(_problem(problem.code, problem.what, problem.why, problem.hint))
        except Exception as error:
            # A keeper that ends because of one request would leave every hub unminded.
            log.exception("a request failed")
            self._say(_problem("keeper-failed", "the keeper could not do it", repr(error)))

    def _say(self, answer: dict[str, Any]) -> None:
        self._to_say = json.dumps(answer).encode() + b"\n"
        self._loop.watch(self._line, WRITE, self._go_on_saying)
        # At once where it fits: this may be the keeper's last turn.
        self._go_on_saying()

    def _go_on_saying(self) -> None:
        try:
            self._to_say = self._to_say[self._line.send(self._to_say) :]
        except BlockingIOError:
            return
        except OSError:
            self._to_say = b""
        if not self._to_say:
            self.hang_up()


def _problem(code: str, what: str, why: str = "", hint: str = "") -> dict[str, Any]:
    return {"problem": {"code": code, "what": what, "why": why, "hint": hint}}
