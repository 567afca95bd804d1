"""From what was found to a declaration, and the fate of every key.

The recipe: adopt the chart's values as fields; set secrets apart; render the result and compare.
Whatever a field does not render exactly is passed through beside it, so that nothing is lost; on a
local cluster, which has no chart, it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.load import without_nulls
from hubfleet.fleet.model import Cluster, ClusterFile, HubValues
from hubfleet.fleet.secrets.findings import findings
from hubfleet.fleet.yaml import KeyPath
from hubfleet.kit.errors import Place
from hubfleet.platforms.kubernetes.rendering.adopting import adopt, hub_with
from hubfleet.platforms.kubernetes.rendering.entries import Rendered
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.values import render
from hubfleet.replicate.importing.found import ENCRYPTED, Fate, Found, Path, alike, leaves_of

_MADE_ANEW: tuple[Path, ...] = (
    ("proxy", "secretToken"),
    ("hub", "cookieSecret"),
    ("hub", "config", "JupyterHub", "cookie_secret"),
    ("hub", "config", "CryptKeeper", "keys"),
    ("hub", "services", "probe", "apiToken"),
    ("hub", "config", "SharedPasswordAuthenticator"),
    ("hub", "config", "DummyAuthenticator", "password"),
)
_OURS: tuple[Path, ...] = (("hub", "extraConfig", "00-hubfleet"), ("custom", "hubfleet"))
_PEOPLE = {"admin_users": "admins", "allowed_users": "allow.users", "allow_all": "everyone"}
_CLIENT = {"client_id": "access.client.id", "client_secret": "access.client.secret"}


@dataclass(frozen=True, slots=True)
class Settled:
    """A hub's declaration, without secrets; `fates` of all keys; `added` are paths of the chart
    that the source left to the chart's defaults and hubfleet sets, with the field that decides.
    """

    found: Found
    declaration: dict[str, Any]
    fates: tuple[Fate, ...]
    notes: tuple[str, ...]
    added: Mapping[str, str] = field(default_factory=dict)


def settle(found: Found, settings: Kubernetes | None = None) -> Settled:
    """`settings` are the cluster's, where it is declared already."""
    settings = settings or Kubernetes()
    fates = list(found.fates)
    values, secret = _apart(found, fates)
    adopted = adopt(values, settings)
    declared = {"cluster": found.cluster, **adopted.declaration()}
    if "sign_in" not in declared.get("access", {}):
        _people(values, declared)
    fates += _give(found, declared)
    if found.platform == "local":
        declared.pop("helm_values", None)
    else:
        _mend(found, declared, values, settings)
    taken = _without_secrets(declared)
    _prune(declared.get("helm_values", {}))
    rendered = _rendered(found, declared, settings)
    carried = found.platform == "kubernetes"
    for path, value in leaves_of(values):
        fates.append(_fate(found, path, value, rendered, taken, carried=carried))
    fates += [_secret_fate(found, path) for path in secret]
    added = {}
    if carried:
        said = {path for path, _ in leaves_of(values)}
        added = {
            ".".join(path): rendered.field_at(path)
            for path, _ in leaves_of(rendered.values)
            if path not in said and not any(path[: len(one)] == one for one in said)
        }
    return Settled(found, declared, tuple(fates), (*found.notes, *adopted.notes), added)


def _apart(found: Found, fates: list[Fate]) -> tuple[dict[str, Any], list[Path]]:
    """The values that can be declared, and the paths of those that must stay hidden."""
    values: dict[str, Any] = {}
    secret = []
    for path, value in leaves_of(found.values):
        if value is None:
            why = "`null` clears a default of the chart, which a declaration cannot say"
            fates.append(Fate(found.origins[path], "not-carried", why=why))
        elif value == ENCRYPTED or _is_made(path) or _is_client_secret(path):
            secret.append(path)
        elif any(path[: len(one)] == one for one in _OURS):
            fates.append(Fate(found.origins[path], "typed", "", "hubfleet writes it itself"))
        else:
            _put(values, path, value)
    return values, secret


def _is_made(path: Path) -> bool:
    return any(path[: len(one)] == one for one in _MADE_ANEW)


def _is_client_secret(path: Path) -> bool:
    return path[:2] == ("hub", "config") and path[-1] == "client_secret"


def _secret_fate(found: Found, path: Path) -> Fate:
    origin = found.origins[path]
    if _is_made(path):
        return Fate(origin, "secret", "", "hubfleet makes its own: people sign in once more")
    in_section = path[:2] == ("hub", "config") and len(path) == 4
    to = _CLIENT.get(path[-1]) if in_section else None
    return _to_be_set(found, to or ".".join(("helm_values", *path)), path)


def _to_be_set(found: Found, to: str, path: Path) -> Fate:
    return Fate(found.origins[path], "secret", to, f"run `hubfleet secret set {found.name} {to}`")


