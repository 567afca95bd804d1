"""Names that must not leave with a hub: the operator's, the clusters', other communities'."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hubfleet.fleet.model import Cluster, Fleet
from hubfleet.fleet.sign_in import is_local

_SHORTEST = 4
"""Letters of a name that is looked for in texts: shorter ones are part of everything."""

# Where a word is the name of a package, a file or a path, and never a community's.
_TECHNICAL = ("packages", "image", "repository", "subfolder", "ref", "interface", "python")


@dataclass(frozen=True, slots=True)
class Strangers:
    """`hosts` are found inside of other host names, too; `names` only as words of their own."""

    hosts: tuple[str, ...]
    names: tuple[str, ...]

    def in_text(self, text: str, *, technical: bool = False) -> str | None:
        """The first of them in a text; `technical` looks for hosts alone."""
        lower = text.lower()
        for host in self.hosts:
            if re.search(rf"(?<![a-z0-9-]){re.escape(host)}(?![a-z0-9-])", lower):
                return host
        for name in () if technical else self.names:
            if re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", lower):
                return name
        return None


def strangers_of(fleet: Fleet, community: str) -> Strangers:
    """Whoever is not this community."""
    own = fleet.communities[community]
    ours = [community, own.file.name, *(person.email for person in own.file.representatives)]
    ours += [contact.email for contact in own.file.contacts]
    ours = [text.lower() for text in ours]
    hosts = {host.lower() for host in _hosts(fleet) if host and not is_local(host.lower())}
    hosts |= {hub.domain for hub in fleet.hubs.values() if hub.community != community} - {
        hub.domain for hub in fleet.hubs.values() if is_local(hub.domain)
    }
    names = {name.lower() for name in _names(fleet, community)}
    return Strangers(
        tuple(sorted(host for host in hosts if not _is_ours(host, ours))),
        tuple(
            sorted(
                name
                for name in names
                if len(name) >= _SHORTEST and not any(name in text for text in ours)
            )
        ),
    )


def _is_ours(host: str, ours: list[str]) -> bool:
    """Whether the community's own people have addresses there, as at a university of both."""
    return any(text.endswith((f"@{host}", f".{host}")) for text in ours)


def _hosts(fleet: Fleet) -> Iterator[str]:
    service = fleet.service
    yield service.domain
    yield service.contact.rpartition("@")[2]
    yield urlsplit(service.console.address or "").hostname or ""
    yield urlsplit(service.mail.server or "").hostname or ""
    for cluster in fleet.clusters.values():
        yield from _hosts_of(cluster)


def _hosts_of(cluster: Cluster) -> Iterator[str]:
    kubernetes = cluster.file.kubernetes
    if kubernetes is not None:
        yield urlsplit(kubernetes.server or "").hostname or ""
        yield (kubernetes.ingress.address or "").rpartition(":")[0]


def _names(fleet: Fleet, community: str) -> Iterator[str]:
    yield fleet.service.operator
    yield fleet.service.name
    yield fleet.service.contact
    for cluster in fleet.clusters.values():
        if cluster.file.kubernetes is not None and cluster.file.kubernetes.context:
            yield cluster.file.kubernetes.context
    for name, other in fleet.communities.items():
        if name == community:
            continue
        yield name
        yield other.file.name
        yield from (person.email for person in other.file.representatives)
        yield from (contact.email for contact in other.file.contacts)


def without_strangers(value: Any, strangers: Strangers, key: str) -> tuple[Any, list[str]]:
    """The value without texts that name one, and the keys where they stood; None where nothing of
    it is left.
    """
    technical = any(part in _TECHNICAL for part in key.split("."))
    if isinstance(value, str):
        return (None, [key]) if strangers.in_text(value, technical=technical) else (value, [])
    found: list[str] = []
    if isinstance(value, Mapping):
        kept: dict[str, Any] = {}
        for name, inner in value.items():
            if isinstance(name, str) and strangers.in_text(name, technical=technical):
                found.append(f"{key}.***")
                continue
            clean, at = without_strangers(inner, strangers, f"{key}.{name}")
            found += at
            if clean is not None or inner is None:
                kept[name] = clean
        lost_its_name = "name" in value and "name" not in kept
        return (None if lost_its_name else kept, found)
    if isinstance(value, list | tuple):
        items = []
        for number, inner in enumerate(value):
            clean, at = without_strangers(inner, strangers, f"{key}.{number}")
            found += at
            if clean is not None or inner is None:
                items.append(clean)
        return items, found
    return value, found
