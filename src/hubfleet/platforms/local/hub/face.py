"""What a hub's pages show of the declaration, safe to be written into HTML.

Pure but for looking whether the logo is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubfleet.fleet.model import HubValues
from hubfleet.fleet.page import Link, Party
from hubfleet.platforms.face.markup import markup
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.spec import HubSpec


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
