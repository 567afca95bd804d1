"""A hub's face: title, texts, logo and announcement on the pages of the hub."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from typing import Any

from hubfleet.platforms.face.markup import TEMPLATES, markup
from hubfleet.platforms.kubernetes.rendering.context import Context
from hubfleet.platforms.kubernetes.rendering.entries import Entry, entry

FOLDER = "/usr/local/share/hubfleet"
"""Where the hub's pod finds templates and logo; mounted from the release's secret."""


def face_entries(context: Context) -> Iterator[Entry]:
    """Templates for all hubs alike; what they show are this hub's values."""
    yield entry("hub.templatePaths", [f"{FOLDER}/templates"])
    for name, text in _templates().items():
        stem, _, kind = name.partition(".")
        path = ("hub", "extraFiles", f"hubfleet-{stem}-{kind}")
        yield Entry(path, {"mountPath": f"{FOLDER}/templates/{name}", "stringData": text})
    page = context.values.page
    shown: dict[str, tuple[Any, str]] = {
        "title": (context.values.title, "title"),
        "about": (markup(page.about or ""), "page.about"),
        "announcement": (markup(page.announcement or ""), "page.announcement"),
        "links": ([link.model_dump() for link in page.links], "page.links"),
        "parties": (_parties(context), "page.operated_by"),
        "logo": (context.logo is not None, "page.logo"),
    }
    for key, (value, field) in shown.items():
        yield Entry(("hub", "templateVars", "face", key), value, field)
    if context.logo is not None and context.hub.logo is not None:
        place = f"{FOLDER}/{context.hub.logo.name}"
        data = {"mountPath": place, "binaryData": b64encode(context.logo).decode()}
        yield Entry(("hub", "extraFiles", "hubfleet-logo"), data, "page.logo")
        yield entry("hub.config.JupyterHub.logo_file", place, "page.logo")


@cache
def _templates() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())}


def _parties(context: Context) -> list[list[Any]]:
    page = context.values.page
    named = (
        ("Designed by", page.designed_by),
        ("Operated by", page.operated_by),
        ("Funded by", page.funded_by),
    )
    return [[words, [one.model_dump() for one in some]] for words, some in named if some]
