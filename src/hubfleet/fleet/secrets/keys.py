"""The way to a value as one line of text, so that it can be typed and bound to a ciphertext.

`jupyterhub.config.OAuthenticator.client_secret`, `profiles[0].name`, `a."b.c"`. Different ways
have different texts.
"""

from __future__ import annotations

import json
import re

from hubfleet.fleet.yaml import KeyPath
from hubfleet.kit.errors import failure

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(
    r'\[(?P<index>\d{1,6})\]|\.?(?:(?P<plain>[A-Za-z0-9_-]+)|(?P<quoted>"(?:[^"\\]|\\.)*"))'
)


def key_text(path: KeyPath) -> str:
    """One line for the way; keys that are not plain words stand in double quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN.fullmatch(part) else json.dumps(part))
    return text


def parse_key(text: str) -> KeyPath:
    """The inverse of `key_text`; raises `bad-key` for what names no value."""
    path: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        divided = text[position] in ".[" if position else text[0] != "."
        if match is None or not divided:
            raise _bad_key(text)
        path.append(_part(match, text))
        position = match.end()
    if not path or isinstance(path[0], int):
        raise _bad_key(text)
    return tuple(path)


def _part(match: re.Match[str], text: str) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["plain"] is not None:
        return match["plain"]
    try:
        return str(json.loads(match["quoted"]))
    except ValueError:
        raise _bad_key(text) from None


def _bad_key(text: str) -> Exception:
    return failure(
        "bad-key",
        f"`{text}` does not name a value",
        hint="write keys with dots, such as jupyterhub.config.GitHubOAuthenticator.client_secret",
    )
