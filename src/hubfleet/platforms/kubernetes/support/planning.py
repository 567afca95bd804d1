"""The difference between a cluster's declared support charts and its releases. Pure.

Nothing is ever removed: a cluster without its ingress or its certificates is a cluster whose hubs
are away. What is no longer declared is named, and left to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hubfleet.fleet.support import KNOWN, SupportChart
from hubfleet.kit.digest import digest
from hubfleet.planning.steps import Reason

Action = Literal["install", "upgrade", "mend"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One chart as it is to be; `content` stands for the files of a chart in a folder."""

    name: str
    chart: str
    namespace: str
    version: str
    repository: str = ""
    path: str = ""
    content: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """16 digits that stand for the chart and its values."""
        source = [self.repository, self.chart, self.version, self.content, self.namespace]
        return digest([source, self.values])[:16]

    @property
    def values_digest(self) -> str:
        return digest(self.values)[:16]


@dataclass(frozen=True, slots=True)
class Seen:
    """A release that hubfleet made, as its labels tell."""

    name: str
    namespace: str
    status: str
    version: str = ""
    fingerprint: str = ""
    values_digest: str = ""


@dataclass(frozen=True, slots=True)
class SupportStep:
    """One release to be made, changed or mended, and why."""

    action: Action
    cluster: str
    wanted: Wanted
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class SupportPlan:
    """Steps in the declared order; `left` are releases that nobody declares any more."""

    cluster: str
    steps: tuple[SupportStep, ...]
    left: tuple[Seen, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Stands for exactly these changes."""
        return digest(
            [
                [step.action, step.cluster, step.wanted.name, step.wanted.fingerprint]
                + [[reason.key, reason.old, reason.new] for reason in step.reasons]
                for step in self.steps
            ]
        )[:16]

    def as_json(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "fingerprint": self.fingerprint,
            "steps": [
                {
                    "action": step.action,
                    "release": step.wanted.name,
                    "namespace": step.wanted.namespace,
                    "chart": step.wanted.chart,
                    "version": step.wanted.version,
                    "reasons": [reason.as_json() for reason in step.reasons],
                }
                for step in self.steps
            ],
            "left-alone": [one.name for one in self.left],
        }


def wanted_of(name: str, declared: SupportChart, content: str = "", version: str = "") -> Wanted:
    """A declared chart with what hubfleet knows of it; `content` and `version` are those of a
    folder.
    """
    known = KNOWN.get(name)
    return Wanted(
        name=name,
        chart=declared.chart or (known.chart if known else name),
        namespace=declared.namespace or (known.namespace if known else name),
        version=declared.version or version,
        repository=declared.repository or (known.repository if known else ""),
        path=declared.path or "",
        content=content,
        values=merged(known.values if known else {}, declared.values),
    )


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges values: mappings at every depth, anything else replaces."""
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def support_plan(cluster: str, wanted: Iterable[Wanted], seen: Iterable[Seen]) -> SupportPlan:
    """What must happen so that the cluster has what is declared."""
    there = {one.name: one for one in seen}
    charts = list(wanted)
    steps = tuple(
        SupportStep(action, cluster, one, reasons)
        for one in charts
        for action, reasons in _step(one, there.get(one.name))
    )
    declared = {one.name for one in charts}
    return SupportPlan(cluster, steps, tuple(o for o in there.values() if o.name not in declared))


def _step(one: Wanted, seen: Seen | None) -> Iterator[tuple[Action, tuple[Reason, ...]]]:
    if seen is None:
        yield "install", (Reason("version", None, one.version),)
        return
    reasons = []
    if seen.version != one.version:
        reasons.append(Reason("version", seen.version or None, one.version))
    if seen.values_digest != one.values_digest:
        reasons.append(Reason("values", seen.values_digest or None, one.values_digest))
    if not reasons and seen.fingerprint != one.fingerprint:
        reasons.append(Reason("chart", seen.fingerprint or None, one.fingerprint))
    if seen.status != "deployed":
        reasons.append(Reason("state", seen.status, "deployed"))
    if reasons:
        only_state = [reason.key for reason in reasons] == ["state"]
        yield "mend" if only_state else "upgrade", tuple(reasons)
