"""The opaque value: compared, carried, dumped; never read."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from hubfleet.fleet.secrets.secret import (
    Secret,
    SecretText,
    filled,
    marked,
    revealed,
    secrets_in,
)
from hubfleet.fleet.secrets.secret_yaml import parse_secret_text
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet_secrets.keyring import FILE, identity_in, sealed


class Holder(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    client_secret: SecretText | None = None
    config: dict[str, dict[str, Any]] = {}
    limit: int | None = None


@pytest.fixture
def ada(tmp_path):
    return identity_in(tmp_path)


@pytest.fixture
def secret(ada) -> Secret:
    document = parse_secret_text(f"x: {sealed('canary-7', 'x', ada)}\n", FILE)
    assert document.value is not None
    (found,) = secrets_in(document.value)
    return found


def test_nothing_of_it_is_printed(secret):
    shown = [repr(secret), str(secret), f"{secret}", f"{[secret]}"]
    assert set(shown) == {"<secret>", "[<secret>]"}
    assert secret.ciphertext not in "".join(shown)


def test_it_is_copied_but_never_pickled(secret):
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret
    assert copy.copy(secret) is secret
    with pytest.raises(TypeError, match="a secret is never pickled"):
        pickle.dumps(secret)


def test_the_mark_stays_wherever_the_value_is_moved_and_changes_when_it_is_set_anew(secret, ada):
    again = parse_secret_text(f"\n\n# moved down\nx: {secret.ciphertext}\n", FILE).value
    other = parse_secret_text(f"x: {sealed('canary-7', 'x', ada)}\n", FILE).value
    assert again is not None
    assert other is not None
    assert again["x"] == secret
    assert again["x"].marked == secret.marked
    assert other["x"] != secret
    assert other["x"].mark != secret.mark
    assert len(secret.mark) == 12


def test_models_carry_it_and_dump_its_mark(secret):
    holder = Holder(client_secret=secret, config={"X": {"api_token": secret, "l": [secret]}})
    mark = f"<secret {secret.mark}>"
    dumped = holder.model_dump(mode="json")
    assert dumped["client_secret"] == mark
    assert dumped["config"]["X"] == {"api_token": mark, "l": [mark]}
    assert json.loads(holder.model_dump_json()) == dumped
    assert list(secrets_in(holder.model_dump())) == [secret] * 3
    assert Holder.model_validate(dumped).client_secret == mark


def test_a_field_that_cannot_be_secret_refuses_it(secret):
    with pytest.raises(ValidationError) as raised:
        Holder(limit=secret)
    assert secret.ciphertext not in str(raised.value)


def test_schemas_show_text():
    assert Holder.model_json_schema()["properties"]["client_secret"]["anyOf"][0] == {
        "type": "string"
    }


def test_values_come_back_by_their_marks(secret, ada):
    holder = Holder(client_secret=secret, config={"X": {"api_token": secret, "n": 3}})
    values = revealed(holder.model_dump(), ada)
    assert values == {secret.marked: "canary-7"}
    ready = filled(holder.model_dump(mode="json"), values)
    assert ready["client_secret"] == "canary-7"
    assert ready["config"]["X"] == {"api_token": "canary-7", "n": 3}
    assert filled(holder.model_dump(), values) == ready
    assert marked(holder.model_dump()) == holder.model_dump(mode="json")


def test_all_that_does_not_open_is_told_at_once(tmp_path, ada):
    other = identity_in(tmp_path, "other.key")
    text = f"x: {sealed(1, 'x', other)}\ny: {sealed(2, 'y', other)}\nz: {sealed(3, 'z', ada)}\n"
    with pytest.raises(HubfleetError) as raised:
        revealed(parse_secret_text(text, FILE).value, ada)
    assert [p.code for p in raised.value.problems] == ["secret-not-for-you"] * 2
    assert [str(p.place) for p in raised.value.problems] == [f"{FILE}:1:1", f"{FILE}:2:1"]


def test_a_plain_leaf_is_refused_with_its_place_and_cure():
    document = parse_secret_text("access:\n  password: canary-7\n  size: 3\n", FILE)
    assert document.value == {"access": {}}
    assert str(document.problems[0]) == (
        "error[plain-in-secret-file]: `access.password` is not encrypted\n"
        f"  --> {FILE}:2:3\n"
        "  why: Whoever can read the fleet could read it.\n"
        f"  hint: remove it, then run `hubfleet secret set {FILE} access.password`; "
        "change the password or token where it is valid, because it was open"
    )
    assert [str(problem.place) for problem in document.problems] == [f"{FILE}:2:3", f"{FILE}:3:3"]


def test_half_a_value_is_refused_without_a_key(ada):
    text = sealed("canary-7", "x", ada)
    document = parse_secret_text(f"x: {text[:30]}\n", FILE)
    assert str(document.problems[0]) == (
        "error[secret-damaged]: `x` is not a whole encrypted value\n"
        f"  --> {FILE}:1:1\n"
        "  why: It was changed or cut short.\n"
        "  hint: restore the line from git, or set it anew with `hubfleet secret set`"
    )


def test_what_hides_nothing_may_stand_in_the_open():
    document = parse_secret_text("a: null\nb: {}\nc: []\n", FILE)
    assert document.problems == ()
    assert document.value == {"a": None, "b": {}, "c": []}
