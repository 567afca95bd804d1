"""A platform that only pretends, for the engine's tests: it keeps the order of acts."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Any

from hubfleet.kit.errors import failure
from hubfleet.planning.observation import Observation
from hubfleet.planning.steps import Step, hub_name
from hubfleet.platforms.platform import Door, Outcome, SignIn


class PretendPlatform:
    """Carries out every step at once, except those of hubs in `broken`, which fail."""

    def __init__(self, broken: set[str] = frozenset(), bug: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.acts: list[tuple[str, str]] = []
        self.most_at_once = 0
        self._broken = broken
        self._bug = bug
        self._lock = Lock()
        self._under_way = 0

    def perform(self, step: Step, report: Any) -> Outcome:
        name = hub_name(step)
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            self.acts.append(("begin", name))
        report("working")
        with self._lock:
            self._under_way -= 1
            self.acts.append(("end", name))
        if name in self._broken:
            raise failure("hub-did-not-come-up", f"{name} did not come up")
        if name in self._bug:
            raise ZeroDivisionError("a bug")
        return Outcome(True, 1, "")

    def clusters(self) -> frozenset[str]:
        return frozenset()

    def observe(self, cluster: str) -> Observation:
        return Observation(cluster)

    def objections(self, hubs: Any) -> tuple[Any, ...]:
        return ()

    def prepare(self, hubs: Any, report: Any) -> None: ...

    def door(self, hub: str) -> Door:
        return Door(hub, "", None, "", "")

    def sign_in(self, hub: str) -> SignIn:
        return SignIn(hub, "")

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        return iter(())

    def remarks(self) -> list[str]:
        return []


class ListJournal:
    """A journal that can be looked at."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def write(self, kind: str, rollout: str, **facts: Any) -> None:
        self.entries.append({"kind": kind, **facts})
