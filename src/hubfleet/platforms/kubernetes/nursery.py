"""The program that makes a process for each cluster, and what runs in such a process.

Started once with a minimal environment and in a session of its own, it imports what acts need and
then forks, so that thirty clusters share the memory of the imports. A cluster's process is told of
its own cluster only: no other's credentials are in its memory or its environment, and no other
process of this account can look into it. It ends, and its helm with it, when hubfleet ends.

    hubfleet --control socket--> nursery --fork--> one process for each cluster <--its own socket--
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Generator, Iterator
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from hubfleet.kit.errors import HubfleetError, TransientError
from hubfleet.platforms.kubernetes.acts import Acts
from hubfleet.platforms.kubernetes.api import import_everything
from hubfleet.platforms.kubernetes.processes import MORE
from hubfleet.platforms.kubernetes.setup import Setup

_AHEAD = 16
"""Items of a call that may wait to be taken."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def main() -> None:
    """`python -m hubfleet.platforms.kubernetes.nursery`, with the control socket as its input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    import_everything()
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            _serve(descriptors[0])
        os.close(descriptors[0])


def _serve(descriptor: int) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    _close_to_others()
    connection: Connection[Any, Any] = Connection(descriptor)
    try:
        setup: Setup = connection.recv()
        os.environ.update(setup.environment)
        Server(Acts(setup), connection).run()
    except (EOFError, OSError):
        pass
    # At once: threads that still wait for a helm end with us, and it with them.
    os._exit(0)


def _close_to_others() -> None:
    """Nobody but the system's administrator reads this process's memory or environment."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_DUMPABLE, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """Answers calls, each in a thread of its own.

    A call is `(number, name, arguments, words)`; answers are `(number, kind, value)` with the kinds
    `report`, `item`, `done`, `failed` and `bug`. `(number, MORE)` says that an item was taken, and
    `(number, "")` that nobody waits for more items of that call.
    """

    def __init__(self, acts: Acts, connection: Connection[Any, Any]) -> None:
        self._acts = acts
        self._connection = connection
        self._sending = threading.Lock()
        self._flows: dict[int, _Flow] = {}

    def run(self) -> None:
        """Until the other side is gone."""
        while True:
            call = self._connection.recv()
            flow = self._flows.get(call[0])
            if call[1] == "":
                if flow is not None:
                    flow.end()
            elif call[1] == MORE:
                if flow is not None:
                    flow.more()
            else:
                self._flows[call[0]] = _Flow()
                threading.Thread(target=self._answer, args=call, daemon=True).start()

    def _answer(
        self, number: int, name: str, arguments: tuple[Any, ...], words: dict[str, Any]
    ) -> None:
        try:
            value = getattr(self._acts, name)(*self._with_report(number, arguments), **words)
            if isinstance(value, Iterator):
                self._send_items(number, value)
                value = None
            self._send(number, "done", value)
        except HubfleetError as error:
            transient = isinstance(error, TransientError)
            self._send(number, "failed", (transient, error.problems))
        except Exception:  # told to the side that waits, which writes the crash log
            self._send(number, "bug", traceback.format_exc())
        finally:
            del self._flows[number]

    def _send_items(self, number: int, items: Iterator[Any]) -> None:
        flow = self._flows[number]
        try:
            for item in items:
                if not flow.wait():
                    return
                self._send(number, "item", item)
        finally:
            # At once, and not when somebody forgets it: it may have to clear up.
            if isinstance(items, Generator):
                items.close()

    def _with_report(self, number: int, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        def report(phase: str) -> None:
            self._send(number, "report", phase)

        return tuple(report if one is REPORT else one for one in arguments)

    def _send(self, number: int, kind: str, value: Any) -> None:
        with self._sending:
            self._connection.send((number, kind, value))


class _Flow:
    """Items of one call that are under way: as many as nobody would miss in memory."""

    def __init__(self) -> None:
        self._room = threading.Semaphore(_AHEAD)
        self._over = False

    def wait(self) -> bool:
        """Until there is room for one more; False when nobody wants it."""
        self._room.acquire()
        return not self._over

    def more(self) -> None:
        self._room.release()

    def end(self) -> None:
        self._over = True
        self._room.release()


REPORT = Ellipsis
"""Stands among the arguments of a call where the phases of the act are to be told."""


if __name__ == "__main__":
    main()
