"""One value, sealed and opened."""

from __future__ import annotations

import base64
import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.secrets.age import Identity, identity_path, is_sealed, pyrage, seal, unseal
from hubfleet.fleet.secrets.keys import key_text, parse_key
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet_secrets.keyring import identity_in

AT = "fleet.secret.yaml:defaults.x"

json_leaves = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
key_paths = st.lists(st.text() | st.integers(0, 999_999), min_size=1, max_size=5).filter(
    lambda path: isinstance(path[0], str)
)


@pytest.fixture(scope="module")
def ada(tmp_path_factory) -> Identity:
    return identity_in(tmp_path_factory.mktemp("ada"))


@given(value=json_leaves, path=key_paths)
@settings(max_examples=150, deadline=None)
def test_any_value_at_any_place_comes_back_as_it_was(ada, value, path):
    at = f"fleet.secret.yaml:{key_text(tuple(path))}"
    text = seal(value, at, ada.public_keys())
    assert is_sealed(text)
    opened = unseal(text, at, "here", ada).value
    assert opened == value
    assert type(opened) is type(value)


@given(path=key_paths)
def test_a_key_reads_back_as_the_way_it_was_written_for(path):
    assert parse_key(key_text(tuple(path))) == tuple(path)


@given(one=key_paths, other=key_paths)
def test_different_ways_have_different_texts(one, other):
    assert (one == other) == (key_text(tuple(one)) == key_text(tuple(other)))


@pytest.mark.parametrize("text", ["", "a..b", ".a", "a.", "a b", "[0]", "a[", '"a', "a[x]"])
def test_a_key_that_names_nothing_is_refused(text):
    with pytest.raises(HubfleetError) as raised:
        parse_key(text)
    assert str(raised.value) == (
        f"error[bad-key]: `{text}` does not name a value\n"
        "  hint: write keys with dots, such as "
        "jupyterhub.config.GitHubOAuthenticator.client_secret"
    )


def test_short_values_of_different_length_look_alike(ada):
    lengths = set()
    for count in range(8):
        text = seal("x" * count, AT, ada.public_keys())
        lengths.add(len(pyrage().decrypt(base64.b64decode(text.rpartition(":")[2]), ada.keys())))
    assert len(lengths) <= 2
    assert all(length % 64 == 0 for length in lengths)


def message(call, *arguments) -> str:
    with pytest.raises(HubfleetError) as raised:
        call(*arguments)
    return str(raised.value)


def test_without_a_key_the_cure_is_named(tmp_path, ada):
    path = tmp_path / "none.key"
    text = seal("hunter2", AT, ada.public_keys())
    assert message(unseal, text, AT, "here", Identity(path)) == (
        "error[no-identity]: there is no key to open secrets with\n"
        f"  --> {path}\n"
        "  why: Encrypted values can only be read with a private key.\n"
        "  hint: run `hubfleet secret init`, or name the file with $HUBFLEET_AGE_KEY_FILE"
    )


def test_another_persons_key_does_not_open(tmp_path, ada):
    text = seal("hunter2", AT, ada.public_keys())
    assert message(unseal, text, AT, "fleet.secret.yaml:2:3", identity_in(tmp_path)) == (
        f"error[secret-not-for-you]: your key does not open `{AT}`\n"
        "  --> fleet.secret.yaml:2:3\n"
        "  why: The value was encrypted for other recipients.\n"
        "  hint: ask a recipient to run `hubfleet secret add-recipient NAME KEY` with your "
        "public key; if nobody can open it any more, set it anew with `hubfleet secret set`"
    )


def test_a_changed_value_does_not_open(ada):
    data = bytearray(base64.b64decode(seal("hunter2", AT, ada.public_keys())[4:]))
    data[-1] ^= 1
    text = "age:" + base64.b64encode(bytes(data)).decode()
    expected = (
        f"error[secret-damaged]: the encrypted value `{AT}` was changed or cut short\n"
        "  --> here\n"
        "  why: It does not open, although it looks encrypted.\n"
        "  hint: restore the line from git, or set it anew with `hubfleet secret set`"
    )
    assert message(unseal, text, AT, "here", ada) == expected
    assert message(unseal, text[:-20], AT, "here", ada) == expected


def test_a_value_carried_to_another_hub_does_not_open(ada):
    text = seal("hunter2", "a.secret.yaml:x", ada.public_keys())
    assert message(unseal, text, "b.secret.yaml:x", "here", ada) == (
        "error[secret-moved]: this value was encrypted for another place than `b.secret.yaml:x`\n"
        "  --> here\n"
        "  why: It belongs to `a.secret.yaml:x`; a value opens only where it was set.\n"
        "  hint: put it back, or set it anew with `hubfleet secret set`"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path, mode):
    identity = identity_in(tmp_path)
    identity.path.chmod(mode)
    assert message(Identity(identity.path).keys) == (
        "error[identity-open-to-others]: others on this machine may read the private key\n"
        f"  --> {identity.path}\n"
        f"  why: Its mode is {mode:04o}; whoever has the key can read every secret.\n"
        f"  hint: run `chmod 600 {identity.path}`; if others had access, run "
        "`hubfleet secret rotate`"
    )


@pytest.mark.parametrize("content", ["", "# nothing", "AGE-SECRET-KEY-1CANARY", "caf\xe9", "x\ny"])
def test_a_file_that_is_no_key_is_named_and_not_shown(tmp_path, content):
    path = tmp_path / "age.key"
    path.write_text(content, encoding="latin-1")
    path.chmod(0o600)
    assert message(Identity(path).keys) == (
        "error[bad-identity]: the file is not an age identity\n"
        f"  --> {path}\n"
        "  why: It must hold a line that begins with AGE-SECRET-KEY-1.\n"
        "  hint: restore it from its backup, or name another file with $HUBFLEET_AGE_KEY_FILE"
    )


def test_a_folder_in_place_of_the_key_is_told(tmp_path):
    path = tmp_path / "age.key"
    path.mkdir(mode=0o700)
    assert message(Identity(path).keys) == (
        "error[identity-unreadable]: the key to open secrets with cannot be read\n"
        f"  --> {path}\n"
        "  why: Is a directory.\n"
        "  hint: mend the file's rights, or name another file with $HUBFLEET_AGE_KEY_FILE"
    )


def test_without_the_extra_the_cure_is_to_install_it(monkeypatch, ada):
    keys = ada.public_keys()
    monkeypatch.setitem(sys.modules, "pyrage", None)
    assert message(seal, "x", AT, keys) == (
        "error[secrets-not-installed]: encrypted values need the package pyrage\n"
        "  why: hubfleet was installed without its extra `secrets`.\n"
        '  hint: install it: pip install "hubfleet[secrets]"'
    )


def test_the_key_is_looked_for_where_the_person_says(monkeypatch, tmp_path):
    monkeypatch.delenv("HUBFLEET_AGE_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert identity_path() == tmp_path / "hubfleet" / "age.key"
    monkeypatch.setenv("HUBFLEET_AGE_KEY_FILE", str(tmp_path / "my.key"))
    assert identity_path() == tmp_path / "my.key"


def test_an_identity_shows_and_pickles_nothing(ada):
    ada.keys()
    assert repr(ada) == f"Identity({str(ada.path)!r})"
    with pytest.raises(TypeError, match="an identity is never pickled"):
        pickle.dumps(ada)
