"""The recipe: all renderers in their order, JupyterHub's pass-through, then the chart's.

What comes later wins, so the declaration's `jupyterhub.config` can change any traitlet, and its
`helm_values` anything at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hubfleet.fleet.model import Cluster, Hub
from hubfleet.platforms.face import markup
from hubfleet.platforms.kubernetes.rendering.context import Context, context_of
from hubfleet.platforms.kubernetes.rendering.entrance import entrance_entries
from hubfleet.platforms.kubernetes.rendering.entries import (
    Entry,
    Rendered,
    assembled,
    leaves,
)
from hubfleet.platforms.kubernetes.rendering.face import face_entries
from hubfleet.platforms.kubernetes.rendering.hub import LISTS, hub_entries
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.servers import server_entries
from hubfleet.platforms.kubernetes.rendering.sign_in import sign_in_entries
from hubfleet.platforms.kubernetes.rendering.storage import storage_entries

RENDERERS: tuple[Callable[[Context], Iterator[Entry]], ...] = (
    hub_entries,
    sign_in_entries,
    face_entries,
    server_entries,
    storage_entries,
    entrance_entries,
)


DECIDING = (
    "amounts.py",
    "context.py",
    "entrance.py",
    "entries.py",
    "face.py",
    "hub.py",
    "inside/declared.py",
    "profiles.py",
    "servers.py",
    "sign_in.py",
    "storage.py",
    "values.py",
)
"""The files of this room that decide what is rendered; a test holds them to the imports."""


def sources() -> list[str]:
    """All text that decides what is rendered: another text may be a change of every hub."""
    here = Path(__file__).parent
    files = [*(here / name for name in DECIDING), Path(markup.__file__ or "")]
    files += sorted(markup.TEMPLATES.iterdir())
    return [file.read_text(encoding="utf-8") for file in files]


def render(hub: Hub, cluster: Cluster, pins: Pins, logo: bytes | None = None) -> Rendered:
    """The hub's values, and which declared field each of them comes from."""
    context = context_of(hub, cluster, pins, logo)
    typed = [one for renderer in RENDERERS for one in renderer(context)]
    return assembled([*typed, *_traitlets(context)], _passed(context))


def render_values(
    hub: Hub, cluster: Cluster, pins: Pins, logo: bytes | None = None
) -> dict[str, Any]:
    """The values alone: what `helm upgrade --values` is given."""
    return render(hub, cluster, pins, logo).values


def _traitlets(context: Context) -> Iterator[Entry]:
    for name, traits in context.values.jupyterhub.config.items():
        for trait, value in traits.items():
            field = f"jupyterhub.config.{name}.{trait}"
            yield Entry(("hub", "config", name, trait), value, field)


def _passed(context: Context) -> Iterator[Entry]:
    for path, value in leaves(context.values.helm_values):
        if path:
            yield Entry(path, _beside_ours(path, value), ".".join(("helm_values", *path)))


def _beside_ours(path: tuple[str, ...], value: Any) -> Any:
    """Lists replace each other: where hubfleet has an entry in one, what is passed joins it."""
    ours = LISTS.get(path)
    if ours is None or not isinstance(value, list):
        return value
    names = {one["name"] for one in ours}
    return [*ours, *(v for v in value if not (isinstance(v, dict) and v.get("name") in names))]
