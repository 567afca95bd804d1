"""Who may come in, other traitlets, and the hub's own parts, read from the chart's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubfleet.fleet.fields import is_name
from hubfleet.fleet.layers import Setting
from hubfleet.fleet.passthrough import passthrough_problems
from hubfleet.fleet.yaml import Document
from hubfleet.kit.units import format_duration
from hubfleet.platforms.kubernetes.rendering.reading import Reading
from hubfleet.platforms.kubernetes.rendering.sign_in import METHODS

_CONFIG = ("hub", "config")
_NEVER = 10 * 365 * 86_400
_NAMES = {
    "githuboauthenticator": "github",
    "googleoauthenticator": "google",
    "cilogonoauthenticator": "cilogon",
    "genericoauthenticator": "oidc",
    "generic-oauth": "oidc",
    "sharedpasswordauthenticator": "shared-password",
} | {name: name for name in ("github", "google", "cilogon", "shared-password")}


def access_of(reading: Reading) -> None:
    """Declare what `hub.config` says of people."""
    chosen = str(reading.get(*_CONFIG, "JupyterHub", "authenticator_class") or "")
    method = _NAMES.get(chosen.rpartition(".")[2].lower())
    if method is not None:
        reading.declare("access.sign_in", method)
        reading.consume(*_CONFIG, "JupyterHub", "authenticator_class")
        section = METHODS[method].section  # type: ignore[index]
        _people(reading, ("Authenticator", "OAuthenticator", section))
        _READERS[method](reading, section)
        _client(reading, section)
    elif chosen:
        reading.note(f"people sign in with `{chosen}`, which no `sign_in` stands for")
    _until(reading)
    _groups(reading)
    _hub(reading)
    _traitlets(reading)


def _people(reading: Reading, sections: tuple[str, ...]) -> None:
    for trait, key in (("admin_users", "access.admins"), ("allowed_users", "access.allow.users")):
        found: list[str] = []
        for section in sections:
            names = reading.get(*_CONFIG, section, trait)
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                found += names
                reading.consume(*_CONFIG, section, trait)
        if found and not reading.declare(key, list(dict.fromkeys(found))):
            for section in sections:
                reading.consumed.discard((*_CONFIG, section, trait))
    for section in sections:
        if reading.get(*_CONFIG, section, "allow_all") is True:
            reading.declare("access.everyone", True)
            reading.consume(*_CONFIG, section, "allow_all")


def _client(reading: Reading, section: str) -> None:
    client = reading.get(*_CONFIG, section, "client_id")
    if isinstance(client, str) and client and reading.declare("access.client.id", client):
        reading.consume(*_CONFIG, section, "client_id")
    secret = reading.get(*_CONFIG, section, "client_secret")
    if isinstance(secret, str) and secret:
        reading.secrets["access.client.secret"] = secret
    reading.consume(*_CONFIG, section, "client_secret")
    address = reading.get(*_CONFIG, section, "oauth_callback_url")
    if isinstance(address, str) and address.endswith("/hub/oauth_callback"):
        reading.consume(*_CONFIG, section, "oauth_callback_url")


def _password(reading: Reading, section: str) -> None:
    for trait, name in (("user_password", "password"), ("admin_password", "admin_password")):
        value = reading.get(*_CONFIG, section, trait)
        if isinstance(value, str) and value:
            reading.pins[name] = value
        reading.consume(*_CONFIG, section, trait)


def _github(reading: Reading, section: str) -> None:
    members = reading.get(*_CONFIG, section, "allowed_organizations")
    if not isinstance(members, list):
        return
    teams = [name for name in members if ":" in str(name)]
    organisations = [name for name in members if ":" not in str(name)]
    said = [
        not some or reading.declare(key, some)
        for key, some in (
            ("access.allow.organisations", organisations),
            ("access.allow.teams", teams),
        )
    ]
    if all(said):
        reading.consume(*_CONFIG, section, "allowed_organizations")
    if reading.get(*_CONFIG, section, "scope") == ["read:org"]:
        reading.consume(*_CONFIG, section, "scope")


def _google(reading: Reading, section: str) -> None:
    domains = reading.get(*_CONFIG, section, "hosted_domain")
    domains = [domains] if isinstance(domains, str) else domains
    if not isinstance(domains, list) or not domains:
        return
    # `hosted_domain` keeps others out, `allow_all` lets its own people in: together, a domain.
    if reading.fields.get("access", {}).get("everyone") is True:
        if reading.declare("access.allow.domains", domains):
            del reading.fields["access"]["everyone"]
            reading.consume(*_CONFIG, section, "hosted_domain")
    else:
        reading.note("`hosted_domain` without `allow_all` is kept as it is")


def _cilogon(reading: Reading, section: str) -> None:
    for trait in ("allowed_idps", "idps"):
        found = reading.get(*_CONFIG, section, trait)
        if not isinstance(found, Mapping):
            continue
        idps = [_idp(str(name), settings) for name, settings in found.items()]
        known = [idp for idp in idps if idp is not None]
        if len(known) == len(idps) and reading.declare("access.cilogon.idps", known):
            reading.consume(*_CONFIG, section, trait)
        else:
            reading.note("the identity providers of CILogon are kept as they are")
    skin = reading.get(*_CONFIG, section, "skin")
    if isinstance(skin, str) and skin and reading.declare("access.cilogon.skin", skin):
        reading.consume(*_CONFIG, section, "skin")


def _idp(name: str, settings: Any) -> dict[str, Any] | None:
    known = {"username_derivation", "default", "allow_all", "allowed_domains"}
    if not isinstance(settings, Mapping) or set(settings) - known - {"allowed_domains_claim"}:
        return None
    derivation = dict(settings.get("username_derivation", {}))
    idp: dict[str, Any] = {"id": name, "username_claim": derivation.pop("username_claim", None)}
    action = derivation.pop("action", None)
    if action == "strip_idp_domain":
        idp["strip_domain"] = derivation.pop("domain", None)
    elif action == "prefix":
        idp["prefix"] = derivation.pop("prefix", None)
    if derivation or (action and action not in ("strip_idp_domain", "prefix")):
        return None
    return idp | {
        key: value
        for key, value in settings.items()
        if key in known - {"username_derivation"} or key == "allowed_domains_claim"
    }


def _oidc(reading: Reading, section: str) -> None:
    direct = ("authorize_url", "token_url", "userdata_url", "scope", "username_claim")
    renamed = {"login_service": "name"}
    for trait in (*direct, *renamed):
        value = reading.get(*_CONFIG, section, trait)
        key = f"access.oidc.{renamed.get(trait, trait)}"
        if value is not None and reading.declare(key, value):
            reading.consume(*_CONFIG, section, trait)
    issuer = reading.get("custom", "hubfleet", "issuer")
    if isinstance(issuer, str):
        reading.declare("access.oidc.issuer", issuer)
    groups = reading.get(*_CONFIG, section, "auth_state_groups_key")
    managed = reading.get(*_CONFIG, section, "manage_groups") is True
    if managed and isinstance(groups, str) and groups.startswith("oauth_user."):
        reading.declare("access.oidc.groups_claim", groups.removeprefix("oauth_user."))
        pairs = (
            ("allowed_groups", "access.allow.groups"),
            ("admin_groups", "access.oidc.admin_groups"),
        )
        for trait, key in pairs:
            value = reading.get(*_CONFIG, section, trait)
            if isinstance(value, list) and reading.declare(key, value):
                reading.consume(*_CONFIG, section, trait)


_READERS = {
    "shared-password": _password,
    "github": _github,
    "google": _google,
    "cilogon": _cilogon,
    "oidc": _oidc,
}


def _until(reading: Reading) -> None:
    told = reading.get("custom", "hubfleet") or {}
    if "until" in told:
        reading.declare("access.until", told["until"])
    if "allowed_domains" in told:
        reading.declare("access.allow.domains", list(told["allowed_domains"]))


def _groups(reading: Reading) -> None:
    path = (*_CONFIG, "JupyterHub", "load_groups")
    groups = reading.get(*path)
    for name, group in (groups or {}).items() if isinstance(groups, Mapping) else ():
        people = group.get("users", []) if isinstance(group, Mapping) else group
        plain = not isinstance(group, Mapping) or set(group) <= {"users"}
        if plain and is_name(str(name)) and reading.declare_at(("groups", name), people):
            reading.consume(*path, name)


def _hub(reading: Reading) -> None:
    if reading.get("hub", "allowNamedServers") is True:
        most = reading.get("hub", "namedServerLimitPerUser")
        if isinstance(most, int) and most > 0:
            reading.declare("named_servers", most)
    if reading.get("cull", "enabled") is False:
        reading.declare("culling.idle", "0s")
        reading.declare("culling.max_age", "0s")
        return
    for key, field in (("timeout", "culling.idle"), ("maxAge", "culling.max_age")):
        seconds = reading.get("cull", key)
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            reading.declare(field, format_duration(0 if seconds == _NEVER else seconds))


def _traitlets(reading: Reading) -> None:
    """What JupyterHub's pass-through may hold goes there; the rest stays in the chart's."""
    config = reading.get(*_CONFIG)
    for section, traits in (config or {}).items() if isinstance(config, Mapping) else ():
        for trait, value in (traits or {}).items() if isinstance(traits, Mapping) else ():
            path = ("jupyterhub", "config", str(section), str(trait))
            if (*_CONFIG, section, trait) in reading.consumed or value is None:
                continue
            setting = Setting(value, "hub", Document("", {}), path)
            if not list(passthrough_problems({path: setting})) and reading.declare_at(path, value):
                reading.consume(*_CONFIG, section, trait)
