"""People's servers, their files, the hub's address and its face, read from the chart's values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.model import Guarantees, Limits
from hubfleet.fleet.profiles import slug
from hubfleet.kit.units import format_duration, format_memory, parse_memory
from hubfleet.platforms.face.markup import markup
from hubfleet.platforms.kubernetes.rendering.amounts import least
from hubfleet.platforms.kubernetes.rendering.reading import Reading
from hubfleet.platforms.kubernetes.rendering.storage import SHARED

_INTERFACES = {"/lab": "lab", "/tree": "notebook", "/rstudio": "rstudio"}
_AMOUNTS = {
    "mem_limit": ("limits", "memory"),
    "cpu_limit": ("limits", "cpu"),
    "mem_guarantee": ("guarantees", "memory"),
    "cpu_guarantee": ("guarantees", "cpu"),
}


def servers_of(reading: Reading, cluster: Kubernetes) -> None:
    """Declare what the values say of servers and pages."""
    _image(reading)
    _interface(reading)
    _amounts(reading)
    _profiles(reading)
    _storage(reading, can_share=cluster.shared_storage_class is not None)
    _jupyter(reading)
    _address(reading)
    _face(reading)
    scopes = reading.get("hub", "loadRoles", "user", "scopes")
    if isinstance(scopes, list) and "shares!user" in scopes:
        reading.declare("collaboration", True)


def _image(reading: Reading) -> None:
    name, tag = (reading.get("singleuser", "image", key) for key in ("name", "tag"))
    if isinstance(name, str) and isinstance(tag, str):
        reading.declare("environment.image", f"{name}:{tag}")


def _interface(reading: Reading) -> None:
    url = reading.get("singleuser", "defaultUrl")
    if isinstance(url, str) and url:
        reading.declare("interface", _INTERFACES.get(url, url))


def _amounts(reading: Reading) -> None:
    memory, cpu = (reading.get("singleuser", kind) or {} for kind in ("memory", "cpu"))
    for kind, found in (("memory", memory), ("cpu", cpu)):
        limit = _number(found.get("limit"))
        if limit is None:
            reading.note(f"no limit of {kind} was set: hubfleet's own default holds from now on")
        else:
            reading.declare(f"limits.{kind}", limit)
    limits = Limits.model_validate(reading.fields.get("limits", {}))
    usual = dict(zip(("memory", "cpu"), least(limits, Guarantees()), strict=True))
    for kind, found in (("memory", memory), ("cpu", cpu)):
        guarantee = _number(found.get("guarantee"))
        if guarantee is not None and guarantee != usual[kind]:
            reading.declare(f"guarantees.{kind}", guarantee)


def _number(value: Any) -> Any:
    """KubeSpawner's amounts: text with a unit, or a number; not a truth."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return value or None


def _profiles(reading: Reading) -> None:
    entries = reading.get("singleuser", "profileList")
    if not isinstance(entries, list) or not entries:
        return
    images: dict[str, str] = {}
    profiles = [_profile(one, images) for one in entries]
    environments = {name: {"image": image} for image, name in images.items()}
    if None in profiles or not reading.declare("profiles", profiles):
        reading.note("`singleuser.profileList` says more than `profiles` can: it is kept as it is")
        return
    reading.consume("singleuser", "profileList")
    if environments and not reading.declare("environments", environments):
        del reading.fields["profiles"]
        reading.consumed.discard(("singleuser", "profileList"))


def _profile(entry: Any, images: dict[str, str]) -> dict[str, Any] | None:
    known = {"display_name", "slug", "description", "default", "kubespawner_override"}
    known |= {"allowed_groups", "profile_options"}
    if not isinstance(entry, Mapping) or set(entry) - known or "display_name" not in entry:
        return None
    name = unescape(str(entry["display_name"]))
    if entry.get("slug", slug(name)) != slug(name):
        return None
    found: dict[str, Any] = {"name": name}
    for key, field in (("description", "description"), ("allowed_groups", "groups")):
        if entry.get(key):
            value = entry[key]
            found[field] = unescape(value) if isinstance(value, str) else value
    if entry.get("default"):
        found["default"] = True
    override = _override(entry.get("kubespawner_override") or {}, name, images)
    if override is None:
        return None
    options = [_option(one, images) for one in (entry.get("profile_options") or {}).items()]
    if None in options:
        return None
    return {**found, **override, **({"options": options} if options else {})}


