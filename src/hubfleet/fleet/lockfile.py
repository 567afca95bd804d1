"""Reviewed locks: exact versions and hashes of everything in an environment, as text.

Only `name==version` with hashes is understood. A lock decides what is installed, so an address or
an option in one would let whoever edits it fetch from elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from hubfleet.fleet.software import Lock
from hubfleet.kit.errors import Place, Problem

MOST_BYTES: Final = 4_000_000

_HEAD = "# hubfleet environment lock 1"
_FIELD = re.compile(r"# (for|python): (\S+)")
_PACKAGE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"(?P<marker>\s*;[\w\s.'\"<>=!~()-]+?)?(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)"
)
_HINT = "run `hubfleet environment lock HUB` to write it again"


def write_lock(resolved: str, *, basis: str, python: str, command: str) -> str:
    """The text of a lock file for what the resolver answered."""
    head = [_HEAD, f"# for: {basis}", f"# python: {python}"]
    return "\n".join([*head, f"# Written by `{command}`; review it, do not edit it.", resolved])


def read_lock(text: str, file: str) -> Lock | Problem:
    """The lock in a file's text, or why it is none."""
    found_fields = (_FIELD.match(line) for line in text.splitlines())
    fields = {match[1]: match[2] for match in found_fields if match}
    if not text.startswith(_HEAD) or set(fields) != {"for", "python"}:
        return Problem(
            "bad-lock",
            f"`{file}` is not a lock of hubfleet",
            Place(file, 1, 1),
            "Its first lines do not say what it was made for.",
            _HINT,
        )
    lines: list[str] = []
    versions: dict[str, str] = {}
    pending = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#") or not line:
            continue
        pending = f"{pending} {line.removesuffix(chr(92)).strip()}".strip()
        if line.endswith("\\"):
            continue
        found = _PACKAGE.fullmatch(pending)
        if found is None:
            return Problem(
                "bad-lock",
                f"this line of `{file}` is not an exact version with hashes",
                Place(file, number, 1),
                "A lock holds `name==version --hash=sha256:...` and nothing else.",
                _HINT,
            )
        lines.append(" ".join(pending.split()))
        versions[found["name"].lower()] = found["version"]
        pending = ""
    return Lock(fields["for"], fields["python"], "\n".join(sorted(lines)) + "\n", versions)


def versions_of(resolved: str) -> dict[str, str]:
    """Name and version of every package in a resolver's answer."""
    found = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", resolved, re.MULTILINE)
    return {name.lower(): version for name, version in found}


def changes(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str | None, str | None]]:
    """Packages that differ, as (name, old, new); None where it was or is not there."""
    return [
        (name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
