"""Secrets where they must not be: in plain files. Pure, and never shows what it found.

Two signs: a key that says so (`client_secret: ...`), and a value that can be nothing else (a
private key, a token with a known beginning).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from hubfleet.fleet.secrets.keys import key_text
from hubfleet.fleet.secrets.secret import MARK
from hubfleet.fleet.yaml import KeyPath
from hubfleet.kit.errors import Place, Problem

_SECRET_WORDS = re.compile(
    r"(?:^|_)(?:passwords?|passwd|passphrases?|secrets?|tokens?|credentials?|pat"
    r"|(?:api|access|private|secret|signing|encryption|crypt|ssl|tls|auth)_?keys?)$"
)
# Names of secrets that live elsewhere, not secrets themselves.
_REFERENCES = re.compile(r"(?:^|_)(?:existing|pull)_secrets?$")

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an age private key", re.compile(r"AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{20,}", re.IGNORECASE)),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,})")),
    ("a GitLab token", re.compile(r"\bgl(?:pat|dt|ptt|rt)-[\w-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("a Slack web hook", re.compile(r"hooks\.slack\.com/(?:services|workflows)/\w+/\w+")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}")),
    ("a Google client secret", re.compile(r"\bGOCSPX-[\w-]{20,}")),
    ("a JSON Web Token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    ("an address with a password in it", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@")),
)

_SHORTEST = 12
"""No known shape is shorter; most values of a declaration are."""

_WHY = "Whoever can read the fleet could read it."


def findings(
    values: Mapping[str, Any], place_of: Callable[[KeyPath], Place], *, file: str = ""
) -> list[Problem]:
    """What looks like a secret in a plain declaration; `place_of` is the document's `place`."""
    return [
        _problem(what, path, place_of(path), file) for path, what in _walk(values, (), named=False)
    ]


def findings_in_text(text: str, file: str) -> list[Problem]:
    """The same by value alone, line by line: finds what stands in comments, too."""
    return [
        _problem(f"this line holds {kind}, which", (), Place(file, number, match.start() + 1), file)
        for number, line in enumerate(text.splitlines(), 1)
        for kind, pattern in _SHAPES
        if (match := pattern.search(line))
    ]


@cache
def names_a_secret(key: str) -> bool:
    """Whether a key says that its value is secret: `client_secret`, `apiToken`; not `token_url`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
    return bool(_SECRET_WORDS.search(words)) and not _REFERENCES.search(words)


def _walk(value: Any, path: KeyPath, *, named: bool) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*path, key), named=names_a_secret(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index), named=named)
    elif isinstance(value, str) and value.strip():
        text = f"`{key_text(path)}`"
        kind = _kind(value) if len(value) >= _SHORTEST else ""
        if MARK.fullmatch(value):
            yield path, f"{text} holds the mark of a secret, which"
        elif kind:
            yield path, f"{text} holds {kind}, which"
        elif named:
            yield path, f"{text} names a secret, whose value"


def _kind(value: str) -> str:
    return next((kind for kind, pattern in _SHAPES if pattern.search(value)), "")


def _problem(what: str, path: KeyPath, place: Place, file: str) -> Problem:
    if "the mark of a secret" in what:
        return Problem(
            "mark-in-plain-file",
            f"{what} means nothing here",
            place,
            "hubfleet prints marks in place of values, so that they stay hidden.",
            "remove it; the value belongs into the secret file beside this one",
        )
    target = f"{file or place.file} {key_text(path) or 'KEY'}"
    return Problem(
        "secret-in-plain-file",
        f"{what} stands in a plain file",
        place,
        _WHY,
        f"remove it, run `hubfleet secret set {target}`, and change it where it is valid",
    )
