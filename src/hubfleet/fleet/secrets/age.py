"""Sealing one value for its recipients with age, and opening it with an identity.

What is encrypted is a small envelope: the value, the place it belongs to, the set of recipients
it was made for, and a random number. A ciphertext that was carried to another key or file does not
open there, and `hubfleet secret check` can tell which values a new recipient cannot read yet.

Before the ciphertext stands a *tag*, the digest of value, place and random number. It stays when
the same value is encrypted for others, and so plans nothing; another value always has another one;
and without the random number, which only recipients learn, it tells nothing even of a short value.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, Place, failure

PREFIX = "age:"
IDENTITY_VARIABLE = "HUBFLEET_AGE_KEY_FILE"

_TAGGED = re.compile(r"^age:([0-9a-f]{32}):")
_HEADER = b"age-encryption.org/v1\n"
_PADDED_TO = 64
"""Lengths of values show only in steps of so many bytes."""


def pyrage() -> ModuleType:
    """The age library; raises `secrets-not-installed` where the extra is missing."""
    try:
        return importlib.import_module("pyrage")
    except ImportError:
        raise failure(
            "secrets-not-installed",
            "encrypted values need the package pyrage",
            why="hubfleet was installed without its extra `secrets`.",
            hint='install it: pip install "hubfleet[secrets]"',
        ) from None


def identity_path() -> Path:
    """`$HUBFLEET_AGE_KEY_FILE`, else `~/.config/hubfleet/age.key`."""
    chosen = os.environ.get(IDENTITY_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser().absolute() / "hubfleet" / "age.key"


class Identity:
    """The private keys that open secrets. The file is read when the first secret is opened.

    `opened` remembers what sops decrypted, file by file, so that each file is decrypted once.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = identity_path() if path is None else path
        self.opened: dict[Path, Any] = {}
        self._keys: list[Any] | None = None

    def __repr__(self) -> str:
        return f"Identity({str(self.path)!r})"

    def __reduce__(self) -> Any:
        raise TypeError("an identity is never pickled")

    def keys(self) -> list[Any]:
        """The private keys as pyrage has them; raises what is wrong with the file."""
        if self._keys is None:
            self._keys = _read_keys(self.path)
        return self._keys

    def public_keys(self) -> list[str]:
        """The recipients' side, `age1...`, in the order of the file."""
        return [str(key.to_public()) for key in self.keys()]


