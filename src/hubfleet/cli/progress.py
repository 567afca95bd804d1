"""Live progress of work on many things: a small table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hubfleet.cli.output import stderr_console, tell

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

ENDS = {"done", "failed", "held", "healthy", "degraded", "ready"}
"""Phases after which a thing is no longer under way."""

_BAD = {"failed", "held", "degraded"}


@dataclass(slots=True)
class _Line:
    phase: str
    began: float
    ended: float | None = None


@dataclass
class Progress:
    """Shows what `listen` is told; `total` things are expected, 0 where nobody knows.

    Safe for several threads.
    """

    title: str
    total: int
    quiet: bool = False
    _lines: dict[str, _Line] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _live: Live | None = None

    def __enter__(self) -> Self:
        if not self.quiet and sys.stderr.isatty():
            from rich.live import Live

            self._live = Live(
                console=stderr_console(), get_renderable=self._render, refresh_per_second=8
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the picture as it is now; the second call does nothing."""
        if self._live:
            self._live.stop()
            self._live = None
            self.quiet = True

    @property
    def begun(self) -> int:
        """How many things were heard of."""
        return len(self._lines)

    @property
    def ended(self) -> int:
        """How many of them came to an end."""
        return sum(line.ended is not None for line in self._lines.values())

    def listen(self, name: str, phase: str, seconds: float | None = None) -> None:
        """Note that `name` is now in `phase`; `seconds` where they are known better than here."""
        with self._lock:
            line = self._lines.setdefault(name, _Line(phase, monotonic()))
            line.phase = phase
            if phase in ENDS and line.ended is None:
                line.ended = monotonic()
                line.began = line.ended - seconds if seconds else line.began
            if self._live is None and not self.quiet and (phase in ENDS or phase == "begun"):
                took = f" ({line.ended - line.began:.1f} s)" if line.ended else ""
                tell(f"{self.title}: {name}: {phase}{took}")

    def _render(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            table = Table(box=None, pad_edge=False, show_header=False)
            total = max(self.total, self.begun)
            if not total:
                return table
            table.add_row(Text(f"{self.title} {self.ended}/{total}", style="bold"), "", "")
            for name, line in self._lines.items():
                # At 43 hubs and more the finished ones would push the others off the screen.
                if line.ended is None or line.phase in _BAD or total <= 12:
                    seconds = (line.ended or monotonic()) - line.began
                    table.add_row(f"  {name}", _styled(line.phase), f"{seconds:5.1f} s")
            return table


def _styled(phase: str) -> RenderableType:
    from rich.text import Text

    if phase in _BAD:
        return Text(phase, style="red")
    return Text(phase, style="green" if phase in ENDS else "yellow")
