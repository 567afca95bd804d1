"""What the engine needs from outside: a journal, a lease, a prober.

`Journal` is the memory of intentions: the engine writes an entry of the closed set `Entry` before
each act and after it, and reads back only what was cut off. `Lease` keeps two rollouts apart, also
on two machines. `Prober` walks a person's path. The lines of `FileJournal` and the tables of the
ledger hold these same entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hubfleet.kit.errors import HubfleetError
from hubfleet.probes.verdict import ProbeResult, Verdict

Act = Literal["create", "update", "start", "remove", "roll-back"]
Fate = Literal["done", "rolled-back", "failed", "held"]
"""`done`: as declared and healthy. `rolled-back`: its change failed, it is as it was before.
`failed`: neither. `held`: not touched."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the plan that a rollout runs, and the wave it belongs to."""

    hub: str
    cluster: str
    action: Act
    wave: int


@dataclass(frozen=True, slots=True)
class RolloutBegun:
    """The first entry of a rollout. `fingerprint` is the plan's, `declaration` the whole fleet's.

    `why` is the operator's message; `despite_freeze` the reason for which a freeze was overruled.
    A rollout that goes on after a crash keeps its id and writes this entry again with `resumed`.
    """

    rollout: str
    at: str
    fingerprint: str
    declaration: str
    who: str
    why: str
    steps: tuple[PlannedStep, ...]
    epoch: int = 0
    despite_freeze: str = ""
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class ActIntended:
    """Written before the act. `snapshot` is the id of what the act can be undone with, or empty."""

    rollout: str
    at: str
    hub: str
    action: Act
    epoch: int = 0
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class ActEnded:
    """Written after the act; `problems` (as JSON) say why it did not succeed."""

    rollout: str
    at: str
    hub: str
    action: Act
    ok: bool
    changed: bool = False
    revision: int = 0
    seconds: float = 0.0
    note: str = ""
    problems: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class GateJudged:
    """The verdict on a hub that others may wait for. `probe` is the last probe's JSON.

    `attempts` above 1 with `passed` mean a cold start: it failed at first, then it worked.
    """

    rollout: str
    at: str
    hub: str
    verdict: Verdict
    passed: bool
    attempts: int
    probe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RevisionMade:
    """What a hub runs since `at`: written once for every act that changed it, rollbacks too.

    `values` are flat effective values; a secret's value is not among them, only its digest.
    `environment` is the digest of the declared environment. `restored_from` is the revision that a
    rollback went back to, 0 for any other act. A removal has no values.
    """

    rollout: str
    at: str
    hub: str
    revision: int
    action: Act
    declaration: str
    values: Mapping[str, Any]
    environment: str
    software: Mapping[str, str]
    who: str
    why: str
    began: str
    seconds: float
    snapshot: str = ""
    probe: Mapping[str, Any] = field(default_factory=dict)
    restored_from: int = 0


@dataclass(frozen=True, slots=True)
class HubSettled:
    """A hub's last entry in a rollout: what became of it, and why when it is not `done`."""

    rollout: str
    at: str
    hub: str
    fate: Fate
    why: str = ""


@dataclass(frozen=True, slots=True)
class RolloutEnded:
    """The last entry of a rollout. Without one it was cut off.

    `abandoned`: the declaration changed after it was cut off, so that another one takes its place.
    An interrupted rollout has ended too: a person wanted it so.
    """

    rollout: str
    at: str
    ok: bool
    interrupted: bool = False
    abandoned: bool = False


Entry = (
    RolloutBegun | ActIntended | ActEnded | GateJudged | RevisionMade | HubSettled | RolloutEnded
)


@dataclass(frozen=True, slots=True)
class CutOff:
    """A rollout that has begun and not ended, and what it wrote down."""

    begun: RolloutBegun
    settled: Mapping[str, HubSettled] = field(default_factory=dict)
    intended: Mapping[str, ActIntended] = field(default_factory=dict)
    """The last intention for each hub, whether or not its act has ended."""
    judged: Mapping[str, GateJudged] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    """For each hub, the number of the last revision that is written down."""


class Journal(Protocol):
    """Appends entries and reads back what was cut off.

    Called from several threads, sometimes at once. An entry that `write` returned from survives a
    kill -9; the entries of `DURABLE` survive a crash of the machine too. Raises `HubfleetError`
    when it cannot write (`journal-locked`, `journal-damaged`, `journal-not-written`): then nothing
    is done.
    """

    @property
    def fenced(self) -> bool:
        """Whether writing itself refuses whoever lost the lease, so that nobody need ask before."""
        ...

    def write(self, entry: Entry) -> None: ...

    def write_all(self, together: list[Entry]) -> None:
        """All of them or, as far as the memory can promise it, none."""
        ...

    def cut_off(self) -> CutOff | None:
        """The last rollout that has not ended; None when there is nothing to go on with."""
        ...


DURABLE = (RolloutBegun, ActIntended, RolloutEnded)
"""What must be on the disk before the engine goes on; the loss of another entry only costs
another look at the world."""


class LeaseLostError(HubfleetError):
    """Another holder has the fleet now; this one must not act any more (`lease-lost`)."""


class Lease(Protocol):
    """The right to change the fleet. A newer holder has a higher epoch; the older is refused.

    `check` raises `LeaseLostError` when this holder is no longer the one; it is called before every
    act and must be quick. `renew` puts off the expiry and raises the same; the engine calls it
    every `renew_every` seconds.
    """

    @property
    def owner(self) -> str: ...

    @property
    def epoch(self) -> int: ...

    @property
    def renew_every(self) -> float: ...

    def check(self) -> None: ...

    def renew(self) -> None: ...


class Prober(Protocol):
    """Walks a person's path through a hub; blocks until there is a verdict, and never raises.

    `say` is told each stage as it begins.
    """

    def probe(self, hub: str, say: Callable[[str], None]) -> ProbeResult: ...
