"""Laws of layering, over random layers: on plain settings, and through files on disk."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.layers import flatten, merge, nest, settings_of
from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Hub, HubValues
from hubfleet.fleet.yaml import parse_yaml

LAYERS = ("fleet", "cluster", "community", "hub")
FILES = {
    "fleet": "fleet.yaml",
    "cluster": "clusters/reef.yaml",
    "community": "communities/earth/community.yaml",
    "hub": "communities/earth/hubs/prod.yaml",
}
PERSON = {"name": "Ada Example", "email": "ada@example.org"}
HEADS: dict[str, dict[str, Any]] = {
    "fleet": {
        "service": {"name": "S", "operator": "O", "contact": "a@example.org", "domain": "localhost"}
    },
    "cluster": {"platform": "local"},
    "community": {"name": "Earth Lab", "representatives": [PERSON]},
    "hub": {"cluster": "reef", "gate": "none", "access": {"admins": ["ada"]}},
}


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


PEOPLE = st.lists(st.sampled_from(["ada", "ben", "cyd"]), unique=True)
FIELDS = _some(
    interface=_maybe("lab", "notebook"),
    title=_maybe("One", "no", "2026-12-01", "# two: 2"),
    limits=st.none() | _some(memory=_maybe("512M", "2G"), cpu=_maybe(0.5, 4)),
    culling=st.none() | _some(idle=_maybe("1h30m", "0s"), max_age=_maybe("2d")),
    storage=st.none() | _some(shared=_maybe(True, False)),
    groups=st.none() | _some(a=st.none() | PEOPLE, b=st.none() | PEOPLE),
    environment=st.none() | _some(packages=_maybe(["numpy>=2", "pandas"], [])),
    jupyterhub=st.none()
    | _some(
        config=st.none()
        | _some(
            JupyterHub=st.none()
            | _some(
                concurrent_spawn_limit=_maybe(1, 2),
                template_vars=_maybe({"a": {"b": None}}, {"c": [1, None]}),
            )
        )
    ),
)
FLEETS = st.fixed_dictionaries(dict.fromkeys(LAYERS, FIELDS))


def write(root: Path, layers: dict[str, Any], **style: Any) -> None:
    for layer, fields in layers.items():
        head = HEADS[layer]
        value = {**fields, **head} if layer == "hub" else {**head, "defaults": fields}
        file = root / FILES[layer]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(value, **style), encoding="utf-8")


def load(layers: dict[str, Any], **style: Any) -> Hub:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), layers, **style)
        return load_fleet(Path(folder)).hubs["earth/prod"]


def expected(layers: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """By walking down from the top for each value: another way to say what layering means."""
    flats = [(layer, flatten(layers[layer])) for layer in reversed(LAYERS)]
    paths = {path for _, flat in flats for path in flat} | set(flatten(HubValues().model_dump()))
    product = flatten(HubValues().model_dump(mode="json"))
    found = {}
    for path in paths:
        for layer, flat in flats:
            if flat.get(path) is not None:
                found[".".join(path)] = (flat[path], layer)
                break
            if any(path[:length] in flat for length in range(1, len(path) + 1)):
                if path in product:
                    found[".".join(path)] = (product[path], "product")
                break
        else:
            found[".".join(path)] = (product[path], "product")
    return found


def some_layer(name: str) -> st.SearchStrategy[Any]:
    return FIELDS.map(lambda value: settings_of(value, "hub", parse_yaml("a: 1", name)))


@given(some_layer("one"), some_layer("two"), some_layer("three"))
def test_merging_is_associative(one: Any, two: Any, three: Any):
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(some_layer("one"))
def test_merging_with_nothing_or_itself_changes_nothing(one: Any):
    assert merge(one, {}) == merge({}, one) == merge(one, one) == one


@given(FIELDS)
def test_nesting_undoes_flattening(value: dict[str, Any]):
    assert flatten(nest(flatten(value))) == flatten(value)


@settings(deadline=None, max_examples=80)
@given(FLEETS)
def test_the_highest_layer_that_says_something_wins(layers: dict[str, Any]):
    hub = load(layers)

    computed = {
        "domain",
        "title",
        "gate",
        "timezone",
        "cluster",
        "console",
        "console.bind",
        "access.admins",
    }
    found = {
        key: (effective.value, effective.layer)
        for key, effective in hub.effective.items()
        if key not in computed
    }
    wanted = {key: value for key, value in expected(layers).items() if key not in computed}
    assert found == wanted


@settings(deadline=None, max_examples=40)
@given(FLEETS, st.data())
def test_form_and_order_change_nothing(layers: dict[str, Any], data: st.DataObject):
    plain = load(layers, sort_keys=False)
    order = data.draw(st.permutations(LAYERS))
    other = load(
        {layer: layers[layer] for layer in order},
        sort_keys=True,
        default_flow_style=data.draw(st.booleans()),
        default_style=None,
        indent=data.draw(st.sampled_from([2, 4, 8])),
        width=data.draw(st.sampled_from([20, 80])),
    )

    assert plain.flat() == other.flat()
    assert plain.values == other.values
    origins = {key: effective.layer for key, effective in plain.effective.items()}
    assert origins == {key: effective.layer for key, effective in other.effective.items()}


def test_comments_and_quotes_change_nothing(tmp_path: Path):
    layers: dict[str, Any] = {layer: {} for layer in LAYERS}
    layers["community"] = {"limits": {"memory": "2G"}, "groups": {"a": ["ada"]}}
    write(tmp_path, layers)
    plain = load_fleet(tmp_path).hubs["earth/prod"].flat()
    file = tmp_path / FILES["community"]
    text = file.read_text().replace("memory: 2G", "'memory': \"2G\"  # enough\n\n    # and more")
    file.write_text("# first\n" + text)

    assert load_fleet(tmp_path).hubs["earth/prod"].flat() == plain


ORIGINS = {"fleet.yaml", "communities/earth/community.yaml"}


@settings(deadline=None, max_examples=40)
@given(FLEETS, st.booleans())
def test_a_place_points_to_the_line_that_holds_the_key(layers: dict[str, Any], flow: bool):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, layers, default_flow_style=flow)
        for key, effective in load_fleet(root).hubs["earth/prod"].effective.items():
            if effective.layer == "product":
                assert effective.place is None
                continue
            if effective.layer == "computed":
                assert effective.place is None or effective.place.file in ORIGINS
                continue
            place = effective.place
            assert place is not None
            assert place.file == FILES[effective.layer]
            line = (root / place.file).read_text().splitlines()[place.line - 1]
            assert line[place.column - 1 :].startswith(key.rpartition(".")[2])


@settings(deadline=None, max_examples=40)
@given(FLEETS)
def test_effective_values_are_json_and_make_the_same_values_again(layers: dict[str, Any]):
    hub = load(layers)

    flat = json.loads(json.dumps({key: e.value for key, e in hub.effective.items()}))
    assert flat == hub.flat()
    nested = hub.values.model_dump(mode="json")
    assert HubValues.model_validate(nested) == hub.values
