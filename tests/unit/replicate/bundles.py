"""Hubs that were applied, as folders and databases, and bundles of them, for tests."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import zstandard

from hubfleet.fleet.model import Fleet
from hubfleet.kit.digest import digest
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.snapshots.database import installed_schemas
from hubfleet.replicate.export import Exported, Options, export

EVERYTHING = Options(database=True, homes=True, shared=True)
NEW_FLEET = (
    "service: {name: New Place, operator: Newcomers, contact: a@new.test, domain: localhost}\n"
)

People = Mapping[str, Mapping[str, bytes]]


@cache
def empty_database() -> bytes:
    """A database of the installed JupyterHub, without anybody."""
    from jupyterhub import orm
    from sqlalchemy import create_engine, text

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.sqlite"
        engine = create_engine(f"sqlite:///{path}")
        # Not by JupyterHub's own way, which imports its whole migration tool.
        orm.Base.metadata.create_all(engine)
        with engine.begin() as database:
            database.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            newest = {"schema": installed_schemas()[0]}
            database.execute(text("INSERT INTO alembic_version VALUES (:schema)"), newest)
        engine.dispose()
        return path.read_bytes()


def write_database(path: Path, people: Mapping[str, bool], token: str = "a-token") -> None:
    """With these people (whether admin), each with a server that runs and a token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(empty_database())
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO groups (id, name, properties) VALUES (1, 'crew', '{}')")
        for number, (name, admin) in enumerate(people.items(), 1):
            state = json.dumps({"secret": token})
            database.execute(
                "INSERT INTO users (id, name, admin, cookie_id, encrypted_auth_state, state)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (number, name, admin, f"{token}-cookie-{number}", token.encode(), state),
            )
            database.execute(
                "INSERT INTO spawners (id, user_id, name, state, user_options)"
                " VALUES (?, ?, '', ?, '{}')",
                (number, number, state),
            )
            database.execute(
                "INSERT INTO api_tokens (id, user_id, hashed, prefix, note) VALUES (?, ?, ?, ?, ?)",
                (number, number, f"{token}-{number}", token[:4], token),
            )
            database.execute("INSERT INTO user_group_map VALUES (?, 1)", (number,))
        database.commit()


def write_hub(
    state: StateFolder, name: str, people: People, *, token: str = "a-token", probe: bool = True
) -> None:
    """What an applied hub leaves on the disk: homes, shared folders, secrets, a database."""
    folder = state.hub(name)
    folder.homes.mkdir(parents=True, exist_ok=True)
    numbers = {"hubfleet-probe": 1} if probe else {}
    for person, files in people.items():
        number = max([0, *numbers.values()]) + 1
        numbers[person] = number
        (folder.homes / str(number)).mkdir(mode=0o700)
        for file, data in files.items():
            path = folder.homes / str(number) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    if probe:
        (folder.homes / "1").mkdir()
        (folder.homes / "1" / "of-the-probe").write_text("nothing of anybody's")
    (folder.path / "homes.json").write_text(json.dumps(numbers))
    (folder.path / "secrets.json").write_text(json.dumps({"cookie_secret": token}))
    folder.shared.mkdir(exist_ok=True)
    (folder.shared / "data.csv").write_text("a,b\n1,2\n")
    everybody = dict.fromkeys([*people, *(["hubfleet-probe"] if probe else [])], False)
    write_database(folder.database, everybody, token)


def exported(
    fleet: Fleet, names: tuple[str, ...], target: Path, state: StateFolder | None, **options: Any
) -> Exported:
    """With everything, unless it is said otherwise."""
    chosen = Options(**options) if options else EVERYTHING
    return export(fleet, names, target, chosen, state)


def contents(bundle: Path) -> dict[str, bytes]:
    """Every file of a bundle of any shape, as it would be read."""
    if bundle.is_dir():
        files = (path for path in bundle.rglob("*") if path.is_file())
        return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in files}
    with tarfile.open(fileobj=BytesIO(decompressed(bundle))) as archive:
        return {
            member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
        }


def decompressed(bundle: Path) -> bytes:
    """The archive of a bundle in one file."""
    data = bundle.read_bytes()
    if bundle.suffix != ".zst":
        return data
    reader = zstandard.ZstdDecompressor().stream_reader(BytesIO(data), read_across_frames=True)
    return bytes(reader.read())


def every_byte(bundle: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a bundle, and every file in its archives, with their names as bytes."""
    for path, data in contents(bundle).items():
        yield path, path.encode() + data
        if path.endswith(".tar"):
            with tarfile.open(fileobj=BytesIO(data)) as archive:
                for member in archive:
                    inside = archive.extractfile(member) if member.isreg() else None
                    yield f"{path}: {member.name}", inside.read() if inside else b""


def with_parts(bundle: Path, parts: Mapping[str, bytes], /, **changes: Any) -> None:
    """Rewrite a bundle in a folder, with a manifest that fits: what a hostile maker can do."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    for path, data in parts.items():
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(data)
        entry = manifest["files"].setdefault(path, {})
        entry |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest |= changes
    manifest.pop("digest")
    whole = {"digest": digest(manifest), **manifest}
    text = json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (bundle / "manifest.json").write_text(text)
