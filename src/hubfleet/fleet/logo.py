"""A community's logo: a picture and nothing else, small, and inside the community's folder.

The content decides what a file is, not its name. An SVG is a document that can hold programs and
load things from elsewhere: whatever in it is neither drawing nor text is refused, not repaired.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.page import Logo
from hubfleet.kit.errors import Place, Problem

LARGEST = 512 * 1024
"""Everybody who signs in loads it, some of them on a phone."""

_SVG = "http://www.w3.org/2000/svg"
_DRAWING = re.compile(
    "svg|g|path|rect|circle|ellipse|line|polyline|polygon|text|tspan|defs|stop|title|desc|style"
    "|linearGradient|radialGradient|clipPath|mask|marker|pattern|use|symbol|metadata|filter"
    "|fe(GaussianBlur|Offset|Merge|MergeNode|Blend|ColorMatrix|Flood|Composite)"
)
# What drawing programs note for themselves; no browser does anything with it.
_NOTES = (
    "http://www.inkscape.org/",
    "http://inkscape.",
    "http://sodipodi.",
    "http://www.w3.org/1999/02/22-rdf",
    "http://creativecommons.org/",
    "http://web.resource.org/cc/",
    "http://purl.org/dc/",
)
_LOADS = re.compile(r"url\(\s*['\"]?\s*(?!#)|@import|javascript:|expression\(", re.IGNORECASE)


def kind_of(data: bytes) -> str | None:
    """`png`, `jpeg`, `webp` or `svg`, by content; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return "svg" if b"<svg" in data[:4096] else None


def svg_fault(data: bytes) -> str:
    """What of an SVG is more than a drawing, in words; empty when nothing is."""
    if re.search(rb"<!DOCTYPE|<!ENTITY|<\?xml-stylesheet", data, re.IGNORECASE):
        # Comes first: an entity could hide the rest, or grow without end.
        return "a document type or a style sheet from elsewhere"
    try:
        # Safe without a document type: no entity can grow or lead elsewhere.
        drawing = ET.fromstring(data)  # noqa: S314
    except (ET.ParseError, ValueError):
        return "text that is not XML"
    if drawing.tag != f"{{{_SVG}}}svg":
        return "something else around the drawing"
    return next((fault for part in drawing.iter() if (fault := _part_fault(part))), "")


def _part_fault(part: ET.Element) -> str:
    space, _, name = part.tag[1:].rpartition("}")
    if space != _SVG or not _DRAWING.fullmatch(name):
        return "" if space.startswith(_NOTES) else f"an element `{name}`"
    if name == "style" and _LOADS.search("".join(part.itertext())):
        return "a style that loads something"
    faults = (_attribute_fault(key, value) for key, value in part.attrib.items())
    return next((fault for fault in faults if fault), "")


def _attribute_fault(key: str, value: str) -> str:
    name = key.rpartition("}")[2].lower()
    if name.startswith("on"):
        return f"a program in `{name}`"
    if name == "href" and not value.strip().startswith("#"):
        return "a link to elsewhere"
    return f"something loaded by `{name}`" if _LOADS.search(value) else ""


def logo_of(draft: Draft, root: Path) -> Logo | Problem | None:
    """The hub's logo, looked at; None where there is none, a problem where it is no logo."""
    declared = draft.values.page.logo
    setting = draft.settings.get(("page", "logo"))
    if declared is None or setting is None:
        return None
    place = setting.place
    if setting.layer not in ("community", "hub"):
        return Problem(
            "logo-in-defaults",
            "`page.logo` can only be set by a community or a hub",
            place,
            "It is a file in the community's folder.",
            "move it there",
        )
    folder = root / "communities" / draft.community
    path = folder / declared
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise FileNotFoundError
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError:
        return Problem(
            "no-logo",
            f"there is no file `{declared}` in communities/{draft.community}/",
            place,
            "A logo lies in the community's folder, so that the community can take it along.",
            f"put it at communities/{draft.community}/{declared}",
        )
    kind = kind_of(data)
    fault = _fault(declared, kind, data, place)
    return fault or Logo(path, f"{hashlib.sha256(data).hexdigest()[:16]}.{kind}")


def _fault(name: str, kind: str | None, data: bytes, place: Place) -> Problem | None:
    if len(data) > LARGEST:
        return Problem(
            "logo-too-large",
            f"`{name}` is larger than {LARGEST // 1024} KiB",
            place,
            "Everybody who signs in loads it.",
            "make the picture smaller",
        )
    if kind is None:
        return Problem(
            "not-a-picture",
            f"`{name}` is not a picture that browsers show",
            place,
            "Its content decides, not its name.",
            "save it as PNG, JPEG, WebP or SVG",
        )
    if kind == "svg" and (said := svg_fault(data)):
        return Problem(
            "unsafe-picture",
            f"`{name}` holds {said}",
            place,
            "Everything in it would run or load in the browsers of the hub's people.",
            "export it as a plain SVG with text as paths, or as PNG",
        )
    return None
