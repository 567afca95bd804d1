"""Hub folders with a real JupyterHub database, without a hub."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.snapshots.database import installed_schemas
from hubfleet.platforms.local.spec import HubSecrets, HubSpec

SECRETS = HubSecrets("cookie", "password", "admin-password", "probe", "culler", "proxy")
NEW_COLUMNS = ("spawners.display_name", "users.user_info", "services.timeout")
"""What the installed JupyterHub's schema has and the one that `make_older` names has not."""

OLDER = installed_schemas()[4]


def make_hub(root: Path, *people: str) -> HubFolder:
    """A hub that is down, with these people, all in the group `all`; the first is an admin."""
    folder = HubFolder(root / "hubs" / "ant" / "prod")
    folder.path.mkdir(parents=True, mode=0o700)
    spec(1).write(folder.spec)
    SECRETS.write(folder.secrets)
    (folder.path / "homes.json").write_text('{"ada": 1}')
    make_database(folder.database)
    execute(folder.database, "INSERT INTO groups (id, name) VALUES (1, 'all')")
    for name in people:
        add_person(folder.database, name)
    execute(folder.database, "UPDATE users SET admin = 1 WHERE id = 1")
    return folder


def spec(revision: int, **values: Any) -> HubSpec:
    """What a hub runs; `values` are flat effective values."""
    return HubSpec(
        name="ant/prod",
        cluster="reef",
        revision=revision,
        domain="prod-ant.localhost",
        title="Ant",
        url="http://prod-ant.localhost:8000/",
        port=1,
        proxy_api="http://127.0.0.1:2",
        proxy_port=8000,
        flat=values,
        values={},
    )


def make_database(path: Path) -> None:
    """An empty database of the installed JupyterHub."""
    from jupyterhub import orm
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{path}")
    orm.Base.metadata.create_all(engine)
    engine.dispose()
    execute(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    execute(path, f"INSERT INTO alembic_version VALUES ('{installed_schemas()[0]}')")


def make_older(path: Path) -> None:
    """Take from a database what JupyterHub 6 added to it, but for one column.

    So its migration does its first step and fails at the second.
    """
    for column in NEW_COLUMNS:
        table, _, name = column.partition(".")
        execute(path, f"ALTER TABLE {table} DROP COLUMN {name}")
    execute(path, f"UPDATE alembic_version SET version_num = '{OLDER}'")


def add_person(path: Path, name: str) -> None:
    """A user in the group `all` with an API token `token-of-<name>`."""
    execute(
        path, "INSERT INTO users (name, admin, cookie_id) VALUES (?, 0, ?)", (name, f"c-{name}")
    )
    number = ask(path, f"SELECT id FROM users WHERE name = '{name}'")[0][0]
    execute(path, "INSERT INTO user_group_map VALUES (?, 1)", (number,))
    add_token(path, name, f"token-of-{name}")


def add_token(path: Path, name: str, hashed: str) -> None:
    execute(
        path,
        "INSERT INTO api_tokens (user_id, hashed, prefix, scopes)"
        " SELECT id, ?, 'to', '[]' FROM users WHERE name = ?",
        (hashed, name),
    )


def add_server(path: Path, name: str, port: int) -> None:
    """What JupyterHub writes down for a running server; or another one instead of it."""
    execute(path, "DELETE FROM spawners WHERE oauth_client_id = ?", (f"jupyterhub-user-{name}",))
    client = "INSERT OR REPLACE INTO oauth_clients (identifier, secret) VALUES (?, ?)"
    execute(path, client, (f"jupyterhub-user-{name}", f"secret-{port}"))
    address = "INSERT INTO servers (proto, ip, port, base_url) VALUES ('http', '127.0.0.1', ?, ?)"
    execute(path, address, (port, f"/user/{name}/"))
    execute(
        path,
        "INSERT INTO spawners (user_id, name, server_id, state, oauth_client_id)"
        " SELECT users.id, '', servers.id, ?, ? FROM users, servers"
        " WHERE users.name = ? AND servers.port = ?",
        (f'{{"pid": {port}}}', f"jupyterhub-user-{name}", name, port),
    )


def server_of(path: Path, name: str) -> list[tuple[Any, ...]]:
    """Port, state and client secret of a person's server, as the database knows it."""
    return ask(
        path,
        "SELECT servers.port, spawners.state, oauth_clients.secret FROM spawners"
        " JOIN users ON users.id = spawners.user_id"
        " JOIN servers ON servers.id = spawners.server_id"
        " JOIN oauth_clients ON oauth_clients.identifier = spawners.oauth_client_id"
        f" WHERE users.name = '{name}'",
    )


def tokens_of(path: Path) -> dict[str, str]:
    """Hash -> owner of every token."""
    found = ask(path, "SELECT hashed, name FROM api_tokens JOIN users ON users.id = user_id")
    return dict(found)


def execute(path: Path, statement: str, values: Iterable[Any] = ()) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA foreign_keys = on")
        database.execute("PRAGMA synchronous = off")
        database.execute(statement, tuple(values))


def ask(path: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchall()
