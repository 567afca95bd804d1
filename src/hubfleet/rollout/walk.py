"""Which hub may begin next. No threads, no time: the engine asks and tells what came of it.

A hub may begin when all waves before its own have an end, its gates came through, and there is
room in the rollout and on its cluster. Each question costs the same in a large fleet as in a
small one.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hubfleet.fleet.model import Hub, Rollout
from hubfleet.planning.schedule import Schedule
from hubfleet.planning.steps import Step
from hubfleet.rollout.ports import ActIntended, Fate

FREE_GROUPS = ("starts", "staging", "canaries")
"""These go on after too many failures: to know all that is wrong harms nobody's hub."""


@dataclass(frozen=True, slots=True)
class Item:
    """One hub's part in the rollout.

    Without a `step` the hub is only looked at. `hub` is its declaration, None for a removal.
    `earlier` is the intention that an earlier run left without an end, `recorded` the last
    revision of the hub that it wrote down.
    """

    name: str
    cluster: str
    wave: int
    gates: tuple[str, ...] = ()
    step: Step | None = None
    hub: Hub | None = None
    probe: bool = True
    earlier: ActIntended | None = None
    recorded: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A hub that is left as it is, and because of whom: a gate, or nobody in particular."""

    item: Item
    gate: str = ""


class Walk:
    """The state of the walk; not safe for several threads."""

    def __init__(self, items: Iterable[Item], schedule: Schedule, policy: Rollout) -> None:
        self._items = {item.name: item for item in items}
        self._titles = schedule.waves or ("",)
        self._policy = policy
        self._fates: dict[str, Fate] = {}
        self._behind: dict[str, list[str]] = defaultdict(list)
        self._missing: dict[str, int] = {}
        self._ready: list[tuple[int, str]] = []
        self._parked: dict[str, deque[tuple[int, str]]] = defaultdict(deque)
        self._on_cluster: dict[str, int] = defaultdict(int)
        self._order = {name: number for number, name in enumerate(self._items)}
        self._left = [0] * len(self._titles)
        self._waves: list[list[str]] = [[] for _ in self._titles]
        self._running: set[str] = set()
        self.wave = 0
        self.failures = 0
        for item in self._items.values():
            self._waves[item.wave].append(item.name)
            self._left[item.wave] += 1
            waited = [gate for gate in item.gates if gate in self._items]
            self._missing[item.name] = len(waited)
            for gate in waited:
                self._behind[gate].append(item.name)
        self._offer_wave()

    @property
    def title(self) -> str:
        return self._titles[self.wave]

    @property
    def running(self) -> frozenset[str]:
        return frozenset(self._running)

    def wave_is_over(self) -> bool:
        """Whether every hub of this wave has an end and another wave follows."""
        return self._left[self.wave] == 0 and self.wave + 1 < len(self._titles)

    def next_wave(self) -> None:
        self.wave += 1
        self._offer_wave()

    def stopped(self) -> bool:
        """Whether too many have failed for this wave to go on."""
        many = self.failures >= self._policy.stop_after_failures
        return many and self.title not in FREE_GROUPS

    def begin(self) -> Item | None:
        """The next hub that may begin now, which then counts as running; None: wait."""
        if len(self._running) >= self._policy.max_parallel or self.stopped():
            return None
        while self._ready:
            entry = heapq.heappop(self._ready)
            item = self._items[entry[1]]
            if item.name in self._fates:
                continue
            if self._on_cluster[item.cluster] >= self._policy.per_cluster:
                self._parked[item.cluster].append(entry)
                continue
            self._on_cluster[item.cluster] += 1
            self._running.add(item.name)
            return item
        return None

    def left(self, name: str) -> None:
        """The hub takes no room any more."""
        self._running.discard(name)
        cluster = self._items[name].cluster
        self._on_cluster[cluster] -= 1
        if self._parked[cluster]:
            heapq.heappush(self._ready, self._parked[cluster].popleft())

    def settle(self, name: str, fate: Fate) -> list[Held]:
        """Note a hub's fate; returns who is held by it, each once."""
        held: list[Held] = []
        pending = [(name, fate, "")]
        while pending:
            current, its_fate, gate = pending.pop()
            if current in self._fates:
                continue
            item = self._items[current]
            self._fates[current] = its_fate
            self._left[item.wave] -= 1
            self.failures += item.step is not None and its_fate in ("failed", "rolled-back")
            if gate:
                held.append(Held(item, gate))
            for behind in self._behind[current]:
                if its_fate != "done":
                    pending.append((behind, "held", current))
                else:
                    self._missing[behind] -= 1
                    self._offer(behind)
        return sorted(held, key=lambda one: self._order[one.item.name])

    def rest(self) -> Iterator[Item]:
        """Hubs that have no fate and are not under way, in order."""
        for name, item in self._items.items():
            if name not in self._fates and name not in self._running:
                yield item

    def _offer_wave(self) -> None:
        for name in self._waves[self.wave]:
            self._offer(name)

    def _offer(self, name: str) -> None:
        item = self._items[name]
        if item.wave <= self.wave and not self._missing[name]:
            heapq.heappush(self._ready, (self._order[name], name))
