"""Fleets and worlds as plain values, and a world that obeys: what planning is tested against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hubfleet.fleet.model import (
    Cluster,
    ClusterFile,
    Effective,
    Fleet,
    Hub,
    HubValues,
    Rollout,
    Service,
)
from hubfleet.kit.errors import Place
from hubfleet.planning.observation import Observation, ObservedHub
from hubfleet.planning.steps import CreateHub, RemoveHub, StartHub, Step, UpdateHub

SOFTWARE = {"hubfleet": "1", "jupyterhub": "6"}


def a_hub(
    name: str,
    cluster: str = "reef",
    *,
    stage: str = "production",
    gate: str | None = None,
    **values: Any,
) -> Hub:
    """A hub with these flat effective values, each written on a line of its own."""
    file = f"communities/{name.replace('/', '/hubs/')}.yaml"
    flat = {"cluster": cluster, "stage": stage, "gate": gate, **values}
    effective = {
        key: Effective(value, "hub", Place(file, line, 1))
        for line, (key, value) in enumerate(flat.items(), start=1)
    }
    effective["interface"] = Effective("lab", "product")
    return Hub(
        name=name,
        community=name.partition("/")[0],
        cluster=cluster,
        domain=f"{name.replace('/', '-')}.localhost",
        gate=gate,
        place=Place(file),
        values=HubValues.model_validate({"cluster": cluster, "stage": stage}),
        effective=effective,
    )


def a_fleet(*hubs: Hub, **rollout: Any) -> Fleet:
    clusters = {
        name: Cluster(name, ClusterFile(platform="local"), Place(f"clusters/{name}.yaml"))
        for name in {hub.cluster for hub in hubs}
    }
    service = Service(name="S", operator="O", contact="a@example.org", domain="localhost")
    return Fleet(
        root=Path("fleet"),
        service=service,
        rollout=Rollout(**rollout),
        clusters=clusters,
        hubs={hub.name: hub for hub in hubs},
    )


def seen(hub: Hub, **changes: Any) -> ObservedHub:
    """The hub running exactly as declared, but for the changes."""
    observed = ObservedHub(hub.name, hub.cluster, "running", hub.flat(), SOFTWARE, revision=1)
    return replace(observed, **changes)


def a_world(*hubs: ObservedHub, clusters: Iterable[str] = ()) -> list[Observation]:
    names = sorted({*clusters, *(hub.cluster for hub in hubs)})
    return [
        Observation(name, {hub.name: hub for hub in hubs if hub.cluster == name}, dict(SOFTWARE))
        for name in names
    ]


def obey(world: Iterable[Observation], steps: Iterable[Step], clusters: Iterable[str]) -> Any:
    """The world after the steps were carried out."""
    hubs: dict[str, ObservedHub] = {}
    for observation in world:
        hubs.update(observation.hubs)
    for step in steps:
        match step:
            case CreateHub(hub) | UpdateHub(hub) | StartHub(hub):
                hubs[hub.name] = seen(hub)
            case RemoveHub(name):
                del hubs[name]
    return a_world(*hubs.values(), clusters=clusters)


names = st.sampled_from([f"{c}/{h}" for c in ("ant", "bee", "cat") for h in ("a", "b", "c")])
clusters = st.sampled_from(["reef", "dune"])
scalars = st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["1G", "2G"]))
extra: st.SearchStrategy[Mapping[str, Any]] = st.dictionaries(
    st.sampled_from(["memory", "title", "groups"]), scalars, max_size=3
)


@st.composite
def hubs(draw: st.DrawFn, fewest: int = 0) -> list[Hub]:
    chosen = draw(st.lists(names, unique=True, min_size=fewest, max_size=6))
    made: list[Hub] = []
    for name in chosen:
        stage = draw(st.sampled_from(["staging", "production"]))
        earlier = [hub.name for hub in made]
        gate = None
        if stage == "production" and earlier:
            gate = draw(st.one_of(st.none(), st.sampled_from(earlier)))
        made.append(a_hub(name, draw(clusters), stage=stage, gate=gate, **draw(extra)))
    return made


@st.composite
def observed_hubs(draw: st.DrawFn) -> list[ObservedHub]:
    states = st.sampled_from(["running", "starting", "hanging", "stopped", "crashed"])
    software = st.sampled_from([SOFTWARE, {**SOFTWARE, "jupyterhub": "5"}])
    return [
        seen(hub, state=draw(states), software=draw(software), values={**hub.flat(), **draw(extra)})
        for hub in draw(hubs())
    ]
