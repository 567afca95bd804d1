"""Files that sops encrypted: their shape is read here, their values by the `sops` program.

The program gets a path and answers on a pipe: no shell, and no plaintext on disk.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.yaml import KeyPath
from hubfleet.kit.errors import HubfleetError, Place, failure

_ENCRYPTED = re.compile(r"ENC\[[A-Z0-9_]+,data:[^\]]*,type:[a-z]+\]")
_SECONDS = 60


def is_sops(value: Mapping[str, Any]) -> bool:
    """Whether a file's content was written by sops."""
    return isinstance(value.get("sops"), Mapping)


def is_encrypted_by_sops(text: str) -> bool:
    """Whether a leaf is encrypted; sops leaves empty text as it is."""
    return not text or _ENCRYPTED.fullmatch(text) is not None


def opened_by_sops(file: Path, path: KeyPath, place: Place, identity: Identity) -> Any:
    """One value of the file; the whole file is decrypted once for each identity object."""
    if file not in identity.opened:
        identity.opened[file] = _decrypted(file, place, identity)
    value = identity.opened[file]
    try:
        for part in path:
            value = value[part]
    except (LookupError, TypeError):
        raise _failed(place, "The file changed while it was read.") from None
    return value


def _decrypted(file: Path, place: Place, identity: Identity) -> Any:
    program = shutil.which("sops")
    if program is None:
        raise failure(
            "sops-missing",
            "the program `sops` is needed to open this file",
            place=place,
            why="The file was encrypted with sops, and `sops` is not on the PATH.",
            hint="install sops, or move the values with `hubfleet secret set`",
        )
    try:
        done = subprocess.run(
            [program, "decrypt", "--output-type", "json", str(file)],
            env=_environment(identity),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # Not chained: the exception would carry the output.
        raise _failed(place, f"It gave no answer in {_SECONDS} s.") from None
    except OSError as error:
        raise _failed(place, f"It could not be started: {error.strerror}.") from None
    if done.returncode:
        raise _failed(place, _reason(done.returncode, done.stderr))
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise _failed(place, "Its answer was not JSON.") from None


def _environment(identity: Identity) -> dict[str, str]:
    """Our identity serves sops, too, unless the person has set up sops differently."""
    environment = dict(os.environ)
    if not any(name.startswith("SOPS_AGE_") for name in environment) and identity.path.is_file():
        environment["SOPS_AGE_KEY_FILE"] = str(identity.path)
    return environment


def _reason(status: int, errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return f"It ended with status {status}" + (f": {lines[0][:200]}" if lines else ".")


def _failed(place: Place, why: str) -> HubfleetError:
    return failure(
        "sops-failed",
        "the program `sops` could not open this file",
        place=place,
        why=why,
        hint=f"run `sops decrypt {place.file}` and mend what it says",
    )
