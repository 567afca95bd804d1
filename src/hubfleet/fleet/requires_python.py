"""Whether a Python such as `3.12` can satisfy a project's `requires-python`.

Only the minor version is known here, so only what is certain is said: `>=3.12.4` may or may not
hold on 3.12. Clauses that are not understood are left to the installer.
"""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"\s*(~=|===?|!=|<=|>=|<|>)\s*v?(\d+)(?:\.(\d+))?(\.\d+|\.\*)*\s*")


def excludes(wanted: str, python: str) -> bool:
    """Whether no patch release of `python` (`3.12`) satisfies `wanted` (`>=3.10,<3.12`)."""
    have = _numbers(python)
    return any(_excluded(clause, have) for clause in wanted.split(","))


def _numbers(python: str) -> tuple[int, int]:
    major, minor = python.split(".")[:2]
    return int(major), int(minor)


def _excluded(clause: str, have: tuple[int, int]) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return False
    operator, major, minor = found[1], int(found[2]), found[3]
    # `3` alone, or `3.*`, leaves the minor version open.
    asked = (major, 0 if minor is None else int(minor))
    patch = (found[4] or "").strip(".")
    first = patch in {"", "*"} or not patch.strip("0")
    same = have[0] == major and (minor is None or have == asked)
    excluded = {
        ">=": have < asked,
        ">": have < asked,
        "<": have > asked or (have == asked and first),
        "<=": have > asked,
        # `~=3.11` is any later 3.x; `~=3.11.2` stays on 3.11.
        "~=": have < asked or have[0] != major or (bool(patch) and have != asked),
        "==": not same,
        "===": not same,
        "!=": same and patch == "*",
    }
    return excluded[operator]
