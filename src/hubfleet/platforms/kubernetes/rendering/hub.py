"""The hub itself: its tokens, services and roles, groups, named servers, culling and code.

`inside/declared.py` goes into every hub: what a declaration asks for and values cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import METER_SCOPES, OFFICE_SCOPES, PROBE_USER
from hubfleet.fleet.model import Culling
from hubfleet.kit.units import parse_duration
from hubfleet.platforms.kubernetes.marks import CLOSING
from hubfleet.platforms.kubernetes.rendering.context import Context
from hubfleet.platforms.kubernetes.rendering.entries import Entry, entry
from hubfleet.platforms.kubernetes.rendering.sign_in import knows_groups

CODE = Path(__file__).with_name("inside") / "declared.py"

_PROBE_SCOPES = [f"{scope}!user={PROBE_USER}" for scope in ("servers", "access:servers")]
_SHARING_SCOPES = ["self", "shares!user", "read:users:name", "read:groups:name"]

LISTS: Mapping[tuple[str, ...], tuple[dict[str, Any], ...]] = {
    ("hub", "extraVolumes"): ({"name": CLOSING, "configMap": {"name": CLOSING, "optional": True}},),
    ("hub", "extraVolumeMounts"): (
        {"name": CLOSING, "mountPath": f"/usr/local/share/{CLOSING}", "readOnly": True},
    ),
}
"""Lists of the chart in which hubfleet has an entry: what is passed through is added to it."""

_LONGEST_LOOK = 600
_NEVER = 10 * 365 * 86_400


def hub_entries(context: Context) -> Iterator[Entry]:
    """What belongs to the hub's own pod."""
    yield from _pins(context)
    yield from _services(context)
    values = context.values
    for name, people in () if knows_groups(values.access) else values.groups.items():
        path = ("hub", "config", "JupyterHub", "load_groups", name, "users")
        yield Entry(path, list(people), f"groups.{name}")
    yield entry("hub.allowNamedServers", values.named_servers > 0, "named_servers")
    if values.named_servers:
        yield entry("hub.namedServerLimitPerUser", values.named_servers, "named_servers")
    if values.collaboration:
        yield entry("hub.loadRoles.user", {"scopes": _SHARING_SCOPES}, "collaboration")
    yield from _culling(values.culling)
    yield from _labels(context)
    if context.cluster.nodes.core:
        labels = dict(context.cluster.nodes.core)
        yield entry("hub.nodeSelector", labels)
        yield entry("proxy.chp.nodeSelector", labels)
    yield Entry(("hub", "extraConfig", "00-hubfleet"), code())
    yield from _for_code(context)
    for place, ours in LISTS.items():
        yield Entry(place, list(ours))


@cache
def code() -> str:
    """What every hub runs beside its configuration."""
    return CODE.read_text(encoding="utf-8")


def _pins(context: Context) -> Iterator[Entry]:
    pins = context.pins
    yield entry("proxy.secretToken", pins.proxy_token)
    yield entry("hub.config.JupyterHub.cookie_secret", pins.cookie_secret)
    yield entry("hub.config.CryptKeeper.keys", [pins.crypt_key])


def _services(context: Context) -> Iterator[Entry]:
    yield entry("hub.services.probe.apiToken", context.pins.probe_token)
    yield entry("hub.loadRoles.probe", {"scopes": _PROBE_SCOPES, "services": ["probe"]})
    # Naming the probe's user in a role makes it exist: no token needs the right to make users.
    yield entry("hub.loadRoles.probed", {"scopes": ["self"], "users": [PROBE_USER]})
    if context.pins.office_token:
        yield entry("hub.services.office.apiToken", context.pins.office_token)
        office = {"scopes": list(OFFICE_SCOPES), "services": ["office"]}
        yield entry("hub.loadRoles.office", office)
    if context.pins.meter_token:
        yield entry("hub.services.meter.apiToken", context.pins.meter_token)
        meter = {"scopes": list(METER_SCOPES), "services": ["meter"]}
        yield entry("hub.loadRoles.meter", meter)


def _culling(culling: Culling) -> Iterator[Entry]:
    idle, oldest = parse_duration(culling.idle), parse_duration(culling.max_age)
    times = [time for time in (idle, oldest) if time]
    yield entry("cull.enabled", bool(times), "culling.idle")
    if times:
        # 0 would mean the culler's own default: ten minutes.
        yield entry("cull.timeout", idle or _NEVER, "culling.idle")
        yield entry("cull.maxAge", oldest, "culling.max_age")
        yield entry("cull.every", min(_LONGEST_LOOK, max(1, min(times) // 2)), "culling.idle")


def _labels(context: Context) -> Iterator[Entry]:
    """By which costs and people's servers are told apart."""
    hub = context.hub
    for key, value in (("community", hub.community), ("hub", hub.name.partition("/")[2])):
        yield Entry(("hub", "labels", f"hubfleet/{key}"), value)
        yield Entry(("singleuser", "extraLabels", f"hubfleet/{key}"), value)


def _for_code(context: Context) -> Iterator[Entry]:
    """What `inside/declared.py` reads: only what this hub needs it for."""
    access, values = context.values.access, context.values
    told: list[tuple[str, Any, str]] = [("probe_user", PROBE_USER, "")]
    told.append(("timezone", context.hub.timezone, ""))
    if access.until:
        told.append(("until", access.until.isoformat(), "access.until"))
    if values.groups and not knows_groups(access):
        groups = {name: list(people) for name, people in values.groups.items()}
        told.append(("groups", groups, "groups"))
    if access.sign_in in ("google", "oidc") and access.allow.domains:
        told.append(("allowed_domains", list(access.allow.domains), "access.allow.domains"))
    if access.sign_in == "oidc" and access.oidc.issuer:
        told.append(("issuer", access.oidc.issuer, "access.oidc.issuer"))
    for key, value, field in told:
        yield Entry(("custom", "hubfleet", key), value, field)
