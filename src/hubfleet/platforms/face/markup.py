"""Text of the declaration as HTML that is safe to be shown.

A few marks of Markdown mean something; everything else is shown as it stands.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")
"""The sign-in page, what surrounds every page, and their style; they show a value `face`."""

_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^\s()<>]+)\)")
_STRONG = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_STRESSED = re.compile(r"\*(?=\S)([^*\n]+?)(?<=\S)\*")


def markup(text: str) -> str:
    """Plain text as HTML: paragraphs, `**strong**`, `*stressed*` and `[words](https://...)`."""
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text))
    return "".join(f"<p>{_line(part)}</p>" for part in paragraphs if part)


def _line(text: str) -> str:
    """Links are cut out first: stars in an address are none."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        parts += [_words(text[end : found.start()]), _anchor(found[1], found[2])]
        end = found.end()
    return "".join((*parts, _words(text[end:])))


def _anchor(words: str, address: str) -> str:
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{_words(words)}</a>'


def _words(text: str) -> str:
    safe = _STRONG.sub(r"<strong>\1</strong>", escape(text))
    return _STRESSED.sub(r"<em>\1</em>", safe)
