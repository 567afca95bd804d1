"""The way back: values of the chart as fields of a declaration, and what is left as they are.

What a field can say becomes the field; everything else stays under `helm_values`, so that nothing
is lost: rendering the result gives every value that was adopted. Secrets are set apart, to be kept
encrypted. Importers of other systems' values begin here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.model import Cluster, ClusterFile, Hub, HubValues
from hubfleet.kit.errors import Place
from hubfleet.platforms.kubernetes.rendering.adopting_access import access_of
from hubfleet.platforms.kubernetes.rendering.adopting_servers import servers_of
from hubfleet.platforms.kubernetes.rendering.entries import Entry, Path, assembled, leaves
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.reading import Reading
from hubfleet.platforms.kubernetes.rendering.values import render

_TOKENS = {
    "proxy_token": ("proxy", "secretToken"),
    "cookie_secret": ("hub", "config", "JupyterHub", "cookie_secret"),
    "probe_token": ("hub", "services", "probe", "apiToken"),
    "office_token": ("hub", "services", "office", "apiToken"),
    "meter_token": ("hub", "services", "meter", "apiToken"),
}
_OURS = (("hub", "extraConfig", "00-hubfleet"), ("custom", "hubfleet"))
_OUR_FILES = ("hubfleet-login-html", "hubfleet-page-html", "hubfleet-face-css", "hubfleet-logo")


@dataclass(frozen=True, slots=True)
class Adopted:
    """`fields` is a hub's declaration without `helm_values`; `pins` are the tokens that go on
    being used, `secrets` are values for declared fields, by dotted key. `notes` say in sentences
    what a person should look at.
    """

    fields: dict[str, Any]
    helm_values: dict[str, Any]
    pins: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def declaration(self) -> dict[str, Any]:
        """What belongs into the hub's file: no secret is in it."""
        passed = {"helm_values": self.helm_values} if self.helm_values else {}
        return {**self.fields, **passed}


def adopt(values: Mapping[str, Any], cluster: Kubernetes | None = None) -> Adopted:
    """`values` as given to Helm for one release; `cluster` is where it runs, as declared."""
    settings = cluster or Kubernetes()
    reading = Reading(values)
    _tokens(reading)
    access_of(reading)
    servers_of(reading, settings)
    hub = _hub_of(reading)
    place = Cluster("?", ClusterFile(platform="kubernetes", kubernetes=settings), Place("?"))
    rendered = render(hub, place, _pins_of(reading))
    known = dict(leaves(rendered.values))
    rest = [
        Entry(path, value)
        for path, value in leaves(values)
        if path and not _is_said(path, value, known, reading.consumed)
    ]
    return Adopted(
        reading.fields,
        assembled(rest).values,
        reading.pins,
        reading.secrets,
        tuple(reading.notes),
    )


def hub_with(fields: Mapping[str, Any], *, name: str = "adopted/hub") -> Hub:
    """A hub of these fields alone, without files, gates and layers."""
    values = HubValues.model_validate(fields)
    domain = values.domain or "hub.invalid"
    values = values.model_copy(update={"domain": domain, "title": values.title or name})
    community = name.partition("/")[0]
    return Hub(name, community, values.cluster or "?", domain, None, Place("?"), values, {})


def _hub_of(reading: Reading) -> Hub:
    labels = reading.get("hub", "labels") or {}
    community, short = labels.get("hubfleet/community"), labels.get("hubfleet/hub")
    name = f"{community}/{short}" if community and short else "adopted/hub"
    return hub_with(reading.fields, name=name)


def _tokens(reading: Reading) -> None:
    for name, path in _TOKENS.items():
        value = reading.get(*path)
        if isinstance(value, str) and value:
            reading.pins[name] = value
            reading.consume(*path)
    keys = reading.get("hub", "config", "CryptKeeper", "keys")
    if isinstance(keys, list) and len(keys) == 1 and isinstance(keys[0], str):
        reading.pins["crypt_key"] = keys[0]
        reading.consume("hub", "config", "CryptKeeper", "keys")
    for path in _OURS:
        reading.consume(*path)
    for name in _OUR_FILES:
        reading.consume("hub", "extraFiles", name)
    reading.consume("hub", "templateVars", "face")


def _pins_of(reading: Reading) -> Pins:
    return Pins.read({**Pins.placeholders().as_json(), **reading.pins})


def _is_said(path: Path, value: Any, known: Mapping[Path, Any], consumed: Iterable[Path]) -> bool:
    """Whether the fields say it already, or hubfleet itself."""
    if any(path[: len(one)] == one for one in consumed):
        return True
    return path in known and _same(value, known[path])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list) and all(isinstance(x, str) for x in one):
        return sorted(one) == sorted(map(str, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
