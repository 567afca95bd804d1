"""Reading YAML: the core schema of 1.2, places, and texts that must not do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.fleet import yaml as fleet_yaml
from hubfleet.fleet.yaml import MAX_BYTES, parse_yaml, read_yaml


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def composer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.setattr(fleet_yaml, "_Composer", fleet_yaml._PythonComposer)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("2026-12-01", "2026-12-01"),
        ("'12'", "12"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object):
    document = parse_yaml(f"key: {text}\n", "a.yaml")

    assert document.value == {"key": value}
    assert type(document.value["key"]) is type(value)


def test_a_number_of_any_length_does_no_harm():
    assert parse_yaml("key: " + "9" * 5000, "a.yaml").value == {"key": "9" * 5000}


def test_keys_and_items_have_places():
    document = parse_yaml("a:\n  b: [x, {c: 1}]\n", "a.yaml")

    assert str(document.place(("a",))) == "a.yaml:1:1"
    assert str(document.place(("a", "b"))) == "a.yaml:2:3"
    assert str(document.place(("a", "b", 1))) == "a.yaml:2:10"
    assert str(document.place(("a", "b", 1, "c"))) == "a.yaml:2:11"
    assert str(document.place(("a", "z"))) == "a.yaml:1:1"


def test_aliases_stand_for_their_anchor():
    assert parse_yaml("a: &x [1]\nb: *x\n", "a.yaml").value == {"a": [1], "b": [1]}


def test_aliases_of_aliases_do_not_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    document = parse_yaml("\n".join(lines), "a.yaml")

    assert document.value is None
    assert [problem.code for problem in document.problems] == ["too-many-values"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_and_kills_nothing(opening: str):
    document = parse_yaml(opening * (900_000 // len(opening)), "a.yaml")

    assert document.value is None
    assert document.problems[0].code in ("too-deep", "broken-yaml")


def test_many_items_are_not_deep():
    text = "a:\n" + "- x\n" * 5000

    assert len(parse_yaml(text, "a.yaml").value["a"]) == 5000  # type: ignore[index]


def test_a_control_character_is_found_at_its_place():
    problem = parse_yaml("a: 1\nb: \x01\n", "a.yaml").problems[0]

    assert (str(problem.place), problem.what) == (
        "a.yaml:2:4",
        "a control character is not allowed here",
    )


def test_a_file_that_is_not_utf8_says_in_which_line(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"a: 1\nb: \xff\n")
    problem = read_yaml(tmp_path / "a.yaml", "a.yaml").problems[0]

    assert (problem.code, str(problem.place)) == ("not-utf8", "a.yaml:2:1")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read_yaml(tmp_path / "a.yaml", "a.yaml").value == {"a": 1}


def test_a_large_file_is_refused_unread(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    problem = read_yaml(tmp_path / "a.yaml", "a.yaml").problems[0]

    assert problem.what == "`a.yaml` is larger than 1 MB"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path):
    problem = read_yaml(tmp_path / "gone.yaml", "gone.yaml").problems[0]

    assert (problem.code, problem.why) == ("unreadable-file", "No such file or directory.")
