"""From layers to hubs: which layers a hub has, what they come to, and who gates whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubfleet.fleet.console import ConsolePlace
from hubfleet.fleet.layers import (
    Setting,
    Settings,
    ValuePath,
    flatten,
    merge_all,
    nest,
    said,
)
from hubfleet.fleet.model import Effective, Hub, HubValues, Layer
from hubfleet.fleet.page import Logo
from hubfleet.fleet.software import HubEnvironment
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Place, Problem


@dataclass(frozen=True, slots=True)
class Source:
    """One layer as written. `sound` is False where something in it could not be understood."""

    settings: Settings
    document: Document
    sound: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """A hub after layering, before gates and cross rules.

    `sound` is False where one of its layers is not: then what seems to be missing may only be
    misspelt, and rules about missing things keep still.
    """

    name: str
    document: Document
    settings: Mapping[ValuePath, Setting]
    values: HubValues
    sound: bool
    default_domain: str
    default_title: str
    origins: Mapping[str, Place]

    @property
    def community(self) -> str:
        return self.name.partition("/")[0]

    @property
    def domain(self) -> str:
        return self.values.domain or self.default_domain

    @property
    def place(self) -> Place:
        return self.document.place(())

    def place_of(self, *path: str | int) -> Place:
        """Where a value was written; the hub's own file where no file says it."""
        for length in range(len(path), 0, -1):
            setting = self.settings.get(path[:length])  # type: ignore[arg-type]
            if setting is not None:
                return setting.place_of(*path[length:])
        return self.document.place(path)


def draft_hub(
    name: str,
    fleet: Source,
    clusters: Mapping[str, Source],
    community: Source,
    hub: Source,
    *,
    title: str,
    domain: str,
) -> Draft:
    """Layer a hub. A cluster's defaults cannot choose the cluster: they are looked up by it."""
    layers = [fleet, community, hub]
    chosen = said(merge_all(layer.settings for layer in layers)).get(("cluster",))
    cluster = clusters.get(chosen.value) if chosen else None
    if cluster:
        layers.insert(1, cluster)
    settings = said(merge_all(layer.settings for layer in layers))
    values = HubValues.model_validate(nest({p: s.value for p, s in settings.items()}))
    short = name.partition("/")[2]
    label = f"{short}-{name.partition('/')[0]}"
    return Draft(
        name,
        hub.document,
        settings,
        values,
        all(layer.sound for layer in layers),
        f"{label}.{domain}",
        f"{title} ({short})",
        {
            "domain": fleet.document.place(("service", "domain")),
            "timezone": fleet.document.place(("service", "timezone")),
            "console": fleet.document.place(("service", "console", "address")),
            "title": community.document.place(("name",)),
        },
    )


def finish(
    draft: Draft,
    gate: str | None,
    timezone: str,
    environments: tuple[HubEnvironment, ...] = (),
    of_environments: Mapping[str, tuple[Any, Place]] | None = None,
    logo: Logo | None = None,
    console: ConsolePlace | None = None,
) -> Hub:
    """The hub with its computed values. `gate` is the full name of the hub that gates it."""
    values = draft.values
    computed: dict[str, Any] = {
        "domain": draft.domain,
        "title": values.title or draft.default_title,
        "gate": gate or ("none" if values.gate == "none" else None),
    }
    values = values.model_copy(update=computed)
    flat = flatten(values.model_dump(mode="json"))
    effective = {}
    for path, value in flat.items():
        setting = draft.settings.get(path)
        if setting is None or (path == ("gate",) and value is None):
            layer: Layer = "computed" if path[0] in computed and value is not None else "product"
            origin = draft.origins.get(path[0]) if layer == "computed" else None
            effective[".".join(path)] = Effective(value, layer, origin)
        else:
            effective[".".join(path)] = Effective(value, setting.layer, setting.place)
    effective["timezone"] = Effective(timezone, "computed", draft.origins["timezone"])
    if values.access.sign_in != "console":
        console = None
    if console is not None:
        effective["console"] = Effective(console.address, "computed", draft.origins["console"])
        effective["console.bind"] = Effective(console.bind, "computed", draft.origins["console"])
    if logo is not None:
        effective["page.logo_content"] = Effective(logo.name, "computed")
    for key, (value, place) in (of_environments or {}).items():
        effective[key] = Effective(value, "computed", place)
    return Hub(
        name=draft.name,
        community=draft.community,
        cluster=values.cluster or "",
        domain=draft.domain,
        gate=gate,
        place=draft.place,
        values=values,
        effective=effective,
        environments=environments,
        timezone=timezone,
        logo=logo,
        console=console,
    )


