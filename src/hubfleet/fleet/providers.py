"""Where people may sign in to the console instead of choosing a password there. Pure.

An account elsewhere opens the account of the console that it was connected to, and no other: by
invitation, or on the person's own page. What a provider says of e-mail addresses decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from hubfleet.fleet.access import Client
from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import ADDRESS_PATTERN, Text
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem

KNOWN = {"github": "GitHub", "google": "Google", "cilogon": "CILogon"}
"""Providers that need no issuer, with what people read on their button."""


class Provider(Declared):
    """One provider; `github`, `google` and `cilogon` are known, any other name needs an issuer."""

    name: Text | None = None
    """What people read on the button: `Sign in with ...`."""
    issuer: str | None = Field(default=None, pattern=ADDRESS_PATTERN)
    """The address of an OpenID Connect provider; what else is needed is found there."""
    client: Client = Client()
    """What the provider calls the console: an OAuth app or client, registered there once."""


def callback_of(key: str, address: str) -> str:
    """What the provider must be told about the console."""
    middle = key if key in KNOWN else f"oidc/{key}"
    return f"{address}/account/{middle}/login/callback/"


def provider_problems(
    providers: Mapping[str, Provider], address: str, document: Document
) -> Iterator[Problem]:
    """What is wrong with each of them."""
    for key, provider in providers.items():
        path = ("service", "console", "providers", key)
        if key in KNOWN and provider.issuer is not None:
            yield Problem(
                "issuer-of-a-known-provider",
                f"`{key}` has an issuer already",
                document.place((*path, "issuer")),
                f"{KNOWN[key]} is reached at its own address.",
                "remove `issuer`, or call the provider something else",
            )
        if key not in KNOWN and provider.issuer is None:
            yield Problem(
                "provider-without-issuer",
                f"nothing says where the provider `{key}` is",
                document.place(path),
                f"Only {', '.join(KNOWN)} are known by name.",
                "add `issuer: https://...`",
            )
        if provider.client.id is None:
            yield Problem(
                "no-client",
                f"the provider `{key}` needs `client.id`",
                document.place(path),
                "The provider must know the console before it signs people in to it.",
                "register an OAuth client there with the callback address "
                f"{callback_of(key, address)} and write its id",
            )
        if provider.client.secret is None:
            yield Problem(
                "no-client-secret",
                f"the provider `{key}` needs `client.secret`",
                document.place(path),
                "The provider gave it out with the client's id.",
                f"run `hubfleet secret set fleet.yaml {'.'.join(path)}.client.secret`",
            )