def _read_keys(path: Path) -> list[Any]:
    age = pyrage()
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii") if not mode & 0o077 else ""
    except FileNotFoundError:
        raise failure(
            "no-identity",
            "there is no key to open secrets with",
            place=str(path),
            why="Encrypted values can only be read with a private key.",
            hint="run `hubfleet secret init`, or name the file with $HUBFLEET_AGE_KEY_FILE",
        ) from None
    except OSError as error:
        raise failure(
            "identity-unreadable",
            "the key to open secrets with cannot be read",
            place=str(path),
            why=f"{error.strerror or 'The system refused'}.",
            hint="mend the file's rights, or name another file with $HUBFLEET_AGE_KEY_FILE",
        ) from None
    except UnicodeDecodeError:
        raise _not_an_identity(path) from None
    if mode & 0o077:
        raise failure(
            "identity-open-to-others",
            "others on this machine may read the private key",
            place=str(path),
            why=f"Its mode is {mode & 0o777:04o}; whoever has the key can read every secret.",
            hint=f"run `chmod 600 {path}`; if others had access, run `hubfleet secret rotate`",
        )
    lines = [line.strip() for line in text.splitlines()]
    try:
        keys = [age.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#"]
    except age.IdentityError:
        raise _not_an_identity(path) from None
    if not keys:
        raise _not_an_identity(path)
    return keys


def _not_an_identity(path: Path) -> HubfleetError:
    return failure(
        "bad-identity",
        "the file is not an age identity",
        place=str(path),
        why="It must hold a line that begins with AGE-SECRET-KEY-1.",
        hint="restore it from its backup, or name another file with $HUBFLEET_AGE_KEY_FILE",
    )


def recipients_id(keys: Iterable[str]) -> str:
    """16 hexadecimal digits that stand for a set of public keys."""
    return digest(sorted(set(keys)))[:16]


def seal(value: Any, at: str, keys: Iterable[str], *, number: str | None = None) -> str:
    """`age:TAG:...` for a JSON value that belongs to the place `at`, for these public keys.

    `number` is that of the same value when it was sealed before; then the tag is the same.
    """
    age = pyrage()
    wanted = sorted(set(keys))
    recipients = [age.x25519.Recipient.from_str(key) for key in wanted]
    number = number or secrets.token_hex(16)
    envelope = {"at": at, "for": recipients_id(wanted), "number": number, "value": value}
    plain = json.dumps(envelope, separators=(",", ":"), allow_nan=False).encode()
    plain += b" " * (-len(plain) % _PADDED_TO)
    sealed = base64.b64encode(age.encrypt(plain, recipients)).decode()
    return f"{PREFIX}{_tag(value, at, number)}:{sealed}"


def _tag(value: Any, at: str, number: str) -> str:
    return digest(["hubfleet secret", number, at, value])[:32]


def tag_of(sealed: str) -> str | None:
    """The tag of a sealed value; None for one that was sealed before there were tags."""
    tag = _TAGGED.match(sealed)
    return tag[1] if tag else None


def is_sealed(text: str) -> bool:
    """Whether it has the shape of a sealed value; needs no key and no library."""
    return _ciphertext(text) is not None


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A value in the clear, the set of recipients that it was sealed for, and its number."""

    value: Any
    recipients: str
    number: str | None


def unseal(sealed: str, at: str, place: Place | str, identity: Identity) -> Opened:
    """Open a sealed value; raises what is wrong without showing anything of it."""
    keys = identity.keys()
    ciphertext = _ciphertext(sealed)
    if ciphertext is None:
        raise _tampered(at, place)
    try:
        envelope = json.loads(pyrage().decrypt(ciphertext, keys))
        bound, made_for, value = envelope["at"], envelope["for"], envelope["value"]
        number = envelope.get("number")
    except pyrage().DecryptError as error:
        raise _not_opened(str(error), at, place) from None
    except (ValueError, KeyError, TypeError):
        raise _tampered(at, place) from None
    if bound != at:
        raise failure(
            "secret-moved",
            f"this value was encrypted for another place than `{at}`",
            place=place,
            why=f"It belongs to `{bound}`; a value opens only where it was set.",
            hint="put it back, or set it anew with `hubfleet secret set`",
        )
    tag = None if number is None else _tag(value, at, number)
    if tag != tag_of(sealed):
        # Somebody put another value under the tag of an old one, so that no plan would show it.
        raise _tampered(at, place)
    return Opened(value, made_for, number)


def _ciphertext(text: str) -> bytes | None:
    if not text.startswith(PREFIX):
        return None
    try:
        data = base64.b64decode(_TAGGED.sub(PREFIX, text).removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.startswith(_HEADER) else None


def _not_opened(reason: str, at: str, place: Place | str) -> HubfleetError:
    if "No matching keys" not in reason:
        return _tampered(at, place)
    return failure(
        "secret-not-for-you",
        f"your key does not open `{at}`",
        place=place,
        why="The value was encrypted for other recipients.",
        hint="ask a recipient to run `hubfleet secret add-recipient NAME KEY` with your public "
        "key; if nobody can open it any more, set it anew with `hubfleet secret set`",
    )


def _tampered(at: str, place: Place | str) -> HubfleetError:
    return failure(
        "secret-damaged",
        f"the encrypted value `{at}` was changed or cut short",
        place=place,
        why="It does not open, although it looks encrypted.",
        hint="restore the line from git, or set it anew with `hubfleet secret set`",
    )
