"""Rollouts read back from the ledger, as values for pages: running ones and past ones alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Max

from hubfleet.office.ledger.models import Act, Beginning, Judgement, Rollout, Settlement

Steps = list[list[str]]

STATES: Mapping[str, tuple[str, str]] = {
    "running": ("busy", "under way"),
    "done": ("good", "done"),
    "failed": ("bad", "failed"),
    "interrupted": ("warn", "interrupted"),
    "abandoned": ("quiet", "abandoned"),
}
FATES: Mapping[str, tuple[str, str]] = {
    "done": ("good", "done"),
    "rolled-back": ("warn", "rolled back"),
    "failed": ("bad", "failed"),
    "held": ("quiet", "left as it was"),
    "": ("quiet", "waits"),
}


@dataclass(frozen=True, slots=True)
class Summary:
    """One rollout in a list. `fate_of` is what became of each hub that it is settled for."""

    id: str
    state: str
    at: datetime
    ended_at: datetime | None
    who: str
    why: str
    hubs: tuple[str, ...]
    fate_of: Mapping[str, str]

    def only(self, hubs: Container[str]) -> Summary:
        """The part about these hubs, as if there were no others."""
        return replace(
            self,
            hubs=tuple(name for name in self.hubs if name in hubs),
            fate_of={name: fate for name, fate in self.fate_of.items() if name in hubs},
        )

    @property
    def fates(self) -> Mapping[str, int]:
        """How many hubs ended how."""
        return Counter(self.fate_of.values())

    @property
    def word(self) -> str:
        return STATES.get(self.state, ("quiet", ""))[0]

    @property
    def text(self) -> str:
        return STATES.get(self.state, ("quiet", self.state))[1]

    @property
    def took(self) -> float | None:
        return (self.ended_at - self.at).total_seconds() if self.ended_at else None

    @property
    def outcome(self) -> str:
        """`3 done, 1 rolled back`."""
        said = [f"{self.fates[fate]} {FATES[fate][1]}" for fate in FATES if self.fates.get(fate)]
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class HubInRollout:
    """One hub: what was planned, where it stands, what became of it."""

    hub: str
    cluster: str
    action: str
    wave: int
    fate: str
    why: str
    began: datetime | None
    ended: datetime | None
    seconds: float | None
    revision: int | None
    verdict: str
    attempts: int
    problems: tuple[Mapping[str, str], ...]
    phase: str

    @property
    def word(self) -> str:
        if not self.fate and self.began:
            return "busy"
        return FATES.get(self.fate, ("quiet", ""))[0]

    @property
    def text(self) -> str:
        if not self.fate and self.began:
            return self.phase or "under way"
        if not self.fate and self.phase:
            return self.phase
        return FATES.get(self.fate, ("quiet", self.fate))[1]


@dataclass(frozen=True, slots=True)
class Detail:
    """One rollout with its hubs in the order of their waves."""

    summary: Summary
    hubs: tuple[HubInRollout, ...]
    fingerprint: str
    declaration: str
    despite_freeze: str
    beginnings: tuple[Beginning, ...]

    @property
    def ended(self) -> int:
        return sum(bool(hub.fate) for hub in self.hubs)


def summaries(limit: int, before: datetime | None = None) -> list[Summary]:
    """The newest first; three queries."""
    first = Beginning.objects.filter(resumed=False)
    if before is not None:
        first = first.filter(at__lt=before)
    begun = list(first.select_related("rollout").order_by("-at", "-id")[:limit])
    ids = [row.rollout_id for row in begun]
    fates: dict[str, dict[str, str]] = {}
    for rollout, hub, fate in _fates(ids):
        fates.setdefault(rollout, {})[hub] = fate
    return [_summary(row, fates.get(row.rollout_id, {})) for row in begun]


def _fates(rollouts: Collection[str]) -> Iterable[tuple[str, str, str]]:
    """What became of each hub; the last word counts where a rollout went on after a crash."""
    last = (
        Settlement.objects.filter(rollout__in=list(rollouts))
        .values("rollout", "hub")
        .annotate(last=Max("id"))
        .values("last")
        .order_by()
    )
    return Settlement.objects.filter(id__in=last).values_list("rollout_id", "hub", "fate")


def _summary(row: Beginning, fate_of: Mapping[str, str]) -> Summary:
    return Summary(
        id=row.rollout_id,
        state=row.rollout.state,
        at=row.at,
        ended_at=row.rollout.ended_at,
        who=row.who,
        why=row.why,
        hubs=tuple(step[0] for step in row.steps),
        fate_of=fate_of,
    )


def detail(rollout: str, phases: Mapping[str, str] | None = None) -> Detail | None:
    """All of it; None for an id that nobody knows. `phases` are words about hubs under way."""
    begun = list(
        Beginning.objects.filter(rollout_id=rollout).select_related("rollout").order_by("id")
    )
    if not begun:
        return None
    first, last = begun[0], begun[-1]
    settled = {row.hub: row for row in Settlement.objects.filter(rollout_id=rollout).order_by("id")}
    acts = {row.hub: row for row in Act.objects.filter(rollout_id=rollout).order_by("id")}
    judged = {row.hub: row for row in Judgement.objects.filter(rollout_id=rollout).order_by("id")}
    phases = phases or {}
    steps = sorted({step[0]: step for step in (*first.steps, *last.steps)}.values(), key=_wave)
    hubs = tuple(
        _hub(step, settled.get(step[0]), acts.get(step[0]), judged.get(step[0]), phases)
        for step in steps
    )
    fate_of = {hub.hub: hub.fate for hub in hubs if hub.fate}
    return Detail(
        _summary(first, fate_of), hubs, last.fingerprint, last.declaration, last.despite_freeze,
        tuple(begun),
    )  # fmt: skip


def _wave(step: list[str]) -> tuple[int, str]:
    return (int(step[3]), step[0])


def _hub(
    step: list[str],
    settled: Settlement | None,
    act: Act | None,
    judged: Judgement | None,
    phases: Mapping[str, str],
) -> HubInRollout:
    hub, cluster, action, wave = step
    return HubInRollout(
        hub=hub,
        cluster=cluster,
        action=action,
        wave=int(wave),
        fate=settled.fate if settled else "",
        why=settled.why if settled else "",
        began=act.intended_at if act else None,
        ended=act.ended_at if act else None,
        seconds=act.seconds if act else None,
        revision=act.revision if act else None,
        verdict=judged.verdict if judged else "",
        attempts=judged.attempts if judged else 0,
        problems=tuple(act.problems) if act else (),
        phase=phases.get(hub, ""),
    )


def version(rollout: str) -> tuple[int, int, int, int, bool]:
    """Changes whenever anything of the rollout was written down; few small queries."""
    acts = Act.objects.filter(rollout_id=rollout)
    return (
        acts.count(),
        acts.filter(ended_at=None).count(),
        Settlement.objects.filter(rollout_id=rollout).count(),
        Judgement.objects.filter(rollout_id=rollout).count(),
        Rollout.objects.filter(id=rollout, ended_at=None).exists(),
    )
