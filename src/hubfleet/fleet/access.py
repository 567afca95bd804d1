"""Who may come in, and how: the fields under `access:`. `sign_in` has the rules between them.

Names follow oauthenticator where it has one. Every list under `allow` lets more people in; none
of them takes anybody out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import (
    ADDRESS_PATTERN,
    ENTITY_PATTERN,
    GITHUB_PATTERN,
    PREFIX_PATTERN,
    TEAM_PATTERN,
    Day,
    Domain,
    Flag,
    Text,
    UserName,
)
from hubfleet.fleet.secrets.secret import SecretText

SignInMethod = Literal["console", "github", "google", "cilogon", "oidc", "shared-password"]
GitHubName = Annotated[str, StringConstraints(pattern=GITHUB_PATTERN, to_lower=True)]
Team = Annotated[str, StringConstraints(pattern=TEAM_PATTERN, to_lower=True)]


class Allow(Declared):
    """Who may sign in beside the admins."""

    users: tuple[UserName, ...] = ()
    """User names; with `google` e-mail addresses."""
    groups: tuple[Text, ...] = ()
    """Groups, declared in the hub's `groups` or kept for the community in the console, or the
    provider's where `oidc.groups_claim` says how it names them."""
    organisations: tuple[GitHubName, ...] = ()
    """Everybody in these GitHub organisations."""
    teams: tuple[Team, ...] = ()
    """Everybody in these GitHub teams, written `organisation:team`."""
    domains: tuple[Domain, ...] = ()
    """Everybody with an account of these domains: with `google` of their organisation, with
    `oidc` an e-mail address."""


class Client(Declared):
    """What the provider calls this hub: an OAuth app or client, registered there once."""

    id: Text | None = None
    """The client's id."""
    secret: SecretText | None = None
    """The client's secret; it belongs into the secret file beside this one."""


class IdentityProvider(Declared):
    """One institution or service that people may choose on CILogon's page."""

    id: str = Field(pattern=ENTITY_PATTERN)
    """Its entity id, as in CILogon's list of identity providers."""
    username_claim: Text
    """The claim that names people here, such as `email` or `eppn`."""
    default: Flag = False
    """Chosen unless a person chooses another; at most one, else the first."""
    strip_domain: Domain | None = None
    """Leave `@` and this domain out of names."""
    prefix: str | None = Field(default=None, pattern=PREFIX_PATTERN)
    """Put this and a colon before names, so that they differ from those of other providers."""
    allow_all: Flag = False
    """Everybody who has an account there may sign in."""
    allowed_domains: tuple[Text, ...] = ()
    """Everybody there with an address of these domains may sign in; `*` stands for any text."""
    allowed_domains_claim: Text | None = None
    """The claim that holds the address; default: `username_claim`."""


class CILogon(Declared):
    """For `sign_in: cilogon`."""

    idps: tuple[IdentityProvider, ...] = ()
    """The identity providers that people see on CILogon's page; no other is accepted."""
    skin: Text | None = None
    """The look of CILogon's page, as agreed with CILogon."""


class Oidc(Declared):
    """For `sign_in: oidc`: any OpenID Connect provider."""

    name: Text = "your account"
    """What people read on the button: `Sign in with ...`."""
    issuer: str | None = Field(default=None, pattern=ADDRESS_PATTERN)
    """The provider's address; what else is needed is found there at the first sign-in."""
    authorize_url: str | None = Field(default=None, pattern=ADDRESS_PATTERN)
    """Where people sign in, for a provider without discovery."""
    token_url: str | None = Field(default=None, pattern=ADDRESS_PATTERN)
    """Where the hub gets tokens, for a provider without discovery."""
    userdata_url: str | None = Field(default=None, pattern=ADDRESS_PATTERN)
    """Where the hub asks who somebody is, for a provider without discovery."""
    scope: tuple[Text, ...] = ("openid", "profile", "email")
    """What the hub asks the provider for."""
    username_claim: Text = "preferred_username"
    """The claim that names people here."""
    groups_claim: Text | None = None
    """The claim that lists a person's groups; dots lead into a mapping, as in
    `realm_access.roles`. Then groups are the provider's and the hub declares none."""
    admin_groups: tuple[Text, ...] = ()
    """Members of these groups of the provider are hub admins."""


class Access(Declared):
    """Who may come in, and how."""

    sign_in: SignInMethod = "console"
    """How people prove who they are; `console`: by one account for all hubs of the service."""
    admins: tuple[UserName, ...] = ()
    """Hub admins: they manage users and servers in JupyterHub's admin panel."""
    allow: Allow = Allow()
    """Who may sign in beside the admins."""
    everyone: Flag = False
    """Whoever knows the way in may use the hub."""
    until: Day | None = None
    """The last day on which `everyone` holds (in the service's time zone)."""
    client: Client = Client()
    """What the provider calls this hub; `console` and `shared-password` need none."""
    cilogon: CILogon = CILogon()
    """For `sign_in: cilogon`."""
    oidc: Oidc = Oidc()
    """For `sign_in: oidc`."""