# A hub that could not be understood may be the staging hub that seems to be missing.
_MISSING = frozenset({"no-gate", "ambiguous-gate"})


def gates_of(
    drafts: Mapping[str, Draft], canaries: tuple[str, ...] = ()
) -> tuple[dict[str, str], list[Problem]]:
    """The gate of each hub that has one of its own, and what is wrong with gates.

    A production hub without one waits for the service's canaries, which need none themselves.
    """
    gates: dict[str, str] = {}
    problems: list[Problem] = []
    staging: dict[str, list[str]] = {}
    behind_canaries: list[str] = []
    unsound = {draft.community for draft in drafts.values() if not draft.sound}
    for draft in drafts.values():
        if draft.values.stage == "staging":
            staging.setdefault(draft.community, []).append(draft.name)
    for draft in drafts.values():
        gate = _gate_of(draft, staging.get(draft.community, []), drafts)
        if isinstance(gate, Problem) and gate.code in _MISSING and draft.community in unsound:
            continue
        if isinstance(gate, Problem) and gate.code == "no-gate" and canaries:
            behind_canaries.append(draft.name)
        elif isinstance(gate, Problem):
            problems.append(gate)
        elif gate:
            gates[draft.name] = gate
    for canary in canaries:
        # One canary at a time: a ring through canaries has one of them in it.
        waiting = dict.fromkeys((name for name in behind_canaries if name not in canaries), canary)
        problems += _cycles({**waiting, **gates}, drafts)
    if not canaries:
        problems += _cycles(gates, drafts)
    return gates, list(dict.fromkeys(problems))


def _gate_of(draft: Draft, staging: list[str], drafts: Mapping[str, Draft]) -> str | Problem | None:
    asked = draft.values.gate
    if asked == "none":
        return None
    if draft.values.stage == "staging":
        return _gated_staging(draft)
    if asked:
        return _asked_gate(draft, asked, drafts)
    if len(staging) == 1:
        return staging[0]
    return _missing_gate(draft, staging)


def _gated_staging(draft: Draft) -> Problem | None:
    """A gate that a layer below the hub sets is meant for production hubs only."""
    setting = draft.settings.get(("gate",))
    if setting is None or setting.layer != "hub":
        return None
    return Problem(
        "gated-staging",
        "a staging hub has no gate",
        setting.place,
        why="Staging hubs are changed first; nothing comes before them.",
        hint="remove `gate`, or make the hub `stage: production`",
    )


def _asked_gate(draft: Draft, asked: str, drafts: Mapping[str, Draft]) -> str | Problem:
    full = asked if "/" in asked else f"{draft.community}/{asked}"
    if full in drafts and full != draft.name:
        return full
    place = draft.place_of("gate")
    if full == draft.name:
        return Problem("own-gate", "a hub cannot be its own gate", place, hint="name another")
    near = nearest(full, list(drafts))
    hint = f"did you mean `{near}`?" if near else "name a hub as `hub` or `community/hub`"
    return Problem("unknown-gate", f"the gate `{full}` is not a hub", place, hint=hint)


def _missing_gate(draft: Draft, staging: list[str]) -> Problem:
    if staging:
        return Problem(
            "ambiguous-gate",
            f"`{draft.name}` has {len(staging)} staging hubs and no `gate`",
            draft.place,
            why=f"Its community has {' and '.join(name.partition('/')[2] for name in staging)}.",
            hint=f"write `gate: {staging[0].partition('/')[2]}`",
        )
    return Problem(
        "no-gate",
        f"the production hub `{draft.name}` has no gate",
        draft.place,
        why="Its community has no staging hub on which a change is tried first.",
        hint="add a hub with `stage: staging`, name a hub with `gate:`, or write `gate: none`",
    )


def _cycles(gates: Mapping[str, str], drafts: Mapping[str, Draft]) -> list[Problem]:
    """One problem for each ring of gates, at its first hub."""
    problems = []
    done: set[str] = set()
    for start in sorted(gates):
        path: list[str] = []
        name: str | None = start
        while name is not None and name not in done and name not in path:
            path.append(name)
            name = gates.get(name)
        if name is not None and name in path:
            ring = path[path.index(name) :]
            first = min(ring)
            ring = ring[ring.index(first) :] + ring[: ring.index(first)]
            problems.append(
                Problem(
                    "gate-cycle",
                    f"these gates wait for each other: {' -> '.join([*ring, first])}",
                    drafts[first].place_of("gate"),
                    hint="let one of them have another gate, or `gate: none`",
                )
            )
        done.update(path)
    return problems
