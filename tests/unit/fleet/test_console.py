"""Where the console is, what is wrong with what is said about it, and the secrets of hubs."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.console import Console, console_place, staff_needs_second_factor
from hubfleet.fleet.console_clients import ClientKeys, client_secret, master_key
from hubfleet.kit.errors import HubfleetError
from tests.fleets import write_fleet


@pytest.mark.parametrize(
    ("declared", "domain", "address", "bind", "nearby"),
    [
        (
            {},
            "localhost",
            "http://localhost:8010",
            "127.0.0.1:8010",
            "http://127.0.0.1:8010",
        ),
        (
            {"address": "http://localhost:9000/"},
            "localhost",
            "http://localhost:9000",
            "127.0.0.1:9000",
            "http://127.0.0.1:9000",
        ),
        (
            {"address": "https://console.example.org"},
            "hubs.example.org",
            "https://console.example.org",
            "127.0.0.1:8010",
            "http://127.0.0.1:8010",
        ),
        (
            {"address": "https://console.example.org", "bind": "0.0.0.0:80"},
            "hubs.example.org",
            "https://console.example.org",
            "0.0.0.0:80",
            "http://127.0.0.1:80",
        ),
        (
            {"address": "https://console.example.org", "bind": "[::1]:8010"},
            "hubs.example.org",
            "https://console.example.org",
            "[::1]:8010",
            "http://[::1]:8010",
        ),
    ],
)
def test_the_console_has_an_address_and_a_place_to_listen(declared, domain, address, bind, nearby):
    place = console_place(Console.model_validate(declared), domain)
    assert place is not None
    assert (place.address, place.bind, place.nearby) == (address, bind, nearby)
    assert place.issuer == f"{address}/identity"


def test_outside_of_localhost_nobody_guesses_an_address():
    assert console_place(Console(), "hubs.example.org") is None


def test_only_hubs_whose_people_sign_in_there_know_the_console(tmp_path):
    fleet = write_fleet(tmp_path, {"ant/prod": {"access": {"sign_in": "console"}}, "bee/prod": {}})
    ant, bee = fleet.hubs["ant/prod"], fleet.hubs["bee/prod"]
    assert ant.flat()["console"] == "http://localhost:8010"
    assert ant.console is not None
    assert bee.console is None
    assert "console" not in bee.flat()


def test_a_hub_without_a_word_about_sign_in_uses_the_console(tmp_path):
    fleet = write_fleet(tmp_path, {"ant/prod": {"access": {"sign_in": "console", "admins": []}}})
    assert fleet.hubs["ant/prod"].values.access.sign_in == "console"
    from hubfleet.fleet.access import Access

    assert Access().sign_in == "console"


# ---- Secrets ------------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=64), st.text(min_size=1), st.integers(1, 10**6))
def test_a_secret_is_the_same_for_the_same_and_another_for_another(key, hub, generation):
    secret = client_secret(key, hub, generation)
    assert secret == client_secret(key, hub, generation)
    assert secret != client_secret(key, hub, generation + 1)
    assert secret != client_secret(key, hub + "x", generation)
    assert secret != client_secret(key + b"x", hub, generation)
    assert len(secret) == 43
    assert secret.replace("-", "").replace("_", "").isalnum()


def test_a_name_and_a_number_are_not_mistaken_for_each_other():
    assert client_secret(b"k" * 32, "a/b\x001", 1) != client_secret(b"k" * 32, "a/b", 11)


def test_the_key_is_made_once_and_is_private(tmp_path):
    folder = tmp_path / "console"
    key = master_key(folder)
    assert master_key(folder) == key
    assert len(key) >= 43
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def _make(folder: Path) -> str:
    return master_key(folder).decode()


def test_processes_that_begin_at_once_have_one_key(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(_make, [tmp_path / "console"] * 8)
    assert len(set(keys)) == 1
    assert [path.name for path in (tmp_path / "console").iterdir()] == ["key"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("short\n", "error[console-key-not-read]: the console's key is too short to be safe"),
        ("é" * 40, "error[console-key-not-read]: the console's key cannot be read"),
    ],
)
def test_a_key_that_is_none_is_said(tmp_path, text, what):
    (tmp_path / "key").write_text(text)
    with pytest.raises(HubfleetError) as raised:
        master_key(tmp_path)
    assert str(raised.value).startswith(f"{what}\n  --> {tmp_path / 'key'}\n")


def test_another_file_may_hold_the_key_and_is_never_made(tmp_path, monkeypatch):
    file = tmp_path / "elsewhere"
    monkeypatch.setenv("HUBFLEET_CONSOLE_KEY_FILE", str(file))
    with pytest.raises(HubfleetError, match="No such file or directory"):
        master_key(tmp_path / "console")
    file.write_text("k" * 40)
    assert master_key(tmp_path / "console") == b"k" * 40
    assert not (tmp_path / "console").exists()


def test_a_rotation_makes_another_secret_and_opens_a_revoked_client(tmp_path):
    keys = ClientKeys(tmp_path)
    first = keys.secret("ant/prod")
    assert keys.rotate("ant/prod") == 2
    second = keys.secret("ant/prod")
    assert second != first
    keys.revoke("ant/prod")
    assert keys.client("ant/prod").revoked
    assert keys.rotate("ant/prod") == 3
    assert not keys.client("ant/prod").revoked
    assert keys.secret("ant/prod") not in (first, second)
    assert keys.client("bee/prod").generation == 1
    assert stat.S_IMODE((tmp_path / "clients.json").stat().st_mode) == 0o600
    assert first not in (tmp_path / "clients.json").read_text()


def test_a_damaged_list_of_clients_is_told_and_not_guessed_at(tmp_path):
    keys = ClientKeys(tmp_path)
    keys.revoke("ant/prod")
    for text in ("", "[]", json.dumps({"ant/prod": {}}), "{"):
        (tmp_path / "clients.json").write_text(text)
        with pytest.raises(HubfleetError, match=r"clients\.json of the console cannot be used"):
            keys.secret("ant/prod")


@pytest.mark.parametrize(
    ("declared", "domain", "needed"),
    [
        ({}, "localhost", False),
        ({}, "hubs.example.org", True),
        ({"address": "https://console.example.org"}, "localhost", True),
        ({"address": "http://localhost:9000"}, "hubs.example.org", False),
        ({"staff_second_factor": True}, "localhost", True),
        ({"staff_second_factor": False}, "hubs.example.org", False),
    ],
)
def test_staff_need_a_second_factor_where_others_reach_the_console(declared, domain, needed):
    assert staff_needs_second_factor(Console.model_validate(declared), domain) is needed
