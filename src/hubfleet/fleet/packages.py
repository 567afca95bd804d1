"""Whether a text names a Python package, as far as can be told without asking an index.

The resolver has the last word; what is refused here is what it must never see: options, paths
and addresses with passwords.
"""

from __future__ import annotations

import re

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"(?:\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\])?"
_CLAUSE = r"(?:~=|===?|!=|<=|>=|<|>)\s*[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*"
_MARKER = r"(?:\s*;\s*[\w .'\"<>=!~()-]+)?"
_REQUIREMENT = re.compile(
    rf"{_NAME}\s*{_EXTRAS}\s*(?:{_CLAUSES}|\(\s*{_CLAUSES}\s*\))?{_MARKER}\s*"
)
_ADDRESS = re.compile(
    rf"{_NAME}\s*{_EXTRAS}\s*@\s*(?:git\+)?https://(?P<host>[^/\s]+)/\S*{_MARKER}\s*"
)
_CREDENTIALS = re.compile(r"://[^/\s]*@")

_HINT = "write one such as numpy or pandas>=2"


def package_fault(text: str) -> tuple[str, str] | None:
    """What is wrong with a package, and the cure; None for a good one. Never repeats a password."""
    text = text.strip()
    if _CREDENTIALS.search(text):
        return (
            "the address of a package holds a user name or password",
            "remove it from the address; whoever reads the fleet could read it",
        )
    if text.startswith("-"):
        return f"`{text}` is an option, not a package", _HINT
    if _REQUIREMENT.fullmatch(text) or _ADDRESS.fullmatch(text):
        return None
    if re.fullmatch(rf"{_NAME}\s*=[^=].*", text):
        return f"`{text}` is not a package", "a version is pinned with `==`"
    return f"`{text}` is not a package", _HINT
