"""The list of everything in a bundle, with what its hubs promise; canonical, and checked on the way
in: equal bundles have equal manifests, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hubfleet.fleet.fields import NAME_PATTERN
from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, failure

SCHEMA = 1
NAME = "manifest.json"
LARGEST = 64 * 1024 * 1024
"""Bytes of a manifest; a hub with 100,000 homes has one of about 20 MB."""

MOST_BYTES = 1 << 50

_PART = re.compile(r"[^/\x00-\x1f\x7f\\]+")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, le=MOST_BYTES)]
HubName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Line = Annotated[str, StringConstraints(max_length=4000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Held(_Strict):
    """What is inside an archive: how many entries, and bytes of files as they are read."""

    entries: Size
    bytes: Size


class Part(_Strict):
    """One file of the bundle."""

    sha256: Sha256
    size: Size
    archive: Held | None = None
    executable: bool = False

    @property
    def mode(self) -> int:
        """The rights of a file of the bundle itself."""
        return 0o755 if self.executable else 0o644


class Told(_Strict):
    """Something that was left out, or must be made anew, and what to do about it."""

    what: Line
    why: Line = ""
    cure: Line = ""


class Promise(_Strict):
    """What a copy of one hub must show; `homes` are numbers of archives by person."""

    stage: Literal["staging", "production"]
    sign_in: Line
    interface: Line
    users: list[Line]
    admins: list[Line]
    groups: dict[Line, list[Line]] = {}
    packages: dict[Line, dict[Line, Line]] = {}
    named_servers: int = 0
    database: bool = False
    homes: dict[Line, Annotated[int, Field(ge=1, le=10**9)]] = {}
    shared: bool = False


class Manifest(_Strict):
    """`at` is when it was made, where the maker said so: without it equal hubs make equal
    bundles.
    """

    bundle: int
    kind: Literal["hub", "community"]
    community: HubName
    at: Line | None = None
    hubs: dict[HubName, Promise] = Field(min_length=1)
    files: dict[str, Part]
    left_out: list[Told] = []
    placeholders: list[Told] = []

    def text(self) -> bytes:
        """As it stands in the bundle; the digest covers all the rest."""
        value = self.model_dump(mode="json")
        whole = {"digest": digest(value), **value}
        return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @classmethod
    def read(cls, data: bytes, place: str) -> Self:
        """Raises `bundle-too-new`, `bundle-altered` or `not-a-bundle`."""
        try:
            value = json.loads(data, object_pairs_hook=_once)
        except _TwiceError as error:
            raise failure(
                "bundle-says-twice",
                f"the manifest says `{error}` twice",
                place=place,
                why="Two hubs or files of one name cannot both be meant.",
                hint="ask for a bundle that `hubfleet replicate export` wrote",
            ) from None
        except (ValueError, RecursionError):
            raise not_a_bundle(place, "Its manifest is not JSON.") from None
        if not isinstance(value, dict) or not isinstance(value.get("bundle"), int):
            raise not_a_bundle(place, "Its manifest does not say which version it is.")
        if value["bundle"] > SCHEMA:
            raise failure(
                "bundle-too-new",
                f"the bundle is of version {value['bundle']}",
                place=place,
                why=f"This hubfleet reads versions up to {SCHEMA}.",
                hint="install the latest hubfleet, or follow the bundle's README without it",
            )
        told = value.pop("digest", None)
        try:
            if told != digest(value):
                raise altered(place, "Its manifest does not fit its own digest.")
            made = cls.model_validate(value)
        except (ValidationError, UnicodeEncodeError) as error:
            raise not_a_bundle(place, _first(error)) from None
        _check_paths(made.files, place)
        # One spelling only: whatever else means the same is not what was written.
        if made.text() != data:
            raise altered(place, "Its manifest is not written as hubfleet writes one.")
        return made


class _TwiceError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key[:80])
        found[key] = value
    return found


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "It holds text that is none."
    found = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, found['loc']))[:120]}: {found['msg'][:120]}."


def _check_paths(files: Mapping[str, Part], place: str) -> None:
    for path in files:
        parts = path.split("/")
        good = all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
        inside = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if not good or len(path.encode(errors="replace")) > 1000 or path == NAME:
            raise unsafe(place, f"{path[:120]!r} is not a path inside a bundle.")
        if inside & files.keys():
            raise unsafe(place, f"{path[:120]!r} lies below a file.")


def sha256(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def part_of(data: bytes, *, executable: bool = False) -> Part:
    """The entry of a file that is not an archive."""
    return Part(sha256=sha256(data), size=len(data), executable=executable)


def not_a_bundle(place: str, why: str) -> HubfleetError:
    """The refusal of something else."""
    return failure(
        "not-a-bundle",
        "this is not a bundle",
        place=place,
        why=why,
        hint="name a folder or file that `hubfleet replicate export` wrote",
    )


def altered(place: str, why: str) -> HubfleetError:
    """The refusal of a bundle that was damaged or changed."""
    return failure(
        "bundle-altered",
        "the bundle is not as it was written",
        place=place,
        why=why,
        hint="copy it again from where it was made, and compare; nothing of it was used",
    )


def unsafe(place: str, why: str) -> HubfleetError:
    """The refusal of a bundle that would write where it must not."""
    return failure(
        "bundle-unsafe",
        "the bundle would write where it must not",
        place=place,
        why=why,
        hint="do not use it: hubfleet writes no such bundle; ask whoever gave it to you",
    )
