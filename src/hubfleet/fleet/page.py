"""A hub's face: what people see before they sign in, and below every page of the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import LOGO_PATTERN, WEBSITE_PATTERN

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Paragraphs = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
"""Plain text; `**strong**`, `*stressed*`, `[words](https://...)` and empty lines mean what they
do in Markdown. Nothing else does: HTML is shown as it stands."""
Website = Annotated[str, StringConstraints(pattern=WEBSITE_PATTERN, max_length=500)]


class Party(Declared):
    """Somebody who stands behind a hub."""

    name: Line
    """What people read."""
    url: Website | None = None
    """Where it tells about itself."""


class Link(Declared):
    """Where people find help."""

    name: Line
    """What people read."""
    url: Website
    """Where it leads."""


class Page(Declared):
    """A hub's face: what people see before they sign in."""

    logo: str | None = Field(default=None, pattern=LOGO_PATTERN)
    """A PNG, JPEG, WebP or SVG in the community's folder, such as `page/logo.svg`."""
    about: Paragraphs | None = None
    """What the hub is for."""
    announcement: Paragraphs | None = None
    """News for everybody, on every page of the hub."""
    designed_by: tuple[Party, ...] = ()
    """Who designed the hub."""
    operated_by: tuple[Party, ...] = ()
    """Who runs the hub."""
    funded_by: tuple[Party, ...] = ()
    """Who pays for the hub."""
    links: tuple[Link, ...] = ()
    """Where people find help."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was looked at; `name` is its digest with the suffix of what it is."""

    path: Path
    name: str
