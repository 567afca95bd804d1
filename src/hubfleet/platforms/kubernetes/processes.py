"""The main process's side of `nursery`: one process for each cluster, started when first needed."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from hubfleet.kit.errors import HubfleetError, Problem, TransientError

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.setup import Setup

_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""All that clusters' processes see of our environment, beside what their cluster's file passes."""


class Nursery:
    """Starts processes for clusters; they all end with it, or with us."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def process(self, setup: Setup) -> ClusterProcess:
        """A new one for a cluster."""
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            socket.send_fds(self._started(), [b"+"], [theirs.fileno()])
        made = ClusterProcess(setup.cluster.name, ours)
        made.introduce(setup)
        return made

    def close(self) -> None:
        """End it."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                self._process.wait()
            self._process = self._control = None

    def _started(self) -> socket.socket:
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hubfleet.platforms.kubernetes.nursery"],
                env={key: os.environ[key] for key in _PASSED_ON if key in os.environ},
                stdin=theirs.fileno(),
                # Ctrl-C is for us alone: acts that are under way are finished or undone.
                start_new_session=True,
            )
        self._control = ours
        return ours


MORE = "+"
"""Stands for the name of an act where an item of a call was taken."""


class ClusterProcess:
    """Calls to one cluster's process; safe for several threads.

    `users` belongs to whoever shares it out: how many hold it now.
    """

    def __init__(self, cluster: str, end: socket.socket) -> None:
        self._cluster = cluster
        self._end = end
        self._connection: Connection[Any, Any] = Connection(os.dup(end.fileno()))
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self._waiting: dict[int, SimpleQueue[tuple[str, Any]]] = {}
        self._ended = False
        self.users = 0
        Thread(target=self._listen, daemon=True).start()

    def introduce(self, setup: Setup) -> None:
        """Tell it which cluster it is for; before anything else."""
        self._connection.send(setup)

    @property
    def ended(self) -> bool:
        """Whether it is gone, and another one is to be started."""
        return self._ended

    def call(
        self,
        name: str,
        *arguments: Any,
        report: Callable[[str], None] = lambda _: None,
        **words: Any,
    ) -> Any:
        """The act's answer; raises what it raises."""
        number, queue = self._ask(name, arguments, words)
        try:
            while True:
                kind, value = queue.get()
                if kind == "report":
                    report(value)
                elif kind == "done":
                    return value
                else:
                    self._raise(kind, value)
        finally:
            self._waiting.pop(number, None)

    def items(
        self, name: str, *arguments: Any, patience: float = 0.0, **words: Any
    ) -> Generator[Any]:
        """The act's items as they come; it waits while they are not taken.

        Whoever stops early waits so many seconds at most, until the act has cleared up.
        """
        number, queue = self._ask(name, arguments, words)
        ended = False
        try:
            while True:
                kind, value = queue.get()
                if kind == "item":
                    yield value
                    self._tell(number, MORE)
                    continue
                ended = True
                if kind == "done":
                    return
                self._raise(kind, value)
        finally:
            if not ended:
                self._tell(number, "")
                self._until_ended(queue, patience)
            self._waiting.pop(number, None)

    def _until_ended(self, queue: SimpleQueue[tuple[str, Any]], patience: float) -> None:
        deadline = time.monotonic() + patience
        with suppress(Empty):
            while (left := deadline - time.monotonic()) > 0 and queue.get(timeout=left)[0] in (
                "item",
                "report",
            ):
                pass

    def close(self) -> None:
        """Let it end."""
        self._ended = True
        with suppress(OSError):
            # Wakes the thread that listens, which closing alone would not.
            self._end.shutdown(socket.SHUT_RDWR)

    def _ask(
        self, name: str, arguments: tuple[Any, ...], words: dict[str, Any]
    ) -> tuple[int, SimpleQueue[tuple[str, Any]]]:
        number = next(self._numbers)
        queue: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._waiting[number] = queue
        if not self._tell(number, name, arguments, words):
            queue.put(("ended", None))
        return number, queue

    def _tell(self, *message: Any) -> bool:
        with self._lock:
            try:
                self._connection.send(message)
            except (OSError, ValueError):
                # Known here before the thread that listens has noticed.
                self._ended = True
                return False
        return not self._ended

    def _listen(self) -> None:
        try:
            while True:
                number, kind, value = self._connection.recv()
                if queue := self._waiting.get(number):
                    queue.put((kind, value))
        except (EOFError, OSError):
            self._ended = True
            self._connection.close()
            self._end.close()
            for queue in list(self._waiting.values()):
                queue.put(("ended", None))

    def _raise(self, kind: str, value: Any) -> None:
        if kind == "failed":
            transient, problems = value
            raise (TransientError if transient else HubfleetError)(*problems)
        if kind == "ended":
            raise TransientError(
                Problem(
                    "cluster-process-ended",
                    f"the process that acts on the cluster `{self._cluster}` ended",
                    why="somebody killed it, or the machine ran out of memory",
                    hint="run the same command again: it looks at the cluster before it acts",
                )
            )
        raise RuntimeError(value)
