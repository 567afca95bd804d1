"""Waiting for many things at once in one thread: sockets, processes (as pidfds) and signals.

One thread is a rule and not a taste: the keeper forks hubs from itself, and a fork copies only the
thread that calls it, with every lock that another one held.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE
LONGEST_SLEEP = 30.0

HANDLED_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Loop:
    """Calls back when a watched descriptor is ready, or when one of `HANDLED_SIGNALS` came."""

    def __init__(self, on_signal: Callable[[], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._on_signal = on_signal
        self._private: list[int] = []
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self.watch(self._woken, READ, self._signalled)

    def catch_signals(self) -> None:
        """Turn SIGTERM and SIGINT into a call of `on_signal`; ignore SIGHUP."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in HANDLED_SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def watch(self, file: Any, events: int, call: Callable[[], None]) -> None:
        """Call back while `file` is ready; a second call for the same file replaces the first."""
        if file in self._selector.get_map():
            self._selector.modify(file, events, call)
        else:
            self._selector.register(file, events, call)

    def unwatch(self, file: Any) -> None:
        """Never call back for it again; the file stays open."""
        self._selector.unregister(file)

    def keep_from_children(self, descriptor: int) -> None:
        """Have `let_go` close a descriptor that is not watched, such as the keeper's lock."""
        self._private.append(descriptor)

    def turn(self, seconds: float) -> None:
        """Wait for at most `seconds`, then call back for everything that is ready."""
        for key, _ in self._selector.select(max(0.0, min(seconds, LONGEST_SLEEP))):
            # An earlier call of this turn may have ended this watch.
            if self._selector.get_map().get(key.fd) == key:
                key.data()

    def let_go(self) -> None:
        """In a forked child: close all that is the keeper's alone, and forget its signals.

        Only close: an unlock here would take the keeper's own lock from it.
        """
        signal.set_wakeup_fd(-1)
        for number in HANDLED_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, int):
                os.close(key.fileobj)
            else:
                key.fileobj.close()  # type: ignore[attr-defined]
        self._wake.close()
        self._selector.close()
        for descriptor in self._private:
            with suppress(OSError):
                os.close(descriptor)

    def _signalled(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(1024)
        self._on_signal()
