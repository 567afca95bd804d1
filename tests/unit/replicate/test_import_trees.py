"""Trees of values come in: what Helm would be given for each hub is what it was given before."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.load import load_fleet
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.values import render_values
from hubfleet.replicate.importing.clusters_tree import Tree, from_tree
from hubfleet.replicate.importing.found import Origin, alike, leaves_of
from hubfleet.replicate.importing.hubploy import from_hubploy
from hubfleet.replicate.importing.nebari import from_nebari
from hubfleet.replicate.importing.settling import Settled, settle
from hubfleet.replicate.importing.tljh import from_tljh
from hubfleet.replicate.importing.writing import write
from tests.unit.rendering.test_rendering_laws import FOREIGN_VALUES
from tests.unit.replicate.fleets import ADA, empty_fleet, fate_of, written

WAY_IN = {"hub": {"config": {"JupyterHub": {"authenticator_class": "dummy"},
                             "Authenticator": {"admin_users": ["ada"]}}}}  # fmt: skip
CHART = {"dependencies": [{"name": "jupyterhub", "version": "4.3.3"}]}
SOPS = {"version": "3.9.0"}


def merged(*layers: Any) -> Any:
    """As Helm layers values: mappings merge, everything else replaces. Ours, and not the code's."""
    result: Any = {}
    for layer in layers:
        result = _over(result, layer)
    return result


def _over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {
        key: _over(below[key], above[key]) if key in below and key in above
        else above.get(key, below.get(key))
        for key in [*below, *(key for key in above if key not in below)]
    }  # fmt: skip


def differences(root: Path, tree: Tree, wanted: dict[str, Any]) -> dict[str, list[str]]:
    """By hub, what the fleet that was written would give to Helm and the source did not."""
    for found in tree.hubs:
        found.give("access.sign_in", "shared-password", Origin("the test"))
    settled = [settle(one) for one in tree.hubs]
    done = write(root, settled, tree.clusters, ADA)
    assert done.missing == (), [str(one) for one in done.missing]
    fleet = load_fleet(root)
    lost: dict[str, list[str]] = {}
    for name in (one.found.name for one in settled):
        hub = fleet.hubs[name]
        rendered = render_values(hub, fleet.clusters[hub.cluster], Pins.placeholders())
        ours = dict(leaves_of(rendered))
        assert hub.values.chart.version == "4.3.3"
        lost[name] = [
            ".".join(path)
            for path, value in leaves_of(wanted[name])
            if path not in ours or not alike(value, ours[path])
        ]
    return lost


