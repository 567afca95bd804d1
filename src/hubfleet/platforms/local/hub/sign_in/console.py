"""The console as the provider of all hubs: its groups decide who comes in and who is an admin.

Browsers go to the console's public address; the hub itself asks it nearby, past whatever proxy
stands in front. Unlike with other providers the hub looks for the console before it sends people
there, so that they read why they cannot sign in. The hub's secret is read at each sign-in.

How access ends: the console takes the person's tokens away and asks the hub's API to delete the
person's record. Where that cannot be done, the hub finds out by itself: it asks the console again
after `REFRESH` seconds, and servers ask the hub after `SERVER_BELIEVES`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oauthenticator.oauth2 import OAuthLoginHandler
from tornado.web import HTTPError
from traitlets import Instance, Unicode

from hubfleet.platforms.local.hub.sign_in.oidc import OidcPeople
from hubfleet.platforms.local.hub.sign_in.people import PageError
from hubfleet.platforms.local.hub.sign_in.provider import ANSWERS
from hubfleet.platforms.local.spec import HubSecrets

REFRESH = 25
"""Seconds after which a hub asks the console again about somebody who is at work."""

ADMINS, USERS = "hub-admins", "hub-users"
"""The groups by which the console says who may come in, and who is an admin."""


class LoginHandler(OAuthLoginHandler):
    """Where people begin."""

    async def get(self) -> None:
        try:
            await self.authenticator.look_for_console()
        except ANSWERS as error:
            raise self.authenticator.page_for(error) from error
        OAuthLoginHandler.get(self)


class ConsolePeople(OidcPeople):
    """People with an account at the console."""

    login_handler = LoginHandler  # type: ignore[assignment]
    address = Unicode(config=True, help="The console's public address, without a slash.")
    nearby = Unicode(config=True, help="How this hub reaches it.")
    secrets_file = Instance(Path, config=True, help="Where the hub's own secret is.")

    def provider(self) -> str:
        """One for ever: names stay with their owners when the console moves."""
        return "console"

    def may_pass(self, claims: dict[str, Any]) -> bool:
        return True

    def is_allowed_by_claims(self, claims: dict[str, Any]) -> bool:
        return False

    async def discover(self) -> None:
        """Nothing to find out: the console's pages are known."""
        self.jwks_uri = f"{self.nearby}/identity/keys"

    async def look_for_console(self) -> None:
        """Raises what `page_for` explains when it is away, or is another one."""
        found = await self.httpfetch(
            f"{self.nearby}/identity/.well-known/openid-configuration",
            "looking for the console",
            method="GET",
        )
        if found["issuer"] != self.issuer:
            raise ValueError(f"{self.nearby} says that it is {found['issuer']}")

    async def httpfetch(self, url: str, *args: Any, **kwargs: Any) -> Any:
        """The console answers only to its own name."""
        if url.startswith(f"{self.nearby}/"):
            headers = kwargs.get("headers") or {}
            kwargs["headers"] = {**headers, "Host": urlsplit(self.address).netloc}
        return await super().httpfetch(url, *args, **kwargs)

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> Any:
        self.client_secret = HubSecrets.read(self.secrets_file).console_secret
        return await super().get_token_info(handler, params)

    def outlives(self, handler: Any) -> bool:
        """Only a running server's own token: it tells the hub that work goes on, and no more.

        Everything else is a person, whom the console no longer knows.
        """
        if not getattr(handler, "_token_authenticated", False):
            return False
        token = handler.get_token()
        return bool(token is not None and (token.note or "").startswith("Server at "))

    def _away(self, error: Exception) -> HTTPError:
        self.log.error("The console does not answer at %s: %s", self.nearby, error)
        return PageError(
            503,
            "The console does not answer",
            "All hubs ask it who you are, so you cannot sign in just now. Whoever is signed in "
            "already can go on working. Try again in some minutes.",
        )
