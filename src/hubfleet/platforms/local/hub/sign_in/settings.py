"""The declared way to sign in as JupyterHub's configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.fleet.access import Access, IdentityProvider, SignInMethod
from hubfleet.fleet.model import HubValues
from hubfleet.fleet.page import Page
from hubfleet.fleet.sign_in import people_by_name
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.hub.sign_in.console import ADMINS, REFRESH, USERS, ConsolePeople
from hubfleet.platforms.local.hub.sign_in.identities import Identities
from hubfleet.platforms.local.hub.sign_in.known_providers import (
    CILogonPeople,
    GitHubPeople,
    GooglePeople,
)
from hubfleet.platforms.local.hub.sign_in.names import one_spelling
from hubfleet.platforms.local.hub.sign_in.oidc import OidcPeople
from hubfleet.platforms.local.hub.sign_in.password import PasswordPeople
from hubfleet.platforms.local.spec import HubSecrets, HubSpec

Sections = dict[str, dict[str, Any]]

_SECONDS_TO_CONNECT, _SECONDS_TO_ANSWER = 5.0, 10.0


def sign_in_config(spec: HubSpec, values: HubValues, secrets: HubSecrets, folder: Path) -> Sections:
    """Sections of configuration, by class; `JupyterHub` names the class that signs people in."""
    access = values.access
    sections: Sections = {
        "Authenticator": _people(values),
        "DeclaredPeople": {"until": access.until, "timezone": spec.timezone},
    }
    if access.sign_in == "shared-password":
        return sections | {
            "JupyterHub": {"authenticator_class": PasswordPeople},
            "SharedPasswordAuthenticator": {
                "user_password": secrets.password,
                "admin_password": secrets.admin_password,
            },
        }
    if access.sign_in == "console":
        return sections | _console(spec, values, secrets, folder)
    chosen = _PROVIDERS[access.sign_in]
    return sections | {
        "JupyterHub": {"authenticator_class": chosen.people},
        "CryptKeeper": {"keys": [_crypt_key(secrets)]},
        "OAuthenticator": _oauth(spec, values) | chosen.common(access),
        "ProviderPeople": {"identities": Identities(HubFolder(folder).identities)},
        chosen.people.__name__: chosen.own(access),
    }


def _console(spec: HubSpec, values: HubValues, secrets: HubSecrets, folder: Path) -> Sections:
    """The console decides about everything; nothing of the declaration is a second opinion."""
    address, nearby = spec.console or "", spec.console_nearby or ""
    return {
        "JupyterHub": {"authenticator_class": ConsolePeople},
        "Authenticator": {
            "admin_users": set(),
            "allowed_users": set(),
            "allow_all": False,
            "allow_existing_users": False,
            "any_allow_config": True,
            "auth_refresh_age": REFRESH,
        },
        "CryptKeeper": {"keys": [_crypt_key(secrets)]},
        "OAuthenticator": _oauth(spec, values)
        | {
            "client_id": spec.name,
            "client_secret": "",
            "authorize_url": f"{address}/identity/authorize",
            "token_url": f"{nearby}/identity/token",
            "userdata_url": f"{nearby}/identity/userinfo",
            "basic_auth": True,
            "scope": ["openid", "profile", "groups"],
            "username_claim": "preferred_username",
            "login_service": "your account",
            "manage_groups": True,
            "allowed_groups": {USERS},
            "admin_groups": {ADMINS},
            # Signing out of a hub alone would not keep the next person at this screen out.
            "logout_redirect_url": f"{address}/account/logout/",
        },
        "ProviderPeople": {"identities": Identities(HubFolder(folder).identities)},
        "OidcPeople": {"issuer": f"{address}/identity", "groups_claim": "groups"},
        "ConsolePeople": {
            "address": address,
            "nearby": nearby,
            "secrets_file": HubFolder(folder).secrets,
        },
    }


def _people(values: HubValues) -> dict[str, Any]:
    access = values.access
    return {
        "admin_users": {one_spelling(name) for name in access.admins},
        "allowed_users": {one_spelling(name) for name in people_by_name(values)},
        "allow_all": access.everyone,
        # Whoever is no longer declared no longer comes in.
        "allow_existing_users": False,
        # The checks of the declaration know better who comes in.
        "any_allow_config": True,
    }


def _crypt_key(secrets: HubSecrets) -> bytes:
    """For what the provider said of people, in the hub's database; another use, another key."""
    return hashlib.sha256(b"auth state " + secrets.cookie_secret.encode()).digest()


