"""Ctrl-C: the first asks for an orderly end, the second leaves at once.

Signals only set a flag and wake the engine, so that no bookkeeping is ever cut in two.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stop:
    """Whether an orderly end was asked for."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self.requested = False
        self._wake = wake

    def request(self) -> None:
        """The second call raises KeyboardInterrupt."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._wake()


@contextmanager
def on_signals(stop: Stop) -> Iterator[None]:
    """SIGINT and SIGTERM ask `stop` while the block runs; only the main thread can arrange that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: Any) -> None:
        stop.request()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
