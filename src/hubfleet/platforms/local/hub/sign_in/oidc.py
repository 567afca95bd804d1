"""Any OpenID Connect provider.

Where its pages are is asked at the first sign-in, not at the hub's start: a hub must come up
while its provider is away. An id token that comes with the access token must be signed by the
provider, for this hub, and name the same person as the provider's answer about the person.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from functools import reduce
from typing import Any
from urllib.parse import urlsplit

import jwt
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthLoginHandler
from traitlets import List, Unicode

from hubfleet.platforms.local.hub.sign_in.provider import ANSWERS, ProviderPeople

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class LoginHandler(OAuthLoginHandler):
    """Where people begin."""

    async def get(self) -> None:
        try:
            await self.authenticator.discover()
        except ANSWERS as error:
            raise self.authenticator.page_for(error) from error
        super().get()


class OidcPeople(ProviderPeople, GenericOAuthenticator):
    """People of one provider; its groups where it names them."""

    login_handler = LoginHandler
    issuer = Unicode(config=True, help="The provider's address; empty without discovery.")
    groups_claim = Unicode(config=True, help="The claim that lists a person's groups.")
    allowed_domains = List(Unicode(), config=True, help="Domains whose people may sign in.")
    jwks_uri = ""

    def provider(self) -> str:
        return str(self.issuer or self.token_url)

    def may_pass(self, claims: dict[str, Any]) -> bool:
        """A name that is an address must not be one that anybody may write down."""
        return self.username_claim != "email" or claims.get("email_verified") is not False

    def is_allowed_by_claims(self, claims: dict[str, Any]) -> bool:
        domain = str(claims.get("email", "")).rpartition("@")[2].lower()
        return self.username_claim == "email" and domain in self.allowed_domains

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        claims = auth_state[self.user_auth_state_key]
        groups = claims.get(self.groups_claim)
        if groups is None:
            try:
                groups = reduce(dict.get, self.groups_claim.split("."), claims)
            except TypeError:
                groups = None
        if groups is None:
            self.log.warning("%s sent no %r", self.login_service, self.groups_claim)
        if isinstance(groups, str):
            return {groups}
        return {group for group in groups or () if isinstance(group, str)}

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> Any:
        try:
            await self.discover()
        except ANSWERS as error:
            raise self.page_for(error) from error
        return await super().authenticate(handler, data, **kwargs)

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> Any:
        try:
            await self.discover()
        except ANSWERS as error:
            self.log.warning("%s does not answer: %s", self.provider(), error)
            return True
        return await super().refresh_user(user, handler, **kwargs)

    async def discover(self) -> None:
        """Learn where the provider's pages are; once, unless it was away."""
        if not self.issuer or self.jwks_uri:
            return
        found = await self.httpfetch(
            f"{self.issuer.rstrip('/')}/.well-known/openid-configuration",
            "asking the provider where its pages are",
            method="GET",
        )
        if found["issuer"].rstrip("/") != self.issuer.rstrip("/"):
            raise ValueError(f"{self.issuer} says that it is {found['issuer']}")
        names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
        for name in names:
            if urlsplit(found[name]).scheme != urlsplit(self.issuer).scheme:
                raise ValueError(f"{name} of {self.issuer} is not as safe as the provider")
        self.authorize_url = found["authorization_endpoint"]
        self.token_url = found["token_endpoint"]
        self.userdata_url = found["userinfo_endpoint"]
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self.basic_auth = "client_secret_basic" in methods
        self.jwks_uri = found["jwks_uri"]

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> Any:
        info = await super().get_token_info(handler, params)
        if self.issuer and info.get("id_token"):
            await self._verify(info["id_token"])
        return info

    async def token_to_user(self, token_info: dict[str, Any]) -> Any:
        claims = await super().token_to_user(token_info)
        if self.issuer and token_info.get("id_token"):
            # Verified when it came; it may be out of date by now.
            signed = jwt.decode(token_info["id_token"], options={"verify_signature": False})
            if signed["sub"] != claims["sub"]:
                raise ValueError("the provider's answers are about two people")
        return claims

    async def _verify(self, token: str) -> None:
        """Raises ValueError for a token that is not the provider's, or not for this hub."""
        try:
            header = jwt.get_unverified_header(token)
            fetched = await self.httpfetch(self.jwks_uri, "fetching the keys", method="GET")
            keys = jwt.PyJWKSet.from_dict(fetched).keys
            wanted = header.get("kid")
            fitting = [key for key in keys if wanted is None or key.key_id == wanted]
            if not fitting:
                raise ValueError(
                    "the id token is signed with a key that the provider does not have"
                )
            jwt.decode(
                token,
                fitting[0],
                algorithms=_ALGORITHMS,
                audience=self.client_id,
                issuer=self.issuer,
                leeway=60,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.PyJWTError as error:
            raise ValueError(f"the id token is wrong: {error}") from error