def _oauth(spec: HubSpec, values: HubValues) -> dict[str, Any]:
    client = values.access.client
    return {
        "client_id": client.id or "",
        "client_secret": client.secret or "",
        "oauth_callback_url": f"{spec.url}hub/oauth_callback",
        "enable_pkce": True,
        "enable_auth_state": True,
        "refresh_pre_spawn": True,
        # Who was put out at the provider is out everywhere, with servers that run, too.
        "auth_refresh_strict": True,
        # Straight to the provider, unless there is something to read first.
        "auto_login": values.page == Page(),
        "http_request_kwargs": {
            "connect_timeout": _SECONDS_TO_CONNECT,
            "request_timeout": _SECONDS_TO_ANSWER,
        },
    }


@dataclass(frozen=True)
class _Provider:
    """`common` are traits of `OAuthenticator`, `own` those of the class `people` alone."""

    people: type
    common: Callable[[Access], dict[str, Any]]
    own: Callable[[Access], dict[str, Any]]


def _github_scope(access: Access) -> dict[str, Any]:
    # Without it GitHub tells of public members only.
    wanted = access.allow.organisations or access.allow.teams
    return {"scope": ["read:org"] if wanted else []}


def _github(access: Access) -> dict[str, Any]:
    return {"allowed_organizations": {*access.allow.organisations, *access.allow.teams}}


def _google_hint(access: Access) -> dict[str, Any]:
    domains = access.allow.domains
    only = len(domains) == 1 and not access.allow.users
    return {"extra_authorize_params": {"hd": domains[0]} if only else {}}


def _google(access: Access) -> dict[str, Any]:
    return {"allowed_domains": list(access.allow.domains), "strip_domain": False}


def _cilogon(access: Access) -> dict[str, Any]:
    cilogon = access.cilogon
    return {"idps": {idp.id: _idp(idp) for idp in cilogon.idps}, "skin": cilogon.skin or ""}


def _idp(idp: IdentityProvider) -> dict[str, Any]:
    derivation = {"username_claim": idp.username_claim}
    if idp.strip_domain:
        derivation |= {"action": "strip_idp_domain", "domain": idp.strip_domain}
    if idp.prefix:
        derivation |= {"action": "prefix", "prefix": idp.prefix}
    settings: dict[str, Any] = {
        "username_derivation": derivation,
        "default": idp.default,
        "allow_all": idp.allow_all,
        "allowed_domains": list(idp.allowed_domains),
    }
    if idp.allowed_domains_claim:
        settings["allowed_domains_claim"] = idp.allowed_domains_claim
    return settings


def _oidc_common(access: Access) -> dict[str, Any]:
    oidc = access.oidc
    addresses = {
        "authorize_url": oidc.authorize_url,
        "token_url": oidc.token_url,
        "userdata_url": oidc.userdata_url,
    }
    groups = {
        "manage_groups": True,
        "allowed_groups": set(access.allow.groups),
        "admin_groups": set(oidc.admin_groups),
    }
    return {
        **{name: address for name, address in addresses.items() if address},
        **(groups if oidc.groups_claim else {}),
        "login_service": oidc.name,
        "scope": list(oidc.scope),
        "username_claim": oidc.username_claim,
        "basic_auth": True,
    }


def _oidc(access: Access) -> dict[str, Any]:
    oidc = access.oidc
    return {
        "issuer": oidc.issuer or "",
        "groups_claim": oidc.groups_claim or "",
        "allowed_domains": list(access.allow.domains),
    }


def _nothing(_: Access) -> dict[str, Any]:
    return {}


_PROVIDERS: dict[SignInMethod, _Provider] = {
    "github": _Provider(GitHubPeople, _github_scope, _github),
    "google": _Provider(GooglePeople, _google_hint, _google),
    "cilogon": _Provider(CILogonPeople, _nothing, _cilogon),
    "oidc": _Provider(OidcPeople, _oidc_common, _oidc),
}
