"""One value changes; every other line, comment and quote stays as somebody wrote it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.edits.flow import flow
from hubfleet.fleet.edits.text import drop, put, value_at
from hubfleet.fleet.yaml import parse_yaml
from hubfleet.kit.errors import HubfleetError

HUB = """\
# Who looks after this: Ada.
cluster: reef   # the old one is full
access:
  # Agreed in March.
  admins: [ada, 'tomas']  # both answer mail
  allow:
    users:
      - bo      # until summer
      - cy
    groups: [a,
             b]   # two lines
title: "Earth: Lab"
profiles:
  - name: Small   # for most
    limits: {memory: 1G}
  # the model runs
  - name: Large
    limits: {memory: 8G, cpu: 2}

# The end.
"""


def changed(text: str, path: str, value: Any) -> str:
    return put(text, "hub.yaml", tuple(path.split(".")), value)


def lines_that_differ(old: str, new: str) -> list[str]:
    from difflib import ndiff

    return [line.rstrip() for line in ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "access.admins",
            ["ada", "tomas", "ines"],
            [
                "-   admins: [ada, 'tomas']  # both answer mail",
                "+   admins: [ada, 'tomas', ines]  # both answer mail",
            ],
        ),
        (
            "access.admins",
            ["tomas"],
            [
                "-   admins: [ada, 'tomas']  # both answer mail",
                "+   admins: ['tomas']  # both answer mail",
            ],
        ),
        ("access.allow.users", ["bo", "cy", "di"], ["+       - di"]),
        ("access.allow.users", ["cy"], ["-       - bo      # until summer"]),
        ("access.allow.users", ["bo"], ["-       - cy"]),
        (
            "access.allow.users",
            [],
            [
                "-     users:",
                "+     users: []",
                "-       - bo      # until summer",
                "-       - cy",
            ],
        ),
        (
            "access.allow.groups",
            ["a", "b", "c"],
            ["-              b]   # two lines", "+              b, c]   # two lines"],
        ),
        (
            "cluster",
            "tent",
            [
                "- cluster: reef   # the old one is full",
                "+ cluster: tent   # the old one is full",
            ],
        ),
        ("title", "a: #b", ['- title: "Earth: Lab"', '+ title: "a: #b"']),
        (
            "profiles",
            [
                {"name": "Small", "limits": {"memory": "1G"}},
                {"name": "Large", "limits": {"memory": "8G", "cpu": 2}},
                {"name": "Huge", "limits": {"memory": "32G"}},
            ],
            ["+   - {name: Huge, limits: {memory: 32G}}"],
        ),
        ("limits.memory", "2G", ["+ limits: {memory: 2G}"]),
        (
            "access.allow.organisations",
            ["jupyter"],
            ["+     organisations: [jupyter]"],
        ),
    ],
)
def test_only_the_lines_that_say_it_change(path: str, value: Any, expected: list[str]) -> None:
    assert lines_that_differ(HUB, changed(HUB, path, value)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cluster", ["- cluster: reef   # the old one is full"]),
        ("access.admins", ["-   admins: [ada, 'tomas']  # both answer mail"]),
        (
            "profiles",
            [
                "- profiles:",
                "-   - name: Small   # for most",
                "-     limits: {memory: 1G}",
                "-   # the model runs",
                "-   - name: Large",
                "-     limits: {memory: 8G, cpu: 2}",
            ],
        ),
        ("nowhere.to.be", []),
    ],
)
def test_a_dropped_value_takes_only_its_own_lines(path: str, expected: list[str]) -> None:
    new = drop(HUB, "hub.yaml", tuple(path.split(".")))
    assert lines_that_differ(HUB, new) == expected


def test_a_mapping_without_its_last_key_goes_too() -> None:
    text = "cluster: reef\naccess: {allow: {users: [bo]}}\n"
    assert drop(text, "hub.yaml", ("access", "allow", "users")) == "cluster: reef\n"


def test_a_file_without_its_last_key_keeps_its_comments() -> None:
    assert drop("# Why.\nstage: staging\n", "hub.yaml", ("stage",)) == "# Why.\n{}\n"
    assert drop("stage: staging\n", "hub.yaml", ("stage",)) == "{}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}\n", "{access: {admins: [ada]}}\n"),
        ("access:\n", "access: {admins: [ada]}\n"),
        ("access: null  # nobody yet\n", "access: {admins: [ada]}  # nobody yet\n"),
        ("access: {admins: []}", "access: {admins: [ada]}"),
        ("stage: staging", "stage: staging\naccess: {admins: [ada]}\n"),
        ("stage: staging\r\n", "stage: staging\r\naccess: {admins: [ada]}\r\n"),
        ("---\nstage: staging\n...\n", "---\nstage: staging\naccess: {admins: [ada]}\n...\n"),
        ("\ufeffstage: staging\n", "\ufeffstage: staging\naccess: {admins: [ada]}\n"),
    ],
)
def test_odd_files_are_changed_too(text: str, expected: str) -> None:
    assert changed(text, "access.admins", ["ada"]) == expected


def test_what_a_value_shares_by_an_alias_is_not_changed_behind_ones_back() -> None:
    text = "limits: &l {memory: 1G}\nguarantees: *l\n"
    with pytest.raises(HubfleetError) as caught:
        changed(text, "limits.memory", "2G")
    assert str(caught.value) == (
        "error[edit-by-hand]: this file is written in a way that cannot be changed for you\n"
        "  --> hub.yaml\n"
        "  why: The change would have touched something else, such as a value that is used twice.\n"
        "  hint: change the file in an editor and commit it"
    )


def test_a_key_below_a_plain_value_is_refused() -> None:
    with pytest.raises(HubfleetError, match="no-such-key"):
        changed("stage: staging\n", "stage.more", 1)


@pytest.mark.parametrize(
    "hostile",
    [
        "ada]\nadmins: [eve",
        "a\n  everyone: true",
        "*anchor",
        "&a",
        "!!python/object:os.system",
        "{a: b}",
        "# not a comment",
        "a # b",
        "a: b",
        "- a",
        "null",
        "~",
        "Yes",
        "1e3",
        "0x10",
        "2026-12-01",
        "",
        " ",
        "'",
        '"',
        "\\",
        "\x00\x07\x1b[31m",
        "\x85\u2028\u2029\ufeff\ufffe",
        "<script>alert(1)</script>",
        "🐙",
        "...",
        "---",
        "<<",
        "%YAML 1.1",
        "@a",
        "`a`",
        "a\tb",
    ],
)
def test_hostile_text_stays_text(hostile: str) -> None:
    for path in ("title", "access.allow.users", "page.announcement", "access.admins"):
        value = [hostile] if path.startswith("access") else hostile
        new = changed(HUB, path, value)
        assert value_at(new, "hub.yaml", tuple(path.split("."))) == value


def test_half_a_character_is_refused() -> None:
    with pytest.raises(HubfleetError, match="not-a-value"):
        changed(HUB, "title", "\ud800")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.none() | st.booleans() | st.integers() | texts
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | numbers,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts.filter(bool), inner, max_size=4)
    ),
    max_leaves=12,
)
keys = st.sampled_from(["a", "b", "c", "access", "x-y"])
trees = st.dictionaries(
    keys, values | st.dictionaries(keys, values, min_size=1, max_size=3), min_size=1, max_size=5
)


@settings(deadline=None)
@given(value=values)
def test_flow_says_what_was_meant(value: Any) -> None:
    document = parse_yaml(f"k: {flow(value)}", "k.yaml")
    assert document.value == {"k": value}


@settings(deadline=None)
@given(tree=trees, path=st.lists(keys, min_size=1, max_size=2), value=values, data=st.data())
def test_an_edit_changes_one_value_and_nothing_else(
    tree: dict[str, Any], path: list[str], value: Any, data: st.DataObject
) -> None:
    """Whatever the file holds, in block or flow style, with comments between."""
    import yaml

    style = data.draw(st.sampled_from([None, False, True]))
    text = yaml.safe_dump(tree, default_flow_style=style, allow_unicode=True, width=60)
    if parse_yaml(text, "t.yaml").value != tree or "? " in text:
        return  # YAML 1.1 wrote what 1.2 reads differently, or a key over several lines
    text = f"# first\n{text.rstrip()}\n# last\n"
    around = tree.get(path[0])
    if len(path) == 2 and not (around is None or isinstance(around, dict)):
        with pytest.raises(HubfleetError, match="no-such-key"):
            put(text, "t.yaml", tuple(path), value)
        return
    new = put(text, "t.yaml", tuple(path), value)
    expected = deepcopy(tree)
    inner = expected
    for key in path[:-1]:
        inner[key] = inner.get(key) or {}
        inner = inner[key]
    inner[path[-1]] = value
    assert parse_yaml(new, "t.yaml").value == expected
    assert new.startswith("# first\n")
    assert "# last" in new
    assert put(new, "t.yaml", tuple(path), value) == new


@settings(deadline=None)
@given(tree=trees, path=st.lists(keys, min_size=1, max_size=2), value=values)
def test_what_was_put_where_nothing_was_can_be_dropped_again(
    tree: dict[str, Any], path: list[str], value: Any
) -> None:
    import yaml

    text = yaml.safe_dump(tree, allow_unicode=True)
    around = tree.get(path[0], {}) if len(path) == 2 else tree
    if parse_yaml(text, "t.yaml").value != tree or not isinstance(around, dict) or not around:
        return
    if "? " in text:
        return  # a key over several lines is refused with a word on what to do
    if path[-1] in around:
        return
    there = put(text, "t.yaml", tuple(path), value)
    assert parse_yaml(drop(there, "t.yaml", tuple(path)), "t.yaml").value == tree
