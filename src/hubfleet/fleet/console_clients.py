"""Secrets of the console: its key, and what is derived from it for each hub.

A hub and the console prove themselves to each other with a secret that both compute from the same
key, the hub's name and a number, its *generation*: nothing has to be carried from one to the other.
Raising the generation makes another secret, and the old one worthless at once. Needs no Django, so
that platforms and the command line can do the same as the console.

`clients.json` beside the key holds what is not as it is at first: `{"hub": {"generation": 2,
"revoked": true}}`.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import PRIVATE_FILE, make_private_folder, write_atomically

KEY_FILE = "HUBFLEET_CONSOLE_KEY_FILE"
"""The variable that names another key file, for a console that several machines share."""

_SHORTEST = 32


@dataclass(frozen=True, slots=True)
class Client:
    """A hub as the console's client; a revoked one signs nobody in."""

    generation: int = 1
    revoked: bool = False


def client_secret(master: bytes, hub: str, generation: int) -> str:
    """The secret of one generation: 43 letters, digits, `-` and `_`, safe in every header."""
    made = hmac.new(master, f"client\0{hub}\0{generation}".encode(), "sha256").digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def master_key(folder: Path) -> bytes:
    """The console's key; made when it is not there. Raises `console-key-not-read`."""
    named = os.environ.get(KEY_FILE)
    path = Path(named) if named else folder / "key"
    try:
        if not named:
            make_once(path, secrets.token_urlsafe(48) + "\n")
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds more than plain letters"
        hint = f"mend its rights, or name another file with ${KEY_FILE}"
        raise _unusable(path, "cannot be read", why or str(error), hint) from None
    if len(key) < _SHORTEST:
        hint = "put at least 32 random characters into it; everybody signs in again afterwards"
        raise _unusable(path, "is too short to be safe", f"it has {len(key)} characters", hint)
    return key.encode()


def make_once(path: Path, text: str) -> None:
    """Write a private file unless there is one; of two who try at once, the first one wins."""
    if path.exists():
        return
    make_private_folder(path.parent)
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
    finally:
        fresh.unlink()


def _unusable(path: Path, what: str, why: str, hint: str) -> HubfleetError:
    return failure(
        "console-key-not-read", f"the console's key {what}", place=str(path), why=why, hint=hint
    )


class ClientKeys:
    """The secrets of all hubs of one console; `folder` is `console` in the state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def secret(self, hub: str) -> str:
        """The hub's secret of now."""
        return client_secret(master_key(self._folder), hub, self.client(hub).generation)

    def mark(self, hub: str) -> str:
        """Tells the hub's secret of now from others, and nothing of it; empty without a key.

        Makes no key, so that looking changes nothing.
        """
        if not os.environ.get(KEY_FILE) and not (self._folder / "key").exists():
            return ""
        with suppress(HubfleetError):
            return hashlib.sha256(f"mark\0{self.secret(hub)}".encode()).hexdigest()[:16]
        return ""

    def client(self, hub: str) -> Client:
        """What is known of the hub as a client. Raises `damaged-file`."""
        return self._read().get(hub, Client())

    def rotate(self, hub: str) -> int:
        """Another secret from now on, also for a client that was revoked; its generation."""
        with self._writing() as clients:
            generation = clients.get(hub, Client()).generation + 1
            clients[hub] = Client(generation)
        return generation

    def revoke(self, hub: str) -> None:
        """Nobody is signed in to the hub any more, until `rotate`."""
        with self._writing() as clients:
            clients[hub] = Client(clients.get(hub, Client()).generation, revoked=True)

    @property
    def _file(self) -> Path:
        return self._folder / "clients.json"

    def _read(self) -> dict[str, Client]:
        """A damaged file is told, not guessed at: it may say that a client is revoked."""
        try:
            found: dict[str, dict[str, Any]] = json.loads(self._file.read_text(encoding="utf-8"))
            return {
                hub: Client(int(one["generation"]), bool(one["revoked"]))
                for hub, one in found.items()
            }
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise failure(
                "damaged-file",
                "clients.json of the console cannot be used",
                place=str(self._file),
                why=str(error),
                hint="put it back from a copy; or delete it, then run `hubfleet client rotate` for "
                "every hub: revoked clients are forgotten",
            ) from None

    @contextmanager
    def _writing(self) -> Iterator[dict[str, Client]]:
        make_private_folder(self._folder)
        lock = os.open(self._folder / "clients.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            clients = self._read()
            yield clients
            text = {hub: asdict(client) for hub, client in sorted(clients.items())}
            write_atomically(self._file, json.dumps(text, indent=1) + "\n")
        finally:
            os.close(lock)
