"""What of a hub could not be taken along: findings with cures, by the declaration alone. Pure.

The words are those of RFC 2119: the infrastructure MUST be portable, the environment SHOULD be
open and reproducible, and the rest MAY need an account or a setting of the new operator's own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.kit.errors import Place
from hubfleet.replicate.describing.strangers import Strangers, strangers_of

Level = Literal["MUST", "SHOULD", "MAY"]
_ORDER: tuple[Level, ...] = ("MUST", "SHOULD", "MAY")

_WORKING = ("helm_values", "jupyterhub", "access", "environment", "environments", "chart")
"""Fields that a hub does not work without; the others are words for people."""

_PRIVATE_REGISTRY = re.compile(r"^[^/]*(\.dkr\.ecr\.|\.azurecr\.)[^/]*/")
_CLOUD_REGISTRY = re.compile(r"^([^/]*\.)?(gcr\.io|pkg\.dev)/")
_PROVIDER_KEYS = (
    ("eks.amazonaws.com", "Amazon's Kubernetes"),
    ("ec2.amazonaws.com", "Amazon's machines"),
    ("iam.gke.io", "Google's Kubernetes"),
    ("cloud.google.com", "Google's Kubernetes"),
    ("gke-", "Google's Kubernetes"),
    ("azure.workload.identity", "Azure's Kubernetes"),
    ("kubernetes.azure.com", "Azure's Kubernetes"),
)
_BUCKET = re.compile(r"\b(s3|gs|gcs|abfs|abfss|wasb|wasbs)://")
_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])")
_INSIDE = re.compile(r"\.(internal|local|svc|svc\.cluster\.local|lan|intranet)(?=[:/\s]|$)")
_PROVIDERS = {"github": "GitHub", "google": "Google", "cilogon": "CILogon", "oidc": "the provider"}


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` is the field; `place` is where it is declared, None where no file says it."""

    level: Level
    code: str
    hub: str
    key: str
    what: str
    why: str
    cure: str
    place: Place | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "level": self.level,
            "code": self.code,
            "hub": self.hub,
            "key": self.key,
            "what": self.what,
            "why": self.why,
            "cure": self.cure,
            "place": None if self.place is None else str(self.place),
        }


def audit(fleet: Fleet, names: Sequence[str]) -> tuple[Finding, ...]:
    """Everything that stands in the way of these hubs, the worst first."""
    found: list[Finding] = []
    for name in names:
        hub = fleet.hubs[name]
        strangers = strangers_of(fleet, hub.community)
        found += _Audit(fleet, hub, strangers).findings()
    unique = dict.fromkeys(found)
    return tuple(
        sorted(unique, key=lambda one: (_ORDER.index(one.level), one.hub, one.key, one.code))
    )


