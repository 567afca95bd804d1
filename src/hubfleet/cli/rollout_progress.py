"""Live progress of a rollout: a tree of clusters and hubs on a terminal, plain lines elsewhere.

The tree fits the screen at any size: clusters that are finished are one line, hubs that wait are
counted by what they wait for, and what is left out is counted at the end.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hubfleet.cli.output import stderr_console, tell
from hubfleet.planning.schedule import Schedule
from hubfleet.rollout.events import Event

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text

FATES = {"done": "green", "rolled-back": "red", "failed": "red", "held": "red"}


@dataclass(slots=True)
class _Line:
    cluster: str
    phase: str = "waiting"
    why: str = ""
    began: float | None = None
    seconds: float = 0.0


@dataclass
class RolloutProgress:
    """Safe for several threads. `live=False` says lines even on a terminal."""

    schedule: Schedule
    quiet: bool = False
    live: bool = True
    wave: str = ""
    _lines: dict[str, _Line] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _live: Live | None = None
    _began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        for item in self.schedule.steps:
            why = self.schedule.why_it_waits(item)
            self._lines[item.hub] = _Line(item.cluster, why=why)

    def __enter__(self) -> Self:
        if self.live and not self.quiet and sys.stderr.isatty():
            from rich.live import Live

            self._live = Live(self, console=stderr_console(), refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def listen(self, event: Event) -> None:
        """Note an event; without a live picture the important ones are said."""
        with self._lock:
            if event.kind == "wave":
                self.wave = f"{event.wave} {event.phase} {event.why}".strip()
            elif event.kind == "hub":
                self._note(event)
            if self._live is None and not self.quiet:
                for line in _lines_of(event):
                    tell(line)

    def _note(self, event: Event) -> None:
        line = self._lines.setdefault(event.hub, _Line(event.cluster))
        line.phase, line.why = event.phase, event.why
        if event.phase == "begun":
            line.began = monotonic()
        if event.phase in FATES:
            line.seconds, line.began = event.seconds or 0.0, None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._lock:
            yield from self.picture(max(console.height - 2, 5))

    def picture(self, height: int) -> list[Text]:
        """At most so many lines: the sum, what is under way, what is bad, what waits for what."""
        from rich.text import Text

        ended = sum(line.phase in FATES for line in self._lines.values())
        took = monotonic() - self._began
        head = f"changing {ended}/{len(self._lines)}  {self.wave}  {took:.0f} s"
        rows = [Text(head, style="bold")]
        clusters: dict[str, list[str]] = {}
        for name, line in self._lines.items():
            clusters.setdefault(line.cluster, []).append(name)
        body: list[Text] = []
        finished = Counter[str]()
        for cluster, names in sorted(clusters.items()):
            phases = Counter(self._lines[name].phase for name in names)
            if set(phases) == {"done"}:
                finished["done"] += len(names)
            elif set(phases) != {"waiting"}:
                body += self._cluster(cluster, names)
        waiting = Counter(
            line.why or "for room" for line in self._lines.values() if line.phase == "waiting"
        )
        foot = [Text(f"  {count} wait {why}", style="dim") for why, count in waiting.most_common(3)]
        if finished["done"]:
            foot.append(Text(f"  {finished['done']} done on finished clusters", style="green"))
        room = max(height - len(rows) - len(foot) - 1, 1)
        if len(body) > room:
            left = len(body) - room
            body = [*body[:room], Text(f"  … and {left} more lines", style="dim")]
        return [*rows, *body, *foot]

    def _cluster(self, cluster: str, names: list[str]) -> list[Text]:
        from rich.text import Text

        done = sum(self._lines[name].phase == "done" for name in names)
        rows = [Text(f"  {cluster}  {done}/{len(names)}")]
        for name in names:
            line = self._lines[name]
            if line.phase in ("waiting", "done"):
                continue
            seconds = line.seconds if line.began is None else monotonic() - line.began
            why = f"  {line.why}" if line.why else ""
            text = f"    {name}  {line.phase}  {seconds:.1f} s{why}"
            rows.append(Text(text, style=FATES.get(line.phase, "yellow")))
        return rows


def _lines_of(event: Event) -> list[str]:
    """An event for a log: what begins and what ends, not every phase between."""
    if event.kind == "wave" and event.wave:
        return [f"changing: {event.wave} {event.phase} {event.why}".rstrip()]
    if event.kind != "hub" or not (event.phase in FATES or event.phase == "begun"):
        return []
    took = f" ({event.seconds:.1f} s)" if event.phase in FATES and event.seconds else ""
    why = f": {event.why}" if event.why else ""
    return [f"changing: {event.hub}: {event.phase}{took}{why}"]
