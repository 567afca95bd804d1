"""Live progress of a rollout: a tree of clusters and hubs on a terminal, plain lines elsewhere.

The tree fits the screen at any size: what failed comes first, then the clusters with work, each
with its hubs or, where there are many, in one line. What waits, was held or is done is counted by
its reason, and what is left out is counted, too.
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
BAD = ("failed", "rolled-back")

MANY = 200
"""In a rehearsal of more hubs than these, only waves and what is not done are said."""


@dataclass(slots=True)
class _Line:
    cluster: str
    phase: str = "waiting"
    why: str = ""
    began: float | None = None
    seconds: float = 0.0

    @property
    def under_way(self) -> bool:
        return self.phase != "waiting" and self.phase not in FATES


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
                few = self.live or len(self._lines) <= MANY
                for line in _lines_of(event) if few or event.phase not in ("begun", "done") else ():
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
        """At most so many lines: the sum, what is bad, what is under way, what waits for what."""
        active = [name for name, line in self._lines.items() if line.under_way]
        bad = [name for name, line in self._lines.items() if line.phase in BAD]
        head, foot = self._head(len(active), len(bad)), self._foot()
        room = max(height - 1 - len(foot), 2)
        failures = [self._hub(name, "  ") for name in bad]
        failures = _cut(failures, max(room // 3, room - self._lines_of_tree(active)), "bad ones")
        tree = self._tree(active, room - len(failures))
        return [head, *failures, *tree, *foot]

    def _head(self, active: int, bad: int) -> Text:
        from rich.text import Text

        ended = sum(line.phase in FATES for line in self._lines.values())
        said = [f"changing {ended}/{len(self._lines)}", f"{active} under way"]
        said += [f"{bad} failed"] if bad else []
        said += [self.wave] if self.wave else []
        return _one_line(Text(f"{', '.join(said)}  {monotonic() - self._began:.0f} s", "bold"))

    def _foot(self) -> list[Text]:
        """What is not under way, counted by its reason."""
        from rich.text import Text

        waits, held = Counter[str](), Counter[str]()
        for line in self._lines.values():
            if line.phase == "waiting":
                waits[line.why or "for room"] += 1
            elif line.phase == "held":
                held[line.why] += 1
        done = sum(line.phase == "done" for line in self._lines.values())
        rows = [Text(f"  {count} wait {why}", "dim") for why, count in _most(waits)]
        rows += [Text(f"  {count} left as they were: {why}", "red") for why, count in _most(held)]
        rows += [Text(f"  {done} done", "green")] if done else []
        return [_one_line(row) for row in rows]

    def _lines_of_tree(self, active: list[str]) -> int:
        return len(active) + len({self._lines[name].cluster for name in active})

    def _tree(self, active: list[str], room: int) -> list[Text]:
        """A branch for each cluster with work; each a single line where there are too many."""
        from rich.text import Text

        clusters: dict[str, list[str]] = {}
        for name in active:
            clusters.setdefault(self._lines[name].cluster, []).append(name)
        all_of = Counter(line.cluster for line in self._lines.values())
        done = Counter(line.cluster for line in self._lines.values() if line.phase in FATES)
        rows: list[Text] = []
        for cluster, names in sorted(clusters.items()):
            branch = f"  {cluster}  {done[cluster]}/{all_of[cluster]}"
            if self._lines_of_tree(active) <= room:
                rows += [Text(branch), *(self._hub(name, "    ") for name in names)]
                continue
            said = "; ".join(self._said(name) for name in names)
            rows.append(_one_line(Text(f"{branch}  {said}", "yellow")))
        return _cut(rows, room, "clusters with work")

    def _hub(self, name: str, indent: str) -> Text:
        from rich.text import Text

        style = FATES.get(self._lines[name].phase, "yellow")
        why = self._lines[name].why
        return _one_line(Text(f"{indent}{self._said(name)}{f'  {why}' if why else ''}", style))

    def _said(self, name: str) -> str:
        line = self._lines[name]
        seconds = line.seconds if line.began is None else monotonic() - line.began
        return f"{name}  {line.phase}  {seconds:.1f} s"


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _most(counted: Counter[str]) -> list[tuple[str, int]]:
    """The three commonest, and the rest as one."""
    found = counted.most_common()
    rest = sum(count for _, count in found[3:])
    return [*found[:3], *([("for other reasons", rest)] if rest else [])]


def _cut(rows: list[Text], room: int, what: str) -> list[Text]:
    """At most so many, the last one a count of what is left out."""
    from rich.text import Text

    if len(rows) <= room:
        return rows
    kept = max(room - 1, 0)
    return [*rows[:kept], Text(f"  … and {len(rows) - kept} more {what}", "dim")]


def _lines_of(event: Event) -> list[str]:
    """An event for a log: what begins and what ends, not every phase between."""
    if event.kind == "wave" and event.wave:
        return [f"changing: {event.wave} {event.phase} {event.why}".rstrip()]
    if event.kind != "hub" or not (event.phase in FATES or event.phase == "begun"):
        return []
    took = f" ({event.seconds:.1f} s)" if event.phase in FATES and event.seconds else ""
    why = f": {event.why}" if event.why else ""
    return [f"changing: {event.hub}: {event.phase}{took}{why}"]
