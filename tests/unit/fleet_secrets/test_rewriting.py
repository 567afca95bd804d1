"""Secret files as text: set, shown, sealed again; comments and order stay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.secrets.rewriting import Target, open_text, seal_edited, sealed_anew, with_value
from hubfleet.fleet.secrets.secret import filled, revealed
from hubfleet.fleet.secrets.secret_yaml import parse_secret_text
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet_secrets.keyring import FILE, identity_in, sealed


@pytest.fixture(scope="module")
def ada(tmp_path_factory):
    return identity_in(tmp_path_factory.mktemp("ada"))


@pytest.fixture(scope="module")
def target(ada):
    return Target(FILE, ada.public_keys())


def opened(text, identity):
    document = parse_secret_text(text, FILE)
    assert document.problems == ()
    return filled(document.value, revealed(document.value, identity))


printable = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t#:'\"| -"), max_size=30
)
leaves = st.booleans() | st.integers(-(10**9), 10**9) | printable | st.lists(printable, max_size=2)
trees = st.dictionaries(
    printable.filter(lambda k: k != "<<"),
    st.recursive(
        leaves, lambda t: st.dictionaries(st.sampled_from("abc"), t, min_size=1, max_size=3)
    ),
    min_size=1,
    max_size=3,
)


@given(tree=trees)
@settings(max_examples=150, deadline=None)
def test_what_is_set_can_be_edited_and_comes_back(ada, target, tree):
    text = ""
    for key, value in tree.items():
        text = with_value(text, (key,), value, target)
    assert opened(text, ada) == tree
    shown = open_text(text, FILE, ada)
    again, count = seal_edited(text, shown, target, ada)
    assert (again, count) == (text, 0)


FILE_TEXT = """\
# what this is for
zebra:
  # rotate yearly
  second: {two} # from the vault
  first: {one}

# the end
alpha: {three}
# really
"""


@pytest.fixture
def text(ada):
    return FILE_TEXT.format(
        two=sealed("canary-2", "zebra.second", ada),
        one=sealed("line 1\nline 2\n", "zebra.first", ada),
        three=sealed(["a", 1], "alpha", ada),
    )


def test_an_edit_seals_what_changed_and_nothing_else(ada, target, text):
    shown = open_text(text, FILE, ada)
    assert '  second: "canary-2" # from the vault\n' in shown
    edited = shown.replace("canary-2", "canary-9").replace("rotate yearly", "rotate monthly")
    again, count = seal_edited(text, edited, target, ada)
    assert count == 1
    assert opened(again, ada)["zebra"] == {"second": "canary-9", "first": "line 1\nline 2\n"}
    before, after = text.splitlines(), again.splitlines()
    assert [line for line in before if line not in after] == [before[2], before[3]]
    assert len(before) == len(after)
    assert after[2] == "  # rotate monthly"


@pytest.mark.parametrize(
    "below", ["\n\n# below\nc: ", "\n# below\n# more\nc: ", "\n\nc: ", "\nc: "]
)
def test_lines_are_shown_as_lines_and_the_comment_below_them_stays(ada, target, below):
    two = "l1\nl2\n"
    text = f"a:\n  b: {sealed(two, 'a.b', ada)}{below}{sealed(1, 'c', ada)}\n"
    edited = f"a:\n  b: |\n    l1\n    l2\n    l3{below}1\n"
    again, count = seal_edited(text, edited, target, ada)
    assert count == 1
    assert opened(again, ada) == {"a": {"b": "l1\nl2\nl3\n"}, "c": 1}
    assert f"{below}age:" in again
    assert again.count("\n") == text.count("\n")
    assert "b: |\n" in open_text(f"b: {sealed(two, 'b', ada)}\n", FILE, ada)


def test_setting_one_value_leaves_every_other_line(ada, target, text):
    again = with_value(text, ("zebra", "first"), "canary-5", target)
    before, after = text.splitlines(), again.splitlines()
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [4]
    added = with_value(text, ("zebra", "third", "deep"), 7, target)
    assert opened(added, ada)["zebra"]["third"] == {"deep": 7}
    assert [line for line in before if line not in added.splitlines()] == []


def test_a_key_below_a_value_cannot_be_set(target, text):
    with pytest.raises(HubfleetError) as raised:
        with_value(text, ("alpha", "x"), "canary-5", target)
    assert str(raised.value) == (
        "error[no-such-key]: `alpha` holds no keys or items that could be set\n"
        f"  --> {FILE}\n"
        "  hint: set the whole value, or change the file with `hubfleet secret edit`"
    )


@pytest.mark.parametrize(
    "edited", ["a: [canary-7", "- canary-7", "", "a: !canary-7 x", "a: 1\na: 2"]
)
def test_an_edit_that_is_no_yaml_is_refused_without_quoting_it(ada, target, text, edited):
    with pytest.raises(HubfleetError) as raised:
        seal_edited(text, edited, target, ada)
    message = str(raised.value)
    assert message.startswith(
        "error[edited-not-yaml]: the edited text cannot be read as YAML; nothing was changed\n"
        f"  --> {FILE}\n"
    )
    assert message.endswith(
        'hint: edit again; put values in quotes, one `key: "value"` on each line'
    )
    assert "canary" not in message


def test_sealing_anew_touches_only_values_for_others(tmp_path, ada, text):
    bo = identity_in(tmp_path)
    both = Target(FILE, [*ada.public_keys(), *bo.public_keys()])
    again, count = sealed_anew(text, both, ada)
    assert count == 3
    assert opened(again, bo) == opened(text, ada)
    assert again.splitlines()[0:3] == text.splitlines()[0:3]
    assert sealed_anew(again, both, ada) == (again, 0)
    mixed = with_value(again, ("alpha",), 5, Target(FILE, ada.public_keys()))
    assert sealed_anew(mixed, both, ada)[1] == 1


def test_sealing_anew_names_every_value_that_does_not_open(tmp_path, text):
    bo = identity_in(tmp_path)
    with pytest.raises(HubfleetError) as raised:
        sealed_anew(text, Target(FILE, bo.public_keys()), bo)
    assert [problem.code for problem in raised.value.problems] == ["secret-not-for-you"] * 3