def test_a_tree_of_clusters_gives_helm_what_it_gave_before(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    folder = tree / "config/clusters/reef"
    chart = {"jupyterhub": {"singleuser": {"defaultUrl": "/tree", "extraEnv": {"A": "1"}}}}
    common = {"jupyterhub": merged(WAY_IN, {"singleuser": {"extraEnv": {"B": "2"}, "fsGid": 5}})}
    anchors = (
        "jupyterhub:\n  singleuser:\n    defaultUrl: /lab\n    memory: &m {limit: 2G}\n"
        "    profileList:\n      - display_name: Small\n        default: yes\n"
        "        kubespawner_override: &o {mem_limit: 2G, uid: 0}\n"
        "      - {display_name: Big, kubespawner_override: {<<: *o, mem_limit: 8G}}\n"
        "  custom: {homepage: {x: [1, on, 0755]}}\n"
    )
    written(tree / "helm-charts/basehub/Chart.yaml", CHART)
    written(tree / "helm-charts/basehub/values.yaml", chart)
    written(folder / "common.yaml", common)
    written(folder / "prod.yaml", anchors)
    written(folder / "secret.yaml", {"jupyterhub": {"hub": {"x": "ENC[canary]"}}, "sops": SOPS})
    files = {"staging": ["common.yaml"], "prod": ["common.yaml", "prod.yaml", "secret.yaml"]}
    hubs = [
        {"name": name, "domain": f"{name}.example.org", "helm_chart_values_files": layers}
        for name, layers in files.items()
    ]
    written(folder / "cluster.yaml", {"name": "reef", "provider": "aws", "hubs": hubs})
    own = {
        "singleuser": {
            "defaultUrl": "/lab",
            "memory": {"limit": "2G"},
            "profileList": [
                {"display_name": "Small", "default": True,
                 "kubespawner_override": {"mem_limit": "2G", "uid": 0}},
                {"display_name": "Big", "kubespawner_override": {"mem_limit": "8G", "uid": 0}},
            ],
        },
        "custom": {"homepage": {"x": [1, True, 493]}},
    }  # fmt: skip
    below = merged(chart["jupyterhub"], common["jupyterhub"])
    wanted = {"reef/staging": below, "reef/prod": merged(below, own)}
    found = from_tree(tree)
    assert differences(empty_fleet(tmp_path / "fleet"), found, wanted) == {
        "reef/staging": [], "reef/prod": [],
    }  # fmt: skip
    assert "canary" not in "".join(one.read_text() for one in tmp_path.glob("fleet/**/*.yaml"))
    prod = settle(found.hubs[1])
    assert fate_of(prod, "jupyterhub.hub.x") == ("secret", "helm_values.hub.x")


def test_a_tree_of_hubploy_gives_helm_what_it_gave_before(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    chart = {"jupyterhub": {"singleuser": {"cpu": {"guarantee": 0.05}, "extraEnv": {"A": "1"}}}}
    common = {"jupyterhub": merged(WAY_IN, {"singleuser": {"memory": {"limit": "1G"}}})}
    prod = {"jupyterhub": {"singleuser": {"memory": {"limit": "2G"}}, "cull": {"maxAge": 60}}}
    written(tree / "hub/values.yaml", chart)
    written(tree / "hub/requirements.yaml", CHART)
    written(tree / "deployments/stat/hubploy.yaml", {"cluster": {"provider": "gcloud"}})
    written(tree / "deployments/stat/config/common.yaml", common)
    written(tree / "deployments/stat/config/prod.yaml", prod)
    written(tree / "deployments/stat/config/staging.yaml", {})
    below = merged(chart["jupyterhub"], common["jupyterhub"])
    wanted = {"stat/staging": below, "stat/prod": merged(below, prod["jupyterhub"])}
    assert differences(empty_fleet(tmp_path / "fleet"), from_hubploy(tree), wanted) == {
        "stat/prod": [], "stat/staging": [],
    }  # fmt: skip


def test_hubs_of_one_cluster_keep_the_versions_of_their_charts(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    hubs = [{"name": name, "helm_chart": name} for name in ("basehub", "daskhub")]
    for name, version in (("basehub", "4.3.3"), ("daskhub", "3.2.1")):
        depends = [{"name": "jupyterhub", "version": version}]
        written(tree / f"helm-charts/{name}/Chart.yaml", {"dependencies": depends})
    written(tree / "config/clusters/reef/cluster.yaml", {"name": "reef", "hubs": hubs})
    declared = [settle(one).declaration["chart"] for one in from_tree(tree).hubs]
    assert declared == [{"version": "4.3.3"}, {"version": "3.2.1"}]


@settings(deadline=None, max_examples=25)
@given(st.lists(FOREIGN_VALUES, min_size=1, max_size=3))
def test_every_key_of_every_layer_is_told(layers: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as name:
        tree = Path(name)
        folder = tree / "config/clusters/reef"
        files = [f"{number}.yaml" for number in range(len(layers))]
        for file, values in zip(files, layers, strict=True):
            written(folder / file, {"jupyterhub": values})
        hub = {"name": "prod", "helm_chart_values_files": files, "new": {"x": 1}}
        written(folder / "cluster.yaml", {"hubs": [hub], "provider": "gcp", "odd": {"a": 1}})
        found = from_tree(tree)
    settled = settle(found.hubs[0])
    told = {(str(one.origin.place), one.origin.key) for one in settled.fates}
    for file, values in zip(files, layers, strict=True):
        keys = {key for place, key in told if place.startswith(f"reef/{file}:")}
        assert {f"jupyterhub.{'.'.join(path)}" for path, _ in leaves_of(values)} <= keys
    source = {one.origin.key for one in found.fates}
    assert {"provider", "odd.a"} <= source
    assert {"hubs[0].name", "hubs[0].new"} <= {key for _, key in told}


KEYS = st.sampled_from(
    ["users", "admin", "auth", "type", "limits", "memory", "https", "services", "cull", "theme",
     "jupyterhub", "overrides", "hub", "domain", "profiles", "jupyterlab", "provider", "security",
     "local", "x", "user_environment", "default_app", "environments"]
)  # fmt: skip
LEAVES = st.one_of(
    st.text("abc1G/", max_size=6), st.integers(0, 9), st.booleans(), st.none(),
    st.lists(st.text("abc", min_size=1, max_size=3), max_size=2),
)  # fmt: skip
TREES = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=4), max_leaves=8),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(TREES)
def test_every_key_of_a_single_file_is_told_once(values: dict[str, Any]) -> None:
    with TemporaryDirectory() as name:
        file = written(Path(name) / "config.yaml", yaml.safe_dump(values))
        found = [
            from_tljh(file, community="a", hub="b", cluster="c"),
            from_nebari(file, community="a", hub="b", cluster="c")[0],
        ]
    wanted = {".".join(path) for path, _ in leaves_of(values)}
    for one in found:
        settled: Settled = settle(one)
        told = [fate.origin.key.partition("[")[0] for fate in settled.fates]
        assert wanted <= set(told)
        assert not {key for key in told if told.count(key) > 1 and "[" not in key} & {
            fate.origin.key for fate in settled.fates if fate.went == "typed"
        }
