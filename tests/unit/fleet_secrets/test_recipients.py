"""`recipients.yaml`: read, refused, rewritten."""

from __future__ import annotations

import pytest

from hubfleet.fleet.secrets.recipients import (
    key_fault,
    read_recipients,
    text_with,
    text_without,
    write_recipients,
)
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet_secrets.keyring import identity_in


@pytest.fixture
def keys(tmp_path):
    return [identity_in(tmp_path / "keys", f"{n}.key").public_keys()[0] for n in range(3)]


def message(root) -> str:
    with pytest.raises(HubfleetError) as raised:
        read_recipients(root)
    return str(raised.value)


SHAPE = "  hint: write `- {name: ada, key: age1...}` for each recipient"


def test_a_fleet_without_the_file_is_told_how_to_begin(tmp_path):
    assert message(tmp_path) == (
        "error[no-recipients]: the fleet has no recipients.yaml\n"
        "  --> recipients.yaml\n"
        "  why: It says for whom secrets are encrypted.\n"
        "  hint: run `hubfleet secret init`"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [("recipients: []\n", "1:1"), ("people: [a]\n", "1:1"), ("recipients: 3\n", "1:1")],
)
def test_another_shape_is_refused(tmp_path, text, place):
    (tmp_path / "recipients.yaml").write_text(text)
    assert message(tmp_path) == (
        "error[bad-recipients]: recipients.yaml must hold one list `recipients`\n"
        f"  --> recipients.yaml:{place}\n{SHAPE}"
    )


def test_an_item_without_name_or_key_is_refused(tmp_path):
    (tmp_path / "recipients.yaml").write_text("recipients:\n  - {name: ada}\n")
    assert message(tmp_path) == (
        "error[bad-recipients]: a recipient has a `name` and a `key`, both text\n"
        f"  --> recipients.yaml:2:5\n{SHAPE}"
    )


def test_a_wrong_key_is_named(tmp_path):
    (tmp_path / "recipients.yaml").write_text("recipients:\n  - {name: ada, key: age1nothing}\n")
    assert message(tmp_path) == (
        "error[bad-recipient-key]: `age1nothing` is not an age public key\n"
        "  --> recipients.yaml:2:5\n"
        "  why: It must begin with age1 and be complete.\n"
        "  hint: ask the person for the key that `hubfleet secret init` printed"
    )


def test_a_private_key_among_the_public_ones_is_not_repeated():
    fault = key_fault("AGE-SECRET-KEY-1CANARY")
    assert str(fault) == (
        "error[private-key-given]: this is a private key, not a public one\n"
        "  why: Whoever has seen it can read everything that was encrypted for it.\n"
        "  hint: make a new key, and give its public part, which begins with age1"
    )


@pytest.mark.parametrize("what", ["name", "key"])
def test_nobody_stands_there_twice(tmp_path, keys, what):
    other = f"{{name: ada, key: {keys[1]}}}" if what == "name" else f"{{name: bo, key: {keys[0]}}}"
    (tmp_path / "recipients.yaml").write_text(
        f"recipients:\n  - {{name: ada, key: {keys[0]}}}\n  - {other}\n"
    )
    assert message(tmp_path) == (
        f"error[duplicate-recipient]: two recipients have the same {what}\n"
        "  --> recipients.yaml:3:5\n"
        "  why: The other one is `ada`.\n"
        "  hint: remove one of the two"
    )


def test_broken_yaml_has_its_line(tmp_path):
    (tmp_path / "recipients.yaml").write_text("recipients: [a\n")
    assert message(tmp_path).startswith("error[broken-yaml]: ")


def test_people_come_and_go_and_comments_stay(tmp_path, keys):
    write_recipients(tmp_path, text_with(tmp_path, "ada", keys[0]))
    path = tmp_path / "recipients.yaml"
    path.write_text(path.read_text() + "# the robots\n")
    write_recipients(tmp_path, text_with(tmp_path, "ci", keys[1]))
    write_recipients(tmp_path, text_with(tmp_path, "ada", keys[2]))
    assert [(r.name, r.key) for r in read_recipients(tmp_path)] == [
        ("ada", keys[2]),
        ("ci", keys[1]),
    ]
    write_recipients(tmp_path, text_without(tmp_path, "ada"))
    assert [r.name for r in read_recipients(tmp_path)] == ["ci"]
    assert path.read_text().startswith("# For whom")
    assert path.stat().st_mode & 0o777 == 0o644