class _Audit:
    def __init__(self, fleet: Fleet, hub: Hub, strangers: Strangers) -> None:
        self.fleet, self.hub, self.strangers = fleet, hub, strangers
        flat = hub.flat()
        self.said = {
            key: value
            for key, value in flat.items()
            if hub.effective[key].layer not in ("product", "computed") and key != "domain"
        }

    def findings(self) -> Iterator[Finding]:
        yield from self._sign_in()
        yield from self._environments()
        for key, value in self.said.items():
            for path, text in _texts(value, key):
                yield from self._text(key, path, text)

    def _finding(
        self, level: Level, code: str, key: str, what: str, why: str, cure: str
    ) -> Finding:
        effective = self.hub.effective.get(key)
        place = effective.place if effective else None
        return Finding(level, code, self.hub.name, key, what, why, cure, place)

    def _sign_in(self) -> Iterator[Finding]:
        method = self.hub.values.access.sign_in
        key = "access.sign_in"
        if method == "console":
            yield self._finding(
                "MAY",
                "accounts-stay",
                key,
                "people sign in at the operator's console",
                "Their accounts stay there; a copy has a console, or a way to sign in, of its own.",
                "nothing to do now; invite people to the new console after the move",
            )
        elif method in _PROVIDERS:
            yield self._finding(
                "MAY",
                "client-stays",
                key,
                f"people sign in with {_PROVIDERS[method]}",
                "The client that is registered there is the operator's.",
                "nothing to do now; the new operator registers a client of its own",
            )

    def _environments(self) -> Iterator[Finding]:
        declared = {"environment": self.hub.values.environment}
        declared |= {
            f"environments.{name}": one for name, one in self.hub.values.environments.items()
        }
        for key, one in declared.items():
            if one.image:
                yield from self._image(f"{key}.image", one.image)
        for built in self.hub.environments:
            key = f"environments.{built.name}" if built.name else "environment"
            if built.lock is None:
                yield self._finding(
                    "SHOULD",
                    "no-lock",
                    f"{key}.packages" if f"{key}.packages" in self.hub.effective else key,
                    "the environment has no reviewed lock",
                    "Built elsewhere or later it may get other versions.",
                    f"run `hubfleet environment lock {self.hub.name}`",
                )

    def _image(self, key: str, image: str) -> Iterator[Finding]:
        if _PRIVATE_REGISTRY.match(image):
            yield self._finding(
                "MUST",
                "private-image",
                key,
                "the image is in a registry that needs an account",
                "Nobody else can fetch it.",
                "push it to a public registry, or keep how it is built in a repository",
            )
        elif _CLOUD_REGISTRY.match(image):
            yield self._finding(
                "SHOULD",
                "cloud-image",
                key,
                "the image is in a cloud provider's registry",
                "Whether others can fetch it is set there, and may change.",
                "push it to a public registry as well",
            )
        if "@sha256:" not in image:
            yield self._finding(
                "SHOULD",
                "image-without-digest",
                key,
                "the image has a tag and no digest",
                "A tag may name another image tomorrow.",
                "add `@sha256:...` to it, as `docker buildx imagetools inspect` shows it",
            )

    def _text(self, key: str, path: str, text: str) -> Iterator[Finding]:
        working = key.split(".", maxsplit=1)[0] in _WORKING
        technical = working and not key.startswith("jupyterhub")
        who = self.strangers.in_text(text, technical=technical)
        if who is not None:
            host = who in self.strangers.hosts
            yield self._finding(
                "MUST" if working and host else "SHOULD",
                "names-operator",
                key,
                f"`{path}` names {'a host of the operator' if host else 'somebody else'}",
                "It means nothing elsewhere, and is left out of a bundle.",
                "write a name of the community's own, or one that everybody can reach",
            )
        if key.split(".", maxsplit=1)[0] not in ("helm_values", "jupyterhub"):
            return
        yield from self._provider(key, path, text)

    def _provider(self, key: str, path: str, text: str) -> Iterator[Finding]:
        for words, whose in _PROVIDER_KEYS:
            if words in path or words in text:
                yield self._finding(
                    "MUST",
                    "provider-only",
                    key,
                    f"`{path}` works on {whose} alone",
                    "The infrastructure must run with any provider.",
                    "put it into the cluster's defaults, where another cluster says it its own way",
                )
                return
        if _BUCKET.search(text):
            yield self._finding(
                "SHOULD",
                "bucket-stays",
                key,
                f"`{path}` names a bucket",
                "What is in it is not part of a bundle.",
                "copy it to storage of the community's own, and let it say which",
            )
        elif _INSIDE.search(text) or any(map(_is_private, _ADDRESS.findall(text))):
            yield self._finding(
                "SHOULD",
                "inside-address",
                key,
                f"`{path}` names a place inside of the operator's network",
                "Nothing answers there elsewhere.",
                "put it into the cluster's defaults, where another cluster says it its own way",
            )


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every text inside of a value, with its path; names of keys are texts, too."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{key}.{number}")


def _is_private(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_private and not address.is_loopback and not address.is_unspecified
