"""Looking through the declaration of a hub, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.replicate.audit.finding import Finding, found
from hubfleet.replicate.audit.images import kinds_of, needs_account
from hubfleet.replicate.audit.kinds import Level
from hubfleet.replicate.audit.licences import judged
from hubfleet.replicate.audit.providers import kind_of
from hubfleet.replicate.data.licences import Known, Licences
from hubfleet.replicate.describing.strangers import strangers_of
from hubfleet.replicate.images.found import images_in

_WORKING = ("helm_values", "jupyterhub", "access", "environment", "environments", "chart")
"""Fields that a hub does not work without; the others are words for people."""

_PASSED = ("helm_values", "jupyterhub")
_PROVIDERS = {"github": "GitHub", "google": "Google", "cilogon": "CILogon", "oidc": "the provider"}
_MOST_NAMES = 12


def audit(
    fleet: Fleet, names: Sequence[str], licences: Mapping[str, Known] | None = None
) -> tuple[Finding, ...]:
    """Everything that stands in the way of these hubs, the worst first.

    `licences` are those of the environments by hub; None: nobody looked, and nothing is said.
    """
    every: list[Finding] = []
    for name in names:
        known = None if licences is None else licences.get(name, {})
        every += _Audit(fleet, fleet.hubs[name], known).findings()
    return tuple(sorted(dict.fromkeys(every), key=lambda one: one.order))


class _Audit:
    def __init__(self, fleet: Fleet, hub: Hub, licences: Known | None) -> None:
        self.fleet, self.hub, self.licences = fleet, hub, licences
        self.strangers = strangers_of(fleet, hub.community)
        self.said = {
            key: value
            for key, value in hub.flat().items()
            if hub.effective[key].layer not in ("product", "computed") and key != "domain"
        }

    def findings(self) -> Iterator[Finding]:
        yield from self._sign_in()
        yield from self._environments()
        yield from self._images()
        yield from self._chart()
        for key, value in self.said.items():
            for path, text in _texts(value, key):
                yield from self._text(key, path, text)

    def _sign_in(self) -> Iterator[Finding]:
        method, key = self.hub.values.access.sign_in, "access.sign_in"
        if method == "console":
            yield found(self.hub, "accounts-stay", key)
        elif method in _PROVIDERS:
            yield found(self.hub, "client-stays", key, {"provider": _PROVIDERS[method]})

    def _environments(self) -> Iterator[Finding]:
        for built in self.hub.environments:
            key = f"environments.{built.name}" if built.name else "environment"
            key = f"{key}.packages" if f"{key}.packages" in self.hub.effective else key
            if built.lock is None:
                yield found(self.hub, "no-lock", key)
            if self.licences is not None:
                yield from self._licences(key, self.licences.get(built.name))

    def _licences(self, key: str, licences: Licences | None) -> Iterator[Finding]:
        if licences is None:
            yield found(self.hub, "licences-not-read", key)
            return
        verdicts = {name: judged(licence) for name, licence in licences.items()}
        for name, verdict in verdicts.items():
            if verdict == "proprietary":
                words = {"package": name, "licence": licences[name].words}
                yield found(self.hub, "proprietary-package", key, words)
        unknown = [name for name, verdict in verdicts.items() if verdict == "unknown"]
        if unknown:
            count = f"{len(unknown)} package{'s' if len(unknown) > 1 else ''}"
            told = ", ".join(unknown[:_MOST_NAMES])
            more = len(unknown) - _MOST_NAMES
            told += f" and {more} more" if more > 0 else ""
            yield found(self.hub, "licence-unknown", key, {"count": count, "packages": told})

    def _images(self) -> Iterator[Finding]:
        """Each by the field that names it: what is passed through is one field for each value."""
        for path, image in images_in(self.hub.values.model_dump(mode="json")):
            whole = ".".join(path)
            # A mapping of `name` and `tag` is two fields.
            keys = [
                f"{whole}.name",
                *(one for one in self.said if f"{whole}.".startswith(f"{one}.")),
            ]
            key = next((one for one in keys if one in self.said), None)
            for code, words in kinds_of(image) if key else ():
                yield found(self.hub, code, key or whole, words)

    def _chart(self) -> Iterator[Finding]:
        chart = self.hub.values.chart
        if chart.path is not None:
            yield found(self.hub, "chart-stays", "chart.path")
        elif chart.repository and needs_account(urlsplit(chart.repository).hostname or ""):
            yield found(self.hub, "private-chart", "chart.repository")

    def _text(self, key: str, path: str, text: str) -> Iterator[Finding]:
        top = key.split(".", maxsplit=1)[0]
        working = top in _WORKING
        technical = working and top != "jupyterhub"
        who = self.strangers.in_text(text, technical=technical)
        if who is not None:
            host = who in self.strangers.hosts
            words = {"path": path, "whom": "a host of the operator" if host else "somebody else"}
            level: Level = "MUST" if working and host else "SHOULD"
            yield found(self.hub, "names-operator", key, words, level)
        kind = kind_of(path, text) if top in _PASSED else None
        if kind is not None:
            yield found(self.hub, kind[0], key, kind[1])


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
