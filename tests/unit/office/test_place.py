"""Where the ledger is kept, and what may be said about it."""

from __future__ import annotations

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ledger.place import ledger_place


def test_without_an_address_it_is_a_file_in_the_state_folder(tmp_path):
    place = ledger_place(tmp_path, None)
    assert place.file == tmp_path / "office.sqlite"
    assert place.shown == str(place.file)
    assert ledger_place(tmp_path, "") == place


def test_an_address_names_server_account_database_and_options(tmp_path):
    url = "postgresql://ada:p%40ss@db.example.org:5433/hub%20s?sslmode=require"
    place = ledger_place(tmp_path, url)
    settings = place.settings
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert [settings[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "hub s",
        "ada",
        "p@ss",
        "db.example.org",
        "5433",
    ]
    assert settings["OPTIONS"]["sslmode"] == "require"
    assert place.file is None


def test_the_password_is_in_nothing_that_is_shown(tmp_path):
    place = ledger_place(tmp_path, "postgres://ada:canary-4711@db.example.org/hubs")
    assert place.shown == "postgresql://db.example.org/hubs"
    assert "canary-4711" not in f"{place!r} {place} {place.alias}"


def test_a_socket_can_be_named(tmp_path):
    place = ledger_place(tmp_path, "postgresql://ada@/hubs?host=/run/postgresql")
    assert place.settings["HOST"] == "/run/postgresql"
    assert "host" not in place.settings["OPTIONS"]


def test_equal_places_share_a_connection_name_and_others_do_not(tmp_path):
    first, second = (ledger_place(tmp_path, None).alias for _ in range(2))
    assert first == second
    assert first != ledger_place(tmp_path / "other", None).alias


@pytest.mark.parametrize(
    "url",
    ["mysql://ada:canary-4711@db/hubs", "canary-4711", "postgresql://db/", "postgresql://a:b:c/x"],
)
def test_what_is_no_address_is_refused_without_repeating_it(tmp_path, url):
    with pytest.raises(HubfleetError) as caught:
        ledger_place(tmp_path, url)
    assert str(caught.value) == (
        "error[database-not-understood]: the address of the database is not understood\n"
        "  --> $HUBFLEET_DATABASE\n"
        "  why: it is shown nowhere, because it may hold a password\n"
        "  hint: write postgresql://USER:PASSWORD@HOST:PORT/NAME, or unset it to use a file"
    )