def _people(values: dict[str, Any], declared: dict[str, Any]) -> None:
    """Who may come in is a field whatever the way to sign in, also one that hubfleet lacks."""
    section = ("hub", "config", "Authenticator")
    for trait, key in _PEOPLE.items():
        value = _at(values, (*section, trait))
        field_path = ("access", *key.split("."))
        if not value or not _fits(field_path, value):
            continue
        _put(declared, field_path, value)
        for passed in (("helm_values", *section), ("jupyterhub", "config", "Authenticator")):
            rest = _at(declared, passed)
            if isinstance(rest, dict):
                rest.pop(trait, None)


def _fits(path: Path, value: Any) -> bool:
    trial: dict[str, Any] = {}
    _put(trial, path, value)
    try:
        HubValues.model_validate(trial)
    except ValidationError:
        return False
    return True


def _give(found: Found, declared: dict[str, Any]) -> list[Fate]:
    fates = []
    for one in found.given:
        trial: dict[str, Any] = {}
        _put(trial, one.field, one.value)
        try:
            HubValues.model_validate(trial)
        except ValidationError as error:
            why = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            fates.append(Fate(one.origin, "not-carried", why=f"the field cannot hold it: {why}"))
            continue
        _put(declared, one.field, one.value)
        fates.append(Fate(one.origin, "typed", ".".join(one.field)))
    return fates


def _mend(
    found: Found, declared: dict[str, Any], values: dict[str, Any], settings: Kubernetes
) -> None:
    """Pass through whatever the fields do not come to; both is never wrong: it wins."""
    rendered = _rendered(found, declared, settings)
    known = dict(leaves_of(rendered.values))
    for path, value in leaves_of(values):
        if path in known and alike(value, known[path]):
            continue
        _put(declared.setdefault("helm_values", {}), path, value)


def _rendered(found: Found, declared: dict[str, Any], settings: Kubernetes) -> Rendered:
    kept = {key: value for key, value in declared.items() if key not in ("gate", "stage")}
    hub = hub_with(without_nulls(kept), name=found.name)
    file = ClusterFile(platform="kubernetes", kubernetes=settings)
    place = Cluster(found.cluster, file, Place("?"))
    return render(hub, place, Pins.placeholders())


def _without_secrets(declared: dict[str, Any]) -> set[str]:
    """Take out what may not stand in a plain file; the dotted keys of it."""
    paths: list[KeyPath] = []

    def remember(path: KeyPath) -> Place:
        paths.append(path)
        return Place("?")

    findings(declared, remember)
    taken = set()
    for path in paths:
        # A list loses the whole entry: half a volume or profile would be something else.
        cut = next((i for i, key in enumerate(path) if isinstance(key, int)), len(path))
        keys = tuple(str(key) for key in path[:cut])
        target: Any = declared
        for key in keys[:-1]:
            target = target.get(key, {}) if isinstance(target, dict) else {}
        if isinstance(target, dict) and target.pop(keys[-1], None) is not None:
            taken.add(".".join(keys))
    return taken


def _prune(mapping: dict[str, Any]) -> None:
    """Mappings that lost all that was in them."""
    for key, value in list(mapping.items()):
        if isinstance(value, dict) and value:
            _prune(value)
            if not mapping[key]:
                del mapping[key]


def _fate(
    found: Found, path: Path, value: Any, rendered: Rendered, taken: set[str], *, carried: bool
) -> Fate:
    origin = found.origins[path]
    dotted = ".".join(path)
    for to in (f"helm_values.{dotted}", f"jupyterhub.config.{dotted[len('hub.config.') :]}"):
        if to in taken and (to.startswith("helm") or dotted.startswith("hub.config.")):
            return _to_be_set(found, to, path)
    field_name = rendered.field_at(path)
    shown = _at(rendered.values, path)
    if path in rendered.passed and value != {}:
        why = "" if alike(value, shown) else "without the `null`s in it"
        return Fate(origin, "passed", f"helm_values.{dotted}", why)
    if field_name.startswith("jupyterhub.config."):
        return Fate(origin, "passed", field_name)
    if value != {} and shown is not None and alike(value, shown):
        return Fate(origin, "typed", field_name, "" if field_name else "hubfleet sets the same")
    return Fate(origin, "not-carried", why=_why_not(value, carried=carried))


def _why_not(value: Any, *, carried: bool) -> str:
    if value == {}:
        return "an empty mapping says nothing"
    if carried:
        return "no field holds it as it is"
    return "no field says it, and a local cluster has no chart to pass it to"


def _at(values: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return None
        values = values[key]
    return values


def _put(target: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        below = target.get(key)
        if not isinstance(below, dict):
            below = target[key] = {}
        target = below
    target[path[-1]] = value
