"""What a hub's pages show of the declaration, safe to be written into HTML.

Text of the declaration is text: a few marks of Markdown mean something (`markup`), everything
else is shown as it stands. Pure but for looking whether the logo is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from hubfleet.fleet.model import HubValues
from hubfleet.fleet.page import Link, Party
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.spec import HubSpec

_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^\s()<>]+)\)")
_STRONG = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_STRESSED = re.compile(r"\*(?=\S)([^*\n]+?)(?<=\S)\*")


@dataclass(frozen=True, slots=True)
class Face:
    """For templates: `about` and `announcement` are HTML already, everything else is text."""

    title: str
    method: str
    about: str
    announcement: str
    parties: tuple[tuple[str, tuple[Party, ...]], ...]
    links: tuple[Link, ...]
    logo: Path | None


def face_of(spec: HubSpec, values: HubValues, folder: Path) -> Face:
    """The face of one hub."""
    page = values.page
    parties = (
        ("Designed by", page.designed_by),
        ("Operated by", page.operated_by),
        ("Funded by", page.funded_by),
    )
    logo = HubFolder(folder).page / spec.logo if spec.logo else None
    return Face(
        title=spec.title,
        method=values.access.sign_in,
        about=markup(page.about or ""),
        announcement=markup(page.announcement or ""),
        parties=tuple((words, named) for words, named in parties if named),
        links=page.links,
        logo=logo if logo and logo.is_file() else None,
    )


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
