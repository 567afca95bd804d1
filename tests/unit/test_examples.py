"""The example fleets: right, complete, and able to run on one laptop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.model import ClusterFile, CommunityFile, Declared, Fleet, FleetFile, HubValues

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def service() -> Fleet:
    return load_fleet(EXAMPLES / "service-43")


def test_the_starter_is_one_community_with_staging_and_production() -> None:
    fleet = load_fleet(EXAMPLES / "starter")
    stages = {name: hub.stage for name, hub in fleet.hubs.items()}
    assert stages == {"garden/prod": "production", "garden/staging": "staging"}
    assert fleet.hubs["garden/prod"].gate == "garden/staging"
    assert fleet.hubs["garden/prod"].values.limits.memory == "2G"


def test_the_service_has_43_hubs_on_17_clusters_for_20_communities(service: Fleet) -> None:
    assert len(service.hubs) == 43
    assert len(service.clusters) == 17
    assert len(service.communities) == 20


def test_every_cluster_of_the_service_has_a_hub(service: Fleet) -> None:
    assert {hub.cluster for hub in service.hubs.values()} == set(service.clusters)


def test_shared_clusters_have_several_communities_and_dedicated_ones_one(service: Fleet) -> None:
    communities = {(hub.cluster, hub.community) for hub in service.hubs.values()}
    counts = Counter(cluster for cluster, _ in communities)
    for name, cluster in service.clusters.items():
        if cluster.file.tenancy == "dedicated":
            assert counts[name] == 1, name
        else:
            assert counts[name] > 1, name


@pytest.mark.parametrize("name", ["starter", "service-43"])
def test_an_example_runs_on_one_laptop(name: str) -> None:
    fleet = load_fleet(EXAMPLES / name)
    assert fleet.service.domain == "localhost"
    assert {cluster.file.platform for cluster in fleet.clusters.values()} == {"local"}
    methods = {hub.values.access.sign_in for hub in fleet.hubs.values()}
    assert methods == ({"console"} if name == "starter" else {"shared-password"})
    assert all(hub.domain.endswith(".localhost") for hub in fleet.hubs.values())


def test_few_environments_are_built_for_the_service(service: Fleet) -> None:
    environments = {tuple(sorted(h.values.environment.packages)) for h in service.hubs.values()}
    assert 2 <= len(environments) <= 4


def test_every_field_is_used_somewhere_in_the_service() -> None:
    # Ways to sign in that need a provider have a fleet of their own: the service runs offline.
    # So have clusters on Kubernetes, because the service runs on one laptop.
    roots = [EXAMPLES / name for name in ("service-43", "sign-in", "kubernetes")]
    used: set[str] = set()
    files = ("fleet.yaml", "clusters/*.yaml", "communities/*/community.yaml")
    for pattern in (*files, "communities/*/hubs/*.yaml"):
        used.update(key for root in roots for path in root.glob(pattern) for key in _keys(path))
    models = (FleetFile, ClusterFile, CommunityFile, HubValues)
    declarable = {key for model in models for key in _fields(model)}
    # A further environment has the fields of the first.
    # So have charts beside the hubs, each under a name of its own.
    named = ("environments.", "kubernetes.support.")
    declarable = {key for key in declarable if not key.startswith(named)}
    # Where the file says names of its own, the fields below them count.
    own_names = re.compile(r"^(service\.(?:responsibilities|console\.providers))\.[^.]+\.")
    used |= {own_names.sub(r"\1.", key) for key in used}
    # Nobody needs the network to fetch a commit, or a chart of one's own; and secrets stand in no
    # plain file.
    secret = {
        "access.client.secret",
        "service.console.providers.client.secret",
        "service.mail.password",
    }
    assert declarable - used == {"chart.path", "environment.ref", *secret}


def test_the_ways_to_sign_in_lack_their_secrets_and_nothing_else() -> None:
    with pytest.raises(FleetErrors) as raised:
        load_fleet(EXAMPLES / "sign-in")
    found = [(problem.code, problem.hint) for problem in raised.value.problems]
    service = [
        ("no-mail-password", "run `hubfleet secret set fleet.yaml service.mail.password`"),
        *(
            (
                "no-client-secret",
                "run `hubfleet secret set fleet.yaml "
                f"service.console.providers.{name}.client.secret`",
            )
            for name in ("github", "google", "cilogon", "campus")
        ),
    ]
    hubs = (
        "campus/federated",
        "campus/older",
        "campus/staff",
        "reef-lab/github",
        "reef-lab/google",
    )
    assert sorted(found) == sorted(
        [
            *service,
            *(
                ("no-client-secret", f"run `hubfleet secret set {hub} access.client.secret`")
                for hub in hubs
            ),
        ]
    )


def _keys(path: Path) -> Iterator[str]:
    declared = yaml.safe_load(path.read_text())
    yield from _dotted(declared)
    yield from _dotted(declared.get("defaults", {}))


def _dotted(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _dotted(item, prefix)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"{prefix}{key}"
            yield from _dotted(inner, f"{prefix}{key}.")


def _fields(model: type[Declared], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Declared):
                yield from _fields(kind, f"{prefix}{name}.")
