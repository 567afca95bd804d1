"""The tag of a sealed value: the same for the same value, another for another, and silent."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.secrets.age import Identity, pyrage, recipients_id, seal, tag_of, unseal
from hubfleet.fleet.secrets.rewriting import Target, sealed_anew, with_value
from hubfleet.fleet.secrets.secret import secrets_in
from hubfleet.fleet.secrets.secret_yaml import parse_secret_text
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet_secrets.keyring import identity_in

AT = "fleet.secret.yaml:a"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def ada(tmp_path_factory):
    return identity_in(tmp_path_factory.mktemp("ada"))


@pytest.fixture(scope="module")
def bo(tmp_path_factory):
    return identity_in(tmp_path_factory.mktemp("bo"))


def open_it(sealed: str, identity: Identity):
    return unseal(sealed, AT, AT, identity)


@settings(max_examples=25)
@given(VALUES, VALUES)
def test_a_value_keeps_its_tag_for_others_and_another_value_has_another(ada, bo, one, other):
    sealed = seal(one, AT, ada.public_keys())
    opened = open_it(sealed, ada)
    again = seal(one, AT, [*ada.public_keys(), *bo.public_keys()], number=opened.number)
    assert again != sealed
    assert tag_of(again) == tag_of(sealed)
    assert open_it(again, bo).value == one
    changed = seal(other, AT, ada.public_keys(), number=opened.number)
    assert (tag_of(changed) == tag_of(sealed)) == (json.dumps(one) == json.dumps(other))


def test_the_tag_of_a_short_value_cannot_be_guessed(ada):
    """Whoever sees two tags cannot even tell that the values are the same."""
    tags = {tag_of(seal("1234", AT, ada.public_keys())) for _ in range(3)}
    assert len(tags) == 3


def test_another_value_under_an_old_tag_does_not_open(ada):
    """Everybody can encrypt for a recipient, so the plan must not be told the old tag for it."""
    old, other = (seal(value, AT, ada.public_keys()) for value in ("old", "evil"))
    forged = f"age:{tag_of(old)}:{other.rpartition(':')[2]}"
    for text in (forged, f"age:{other.rpartition(':')[2]}"):
        with pytest.raises(HubfleetError) as caught:
            open_it(text, ada)
        assert caught.value.problems[0].code == "secret-damaged"
        assert "evil" not in str(caught.value)


def test_a_value_from_before_there_were_tags_opens_and_is_known_by_its_ciphertext(ada):
    keys = ada.public_keys()
    envelope = {"at": AT, "for": recipients_id(keys), "value": "v"}
    recipient = pyrage().x25519.Recipient.from_str(keys[0])
    sealed = base64.b64encode(pyrage().encrypt(json.dumps(envelope).encode(), [recipient]))
    text = f"age:{sealed.decode()}"
    assert open_it(text, ada).value == "v"
    assert tag_of(text) is None


def test_letting_somebody_in_changes_no_mark(ada, bo):
    mine = Target("fleet.secret.yaml", ada.public_keys())
    ours = Target("fleet.secret.yaml", [*ada.public_keys(), *bo.public_keys()])
    text = with_value("", ("defaults", "a"), "v", mine)
    wider, count = sealed_anew(text, ours, ada)
    assert count == 1
    assert marks(wider) == marks(text)
    changed = with_value(text, ("defaults", "a"), "w", mine)
    assert marks(changed) != marks(text)


def marks(text: str) -> list[str]:
    return [one.marked for one in secrets_in(parse_secret_text(text, "fleet.secret.yaml").value)]
