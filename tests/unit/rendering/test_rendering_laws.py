"""Laws of rendering, for random hubs on random clusters."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.kit.units import parse_memory
from hubfleet.platforms.kubernetes.rendering.adopting import adopt, hub_with
from hubfleet.platforms.kubernetes.rendering.entries import leaves
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.schema import ChartRules, bundled
from hubfleet.platforms.kubernetes.rendering.values import render, render_values
from tests.unit.rendering.fields import CLUSTERS, HUBS
from tests.unit.rendering.hubs import PINS, cluster_of, hub_of

RULES = ChartRules(bundled())


@settings(deadline=None, max_examples=60)
@given(HUBS, CLUSTERS)
def test_the_chart_takes_whatever_is_rendered(
    fields: dict[str, Any], cluster: dict[str, Any]
) -> None:
    hub = hub_of(fields)
    assert RULES.problems(render(hub, cluster_of(cluster), PINS), hub) == []


@settings(deadline=None, max_examples=60)
@given(HUBS)
def test_a_pod_is_never_promised_more_than_it_may_have(fields: dict[str, Any]) -> None:
    """Kubernetes refuses such a pod; what people declare themselves, `validate` checks."""
    for key in ("guarantees",):
        fields.pop(key, None)
    for profile in fields.get("profiles", ()):
        profile.pop("guarantees", None)
    server = render_values(hub_of(fields), cluster_of(), PINS)["singleuser"]
    usual = {
        "mem_limit": server["memory"]["limit"],
        "mem_guarantee": server["memory"]["guarantee"],
        "cpu_limit": server["cpu"]["limit"],
        "cpu_guarantee": server["cpu"]["guarantee"],
    }
    for profile in server.get("profileList", ()):
        options = profile.get("profile_options", {}).values()
        choices = [c["kubespawner_override"] for o in options for c in o["choices"].values()]
        for choice in [{}, *choices]:
            pod = usual | profile["kubespawner_override"] | choice
            assert parse_memory(pod["mem_guarantee"]) <= parse_memory(pod["mem_limit"])
            assert pod["cpu_guarantee"] <= pod["cpu_limit"]


@settings(deadline=None, max_examples=60)
@given(HUBS, CLUSTERS)
def test_what_was_rendered_is_adopted_and_rendered_alike(
    fields: dict[str, Any], cluster: dict[str, Any]
) -> None:
    declared = {"access": {"sign_in": "shared-password"}, **fields}
    place = cluster_of(cluster)
    values = render_values(hub_of(fields), place, PINS)
    adopted = adopt(values, place.file.kubernetes)
    again = render_values(
        hub_with(adopted.declaration(), name="earth-lab/prod"),
        place,
        Pins.read({**PINS.as_json(), **adopted.pins}),
    )
    assert _comparable(again) == _comparable(values)
    assert set(dict(leaves(adopted.helm_values))) - {()} <= set(
        dict(leaves(declared.get("helm_values", {})))
    ) | {("hub", "config", "JupyterHub", "log_level")}


FOREIGN = st.recursive(
    st.one_of(st.booleans(), st.integers(0, 9), st.sampled_from(["a", "b.c", "2Gi"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=6,
)
FOREIGN_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "singleuser": st.fixed_dictionaries(
            {},
            optional={
                "memory": st.sampled_from([{"limit": "2G", "guarantee": "1G"}, {"limit": 2**30}]),
                "profileList": st.just([{"display_name": "A", "kubespawner_override": {"uid": 0}}]),
                "image": st.just({"name": "quay.io/a/b", "tag": "1"}),
                "extraEnv": st.just({"A": "1"}),
                "storage": st.just({"capacity": "5Gi", "type": "static"}),
            },
        ),
        "hub": st.fixed_dictionaries(
            {},
            optional={
                "config": st.sampled_from(
                    [
                        {"JupyterHub": {"authenticator_class": "tmp"}},
                        {
                            "JupyterHub": {"authenticator_class": "github"},
                            "GitHubOAuthenticator": {
                                "allowed_organizations": ["a", "b:c"],
                                "client_id": "x",
                                "populate_teams_in_auth_state": True,
                            },
                        },
                        {"Authenticator": {"admin_users": ["ada"], "delete_invalid_users": True}},
                    ]
                ),
                "allowNamedServers": st.booleans(),
                "extraConfig": st.just({"mine": "pass"}),
            },
        ),
        "cull": st.sampled_from([{"timeout": 3600, "maxAge": 0}, {"every": 60}]),
        "custom": st.dictionaries(st.sampled_from("abc"), FOREIGN, max_size=2),
    },
)


@settings(deadline=None, max_examples=80)
@given(FOREIGN_VALUES)
def test_nothing_that_somebody_set_is_lost(values: dict[str, Any]) -> None:
    adopted = adopt(values)
    hub = hub_with(adopted.declaration())
    found = dict(leaves(render_values(hub, cluster_of({"context": "x"}), PINS)))
    for path, value in leaves(values):
        if path and value != {}:
            assert path in found, path
            assert _alike(found[path], value), path


def _alike(one: Any, other: Any) -> bool:
    """Amounts may be written otherwise; the members of a list in another order."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    if isinstance(one, str) and isinstance(other, int) and not isinstance(other, bool):
        return parse_memory(one) == other
    return bool(one == other)


def _comparable(values: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    # Secrets are set apart, and the zone of a last day is the service's.
    left = ("client_secret", "timezone", "title")
    return {path: value for path, value in leaves(values) if path[-1] not in left}
