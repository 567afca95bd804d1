"""How people sign in, as settings of oauthenticator and of JupyterHub's own shared password.

The classes are the ones in the chart's own image; `inside/declared.py` adds last days, domains
and discovery to whichever is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hubfleet.fleet.access import Access, IdentityProvider, SignInMethod
from hubfleet.fleet.page import Page
from hubfleet.fleet.sign_in import people_by_name
from hubfleet.platforms.kubernetes.rendering.context import Context
from hubfleet.platforms.kubernetes.rendering.entries import Entry, entry
from hubfleet.platforms.kubernetes.rendering.pins import CONSOLE_SECRET

USERS, ADMINS = "hub-users", "hub-admins"
"""Groups in which the console puts whoever may use a hub, and its admins."""

_REFRESH = 60

Traits = Iterator[tuple[str, Any, str]]
"""Trait, value, and the declared field it comes from."""


@dataclass(frozen=True, slots=True)
class Method:
    """`name` is the chart's word for the class `section`."""

    name: str
    section: str
    traits: Callable[[Context], Traits]


def sign_in_entries(context: Context) -> Iterator[Entry]:
    """Who may come in, and how."""
    access = context.values.access
    method = METHODS[access.sign_in]
    yield entry("hub.config.JupyterHub.authenticator_class", method.name, "access.sign_in")
    for trait, value, field in (*_people(context),):
        yield entry(f"hub.config.Authenticator.{trait}", value, field)
    for trait, value, field in method.traits(context):
        yield entry(f"hub.config.{method.section}.{trait}", value, field)


def _people(context: Context) -> Traits:
    access = context.values.access
    if access.sign_in == "console":
        # Nothing of the declaration is a second opinion.
        access = Access()
        context = replace(context, values=context.values.model_copy(update={"access": access}))
    yield "admin_users", sorted(access.admins), "access.admins"
    yield "allowed_users", sorted(people_by_name(context.values)), "access.allow.users"
    yield "allow_all", access.everyone, "access.everyone"
    # Whoever is no longer declared no longer comes in, and the checks know better who does.
    yield "allow_existing_users", False, ""
    yield "any_allow_config", True, ""


def _password(context: Context) -> Traits:
    yield "user_password", context.pins.password, ""
    yield "admin_password", context.pins.admin_password, ""


def _oauth(context: Context) -> Traits:
    client = context.values.access.client
    yield "client_id", client.id or "", "access.client.id"
    yield "client_secret", client.secret or "", "access.client.secret"
    yield "oauth_callback_url", f"{context.url}hub/oauth_callback", "domain"
    yield "enable_pkce", True, ""
    yield "enable_auth_state", True, ""
    yield "refresh_pre_spawn", True, ""
    # Straight to the provider, unless there is something to read first.
    yield "auto_login", context.values.page == Page(), "page"


def _github(context: Context) -> Traits:
    yield from _oauth(context)
    allow = context.values.access.allow
    members = [*allow.organisations, *allow.teams]
    if members:
        field = "access.allow.organisations" if allow.organisations else "access.allow.teams"
        yield "allowed_organizations", sorted(members), field
        # Without it GitHub tells of public members only.
        yield "scope", ["read:org"], field


def _google(context: Context) -> Traits:
    yield from _oauth(context)
    allow = context.values.access.allow
    yield "strip_domain", False, ""
    if len(allow.domains) == 1 and not allow.users:
        yield "extra_authorize_params", {"hd": allow.domains[0]}, "access.allow.domains"


def _cilogon(context: Context) -> Traits:
    yield from _oauth(context)
    cilogon = context.values.access.cilogon
    # oauthenticator 17.4 calls it `idps` and still takes the name that 17.3 knows alone.
    yield "allowed_idps", {idp.id: _idp(idp) for idp in cilogon.idps}, "access.cilogon.idps"
    if cilogon.skin:
        yield "skin", cilogon.skin, "access.cilogon.skin"


def _idp(idp: IdentityProvider) -> dict[str, Any]:
    derivation = {"username_claim": idp.username_claim}
    if idp.strip_domain:
        derivation |= {"action": "strip_idp_domain", "domain": idp.strip_domain}
    if idp.prefix:
        derivation |= {"action": "prefix", "prefix": idp.prefix}
    settings: dict[str, Any] = {"username_derivation": derivation}
    if idp.default:
        settings["default"] = True
    if idp.allow_all:
        settings["allow_all"] = True
    if idp.allowed_domains:
        settings["allowed_domains"] = list(idp.allowed_domains)
    if idp.allowed_domains_claim:
        settings["allowed_domains_claim"] = idp.allowed_domains_claim
    return settings


def _oidc(context: Context) -> Traits:
    yield from _oauth(context)
    access = context.values.access
    oidc = access.oidc
    for trait in ("authorize_url", "token_url", "userdata_url"):
        address = getattr(oidc, trait)
        if address:
            yield trait, address, f"access.oidc.{trait}"
    yield "login_service", oidc.name, "access.oidc.name"
    yield "scope", list(oidc.scope), "access.oidc.scope"
    yield "username_claim", oidc.username_claim, "access.oidc.username_claim"
    if oidc.groups_claim:
        key = f"oauth_user.{oidc.groups_claim}"
        yield "manage_groups", True, "access.oidc.groups_claim"
        yield "auth_state_groups_key", key, "access.oidc.groups_claim"
        yield "allowed_groups", sorted(access.allow.groups), "access.allow.groups"
        yield "admin_groups", sorted(oidc.admin_groups), "access.oidc.admin_groups"


def _console(context: Context) -> Traits:
    """One account for all hubs: the console alone says who may use this one, and as what."""
    secret = context.pins.declared.get(CONSOLE_SECRET, CONSOLE_SECRET)
    known = {"client_id": context.hub.name, "client_secret": secret}
    for trait, value, field in _oauth(context):
        yield trait, known.get(trait, value), "" if trait in known else field
    issuer = context.hub.console.issuer if context.hub.console else ""
    for trait, page in (("authorize", "authorize"), ("token", "token"), ("userdata", "userinfo")):
        yield f"{trait}_url", f"{issuer}/{page}", ""
    yield "login_service", "your account", ""
    yield "scope", ["openid", "profile", "groups"], ""
    yield "username_claim", "preferred_username", ""
    yield "manage_groups", True, ""
    yield "auth_state_groups_key", "oauth_user.groups", ""
    yield "allowed_groups", [USERS], ""
    yield "admin_groups", [ADMINS], ""
    # Who was put out at the console is out here soon.
    yield "auth_refresh_age", _REFRESH, ""
    if context.hub.console:
        # Signing out of a hub alone would not keep the next person at this screen out.
        yield "logout_redirect_url", f"{context.hub.console.address}/account/logout/", ""


METHODS: dict[SignInMethod, Method] = {
    "shared-password": Method("shared-password", "SharedPasswordAuthenticator", _password),
    "github": Method("github", "GitHubOAuthenticator", _github),
    "google": Method("google", "GoogleOAuthenticator", _google),
    "cilogon": Method("cilogon", "CILogonOAuthenticator", _cilogon),
    "oidc": Method("generic-oauth", "GenericOAuthenticator", _oidc),
    "console": Method("generic-oauth", "GenericOAuthenticator", _console),
}


def knows_groups(access: Access) -> bool:
    """Whether the provider says who is in which group, so that the hub declares none."""
    return access.sign_in == "console" or bool(
        access.sign_in == "oidc" and access.oidc.groups_claim
    )