def _option(item: tuple[str, Any], images: dict[str, str]) -> dict[str, Any] | None:
    key, option = item
    if not isinstance(option, Mapping) or set(option) - {"display_name", "choices"}:
        return None
    name = unescape(str(option.get("display_name", key)))
    choices: list[dict[str, Any]] = []
    for word, choice in (option.get("choices") or {}).items():
        if set(choice) - {"display_name", "default", "kubespawner_override"}:
            return None
        shown = unescape(str(choice.get("display_name", word)))
        override = _override(choice.get("kubespawner_override") or {}, shown, images)
        if override is None or slug(shown) != word or "interface" in override:
            return None
        default = {"default": True} if choice.get("default") else {}
        choices.append({"name": shown, **default, **override})
    if slug(name) != key or not any(choice.get("default") for choice in choices):
        return None
    return {"name": name, "choices": choices}


def _override(
    override: Mapping[str, Any], name: str, images: dict[str, str]
) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for key, value in override.items():
        if key in _AMOUNTS:
            group, field = _AMOUNTS[key]
            found.setdefault(group, {})[field] = _number(value)
        elif key == "default_url":
            found["interface"] = _INTERFACES.get(value, value)
        elif key == "image":
            found["environment"] = _named(str(value), slug(name), images)
        else:
            return None
    return found


def _named(image: str, wanted: str, images: dict[str, str]) -> str:
    """The environment of an image: a name that no other image has."""
    name = wanted[:27].strip("-")
    number = 1
    while image not in images:
        free = name if number == 1 else f"{name}-{number}"
        if free not in images.values():
            images[image] = free
        number += 1
    return images[image]


def _storage(reading: Reading, *, can_share: bool) -> None:
    capacity = reading.get("singleuser", "storage", "capacity")
    if isinstance(capacity, str) and re.fullmatch(r"\d+[KMGT]i", capacity):
        amount = format_memory(parse_memory(capacity))
        reading.declare("storage.home_quota", amount)
    mounts = reading.get("singleuser", "storage", "extraVolumeMounts")
    ours = mounts if isinstance(mounts, Mapping) else {}
    # Where folders can be shared, a hub without the volume said that it wants none.
    if can_share or SHARED in (reading.get("singleuser", "storage", "extraVolumes") or {}):
        reading.declare("storage.shared", f"{SHARED}-shared" in ours)
        reading.declare("storage.shared_readwrite", f"{SHARED}-shared-readwrite" in ours)


def _jupyter(reading: Reading) -> None:
    files = ("singleuser", "extraFiles")
    data = reading.get(*files, "hubfleet-server", "data") or {}
    idle = data.get("MappingKernelManager", {}).get("cull_idle_timeout")
    if isinstance(idle, int):
        reading.declare("culling.kernels", format_duration(idle))
    if data.get("ServerApp", {}).get("terminals_enabled") is False:
        reading.declare("terminals", False)
    if reading.get(*files, "hubfleet-lab") is not None:
        reading.declare("downloads", False)


def _address(reading: Reading) -> None:
    for path in (("ingress", "hosts"), ("httpRoute", "hostnames")):
        hosts = reading.get(*path)
        if isinstance(hosts, list) and len(hosts) == 1:
            reading.declare("domain", hosts[0])


def _face(reading: Reading) -> None:
    face = reading.get("hub", "templateVars", "face")
    if not isinstance(face, Mapping):
        return
    if face.get("title"):
        reading.declare("title", face["title"])
    for key in ("about", "announcement"):
        if face.get(key):
            text = _unmarked(str(face[key]))
            if markup(text) != face[key] or not reading.declare(f"page.{key}", text):
                reading.note(f"`page.{key}` could not be read from its HTML")
    if face.get("links"):
        reading.declare("page.links", [_bare(link) for link in face["links"]])
    for words, parties in face.get("parties") or ():
        key = str(words).lower().replace(" ", "_")
        reading.declare(f"page.{key}", [_bare(party) for party in parties])
    if face.get("logo"):
        reading.note("the logo is not adopted: put its file into the community's folder")


def _bare(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}


def _unmarked(text: str) -> str:
    """The inverse of `markup`, for what `markup` made."""
    text = re.sub(r'<a href="([^"]*)" rel="[^"]*">(.*?)</a>', r"[\2](\1)", text)
    text = re.sub(r"</?strong>", "**", text)
    text = re.sub(r"</?em>", "*", text)
    return unescape(re.sub(r"</p><p>", "\n\n", text).removeprefix("<p>").removesuffix("</p>"))
