"""People's servers: image, amounts, profiles, what opens first, and Jupyter's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.fleet.model import Guarantees, HubValues, Limits
from hubfleet.fleet.profiles import url_of
from hubfleet.kit.units import parse_duration
from hubfleet.platforms.kubernetes.rendering.amounts import least
from hubfleet.platforms.kubernetes.rendering.context import Context
from hubfleet.platforms.kubernetes.rendering.entries import Entry, entry
from hubfleet.platforms.kubernetes.rendering.profiles import profile_list

SETTINGS = "/usr/local/etc/jupyter"
"""Where Jupyter looks for settings of the whole system, in any image."""

_LONGEST_LOOK = 300
_REPORTS = 300

_NO_DOWNLOADS = {
    f"@jupyterlab/{name}": True
    for name in (
        "docmanager-extension:download",
        "docmanager-extension:open-browser-tab",
        "filebrowser-extension:download",
        "filebrowser-extension:open-browser-tab",
        "notebook-extension:export",
    )
}


def server_entries(context: Context) -> Iterator[Entry]:
    """What belongs to people's pods, but for their files."""
    values = context.values
    yield from _image(values)
    yield entry("singleuser.defaultUrl", url_of(values.interface), "interface")
    yield from _amounts(values.limits, values.guarantees)
    if values.profiles:
        yield entry("singleuser.profileList", profile_list(values), "profiles")
    if context.cluster.nodes.user:
        yield entry("singleuser.nodeSelector", dict(context.cluster.nodes.user))
    # Its pods must be ready before Helm calls a release deployed: minutes for every change.
    yield entry("prePuller.hook.enabled", False)
    yield entry("prePuller.continuous.enabled", False)
    yield from _jupyter(values)
    idle = parse_duration(values.culling.idle)
    if 0 < idle < 3 * _REPORTS:
        # Or a server in use would look idle until its next report.
        reports = str(max(1, idle // 3))
        yield entry("singleuser.extraEnv.JUPYTERHUB_ACTIVITY_INTERVAL", reports, "culling.idle")


def _image(values: HubValues) -> Iterator[Entry]:
    image = values.environment.image
    if image is None:
        return
    name, tag = name_and_tag(image)
    yield entry("singleuser.image.name", name, "environment.image")
    yield entry("singleuser.image.tag", tag, "environment.image")


def name_and_tag(image: str) -> tuple[str, str]:
    """As the chart joins them again, with a colon: a digest is a tag of the name `x@sha256`."""
    name, _, tag = image.rpartition(":")
    return name, tag


def _amounts(limits: Limits, guarantees: Guarantees) -> Iterator[Entry]:
    memory, cpu = least(limits, guarantees)
    yield entry("singleuser.memory.limit", limits.memory, "limits.memory")
    yield entry("singleuser.memory.guarantee", memory, "guarantees.memory")
    yield entry("singleuser.cpu.limit", limits.cpu, "limits.cpu")
    yield entry("singleuser.cpu.guarantee", cpu, "guarantees.cpu")


def _jupyter(values: HubValues) -> Iterator[Entry]:
    settings = list(_settings(values))
    if settings:
        base = ("singleuser", "extraFiles", "hubfleet-server")
        yield Entry((*base, "mountPath"), f"{SETTINGS}/jupyter_server_config.json")
        for name, traits, field in settings:
            yield Entry((*base, "data", name), traits, field)
    if not values.downloads:
        file = {
            "mountPath": f"{SETTINGS}/labconfig/page_config.json",
            "data": {"disabledExtensions": _NO_DOWNLOADS},
        }
        yield Entry(("singleuser", "extraFiles", "hubfleet-lab"), file, "downloads")


def _settings(values: HubValues) -> Iterator[tuple[str, dict[str, Any], str]]:
    idle = parse_duration(values.culling.kernels)
    if idle:
        look = min(_LONGEST_LOOK, max(1, idle // 2))
        culled = {"cull_idle_timeout": idle, "cull_interval": look}
        yield "MappingKernelManager", culled, "culling.kernels"
    if not values.terminals:
        yield "ServerApp", {"terminals_enabled": False}, "terminals"
    if not values.downloads:
        # Jupyter's own page for what is not there; pictures in notes are asked for alike.
        refusing = "jupyter_server.base.handlers.Template404"
        traits = {"files_handler_class": refusing, "files_handler_params": {}}
        yield "FileContentsManager", traits, "downloads"
    if not values.collaboration:
        yield "YDocExtension", {"disable_rtc": True}, "collaboration"
