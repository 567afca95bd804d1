"""What happened since a snapshot is carried over into its database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hubfleet.platforms.local.snapshots import database
from hubfleet.platforms.local.snapshots.database import check, people_of
from hubfleet.platforms.local.snapshots.merging import Merged, merge
from tests.unit.local.hub_databases import (
    add_person,
    add_server,
    add_token,
    ask,
    execute,
    make_hub,
    make_older,
    server_of,
    tokens_of,
)


@pytest.fixture
def present(tmp_path) -> Path:
    """The database of a hub with two people."""
    return make_hub(tmp_path, "ada", "bo").database


@pytest.fixture
def older(present) -> Path:
    """Its copy from before the migration, in the older schema."""
    copy: Path = present.with_name("older.sqlite")
    shutil.copy(present, copy)
    make_older(copy)
    return copy


def test_nothing_happened_and_nothing_changes(older, present):
    before = older.read_bytes()
    assert merge(older, present, []) == Merged()
    assert older.read_bytes() == before


def test_a_person_who_came_since_is_there_with_group_and_token(older, present):
    add_person(present, "cy")
    merged = merge(older, present, [])
    assert (merged.added, merged.left_out, merged.tokens_added) == (("cy",), (), 1)
    assert people_of(older)["groups"] == {"all": ["ada", "bo", "cy"]}
    assert tokens_of(older)["token-of-cy"] == "cy"
    check(older)


def test_a_number_that_was_given_to_another_person_meanwhile_mixes_nobody_up(older, present):
    execute(present, "DELETE FROM users WHERE name = 'bo'")
    add_person(present, "cy")
    numbers = "SELECT id FROM users WHERE name = '{}'"
    assert ask(present, numbers.format("cy")) == ask(older, numbers.format("bo"))
    merged = merge(older, present, [])
    assert (merged.added, merged.deleted_since) == (("cy",), ("bo",))
    assert tokens_of(older) == {"token-of-ada": "ada", "token-of-cy": "cy"}
    assert people_of(older)["groups"] == {"all": ["ada", "bo", "cy"]}


def test_a_token_that_was_revoked_since_stays_revoked(older, present):
    add_token(present, "ada", "new")
    execute(present, "DELETE FROM api_tokens WHERE hashed = 'token-of-ada'")
    assert merge(older, present, []).tokens_revoked == 1
    assert tokens_of(older) == {"new": "ada", "token-of-bo": "bo"}


def test_tokens_that_the_migration_dropped_come_back(older, present):
    execute(present, "DELETE FROM api_tokens")
    assert merge(older, present, []).tokens_revoked == 0
    assert tokens_of(older) == {"token-of-ada": "ada", "token-of-bo": "bo"}


def test_how_to_reach_a_running_server_is_true_as_it_is_now(older, present):
    add_server(older, "bo", 100)
    add_server(older, "ada", 101)
    add_server(present, "bo", 200)
    add_server(present, "ada", 201)
    merge(older, present, ["bo"])
    assert server_of(older, "bo") == [(200, '{"pid": 200}', "secret-200")]
    assert server_of(older, "ada") == [(101, '{"pid": 101}', "secret-101")]


def test_a_server_that_was_started_since_is_known(older, present):
    add_person(present, "cy")
    add_server(present, "cy", 300)
    add_server(present, "bo", 200)
    merge(older, present, ["cy", "bo"])
    assert server_of(older, "cy") == [(300, '{"pid": 300}', "secret-300")]
    assert server_of(older, "bo") == [(200, '{"pid": 200}', "secret-200")]


def test_a_person_for_whom_the_older_schema_has_no_place_is_listed(older, present):
    execute(present, "INSERT INTO users (name, cookie_id) VALUES ('eve', 'c-eve')")
    execute(older, "CREATE TRIGGER small BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, ''); END")
    merged = merge(older, present, [])
    assert (merged.added, merged.left_out) == ((), ("eve",))


def test_a_row_that_would_point_at_nothing_is_left_and_the_rest_is_carried_over(older, present):
    execute(present, "INSERT INTO oauth_clients (identifier) VALUES ('service-new')")
    add_person(present, "cy")
    add_token(present, "cy", "of-a-client")
    execute(present, "UPDATE api_tokens SET client_id = 'service-new' WHERE hashed = 'of-a-client'")
    no_clients = "CREATE TRIGGER small BEFORE INSERT ON oauth_clients"
    execute(older, f"{no_clients} BEGIN SELECT RAISE(ABORT, ''); END")
    assert merge(older, present, []).added == ("cy",)
    assert tokens_of(older).keys() == {"token-of-ada", "token-of-bo", "token-of-cy"}
    assert ask(older, "PRAGMA foreign_key_check") == []


def test_a_database_that_somebody_holds_is_not_taken_for_an_unreadable_one(
    older, present, monkeypatch
):
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(present)) as held:
        held.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError):
            merge(older, present, [])


@pytest.mark.parametrize("harm", ["not a database", "no file", "half a migration"])
def test_a_present_database_that_cannot_be_read_changes_nothing(older, present, harm):
    before = older.read_bytes()
    if harm == "no file":
        present.unlink()
    elif harm == "not a database":
        present.write_bytes(b"not a database at all" * 100)
    else:
        execute(present, "DROP TABLE api_tokens")
        execute(present, "ALTER TABLE users RENAME TO _alembic_tmp_users")
    assert merge(older, present, []).unread
    assert older.read_bytes() == before
