"""An OpenID Connect provider for tests: real codes, PKCE, signed tokens, and people to choose from.

It keeps to the rules that hubs rely on: exact callback addresses, codes for one use, a secret for
each client. It also plays GitHub, Google and CILogon as far as a sign-in goes. `people` and the
switches may be changed while it runs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "the-hub"
CLIENT_SECRET = "s3cret & with: odd/signs"


@dataclass
class Provider:
    """`people` are claims by the name that a test signs in with; only `callback` is answered."""

    port: int = 0
    callback: str = ""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    memberships: set[str] = field(default_factory=set)
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    audience: str = CLIENT_ID
    with_refresh: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    signing_key: rsa.RSAPrivateKey | None = None
    swapped: dict[str, str] = field(default_factory=dict)
    runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(middlewares=[self._remember])
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        for prefix in ("", "/login/oauth", "/oauth2", "/oauth2/v4"):
            app.router.add_get(f"{prefix}/authorize", self._authorize)
            app.router.add_post(f"{prefix}/token", self._token)
        app.router.add_post("/login/oauth/access_token", self._token)
        for path in ("/userinfo", "/oauth2/userinfo", "/oauth2/v1/userinfo", "/api/v3/user"):
            app.router.add_get(path, self._userinfo)
        app.router.add_get("/api/v3/orgs/{org}/members/{login}", self._member)
        app.router.add_get("/api/v3/orgs/{org}/teams/{team}/members/{login}", self._member)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port)
        await site.start()
        if not self.port:
            assert site._server is not None
            self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    @web.middleware
    async def _remember(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _discovery(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]})

    async def _authorize(self, request: web.Request) -> web.Response:
        """Signs in whomever the test's header names; a person would see a form here."""
        asked = request.query
        if asked["client_id"] != CLIENT_ID or asked["redirect_uri"] != self.callback:
            return web.Response(status=400, text=f"unknown client or {asked['redirect_uri']}")
        who = request.headers.get("X-Person", "")
        if who not in self.people:
            back = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = {"who": who, "challenge": asked["code_challenge"]}
            assert asked["code_challenge_method"] == "S256"
            back = {"code": code, "state": asked["state"]}
        return web.Response(status=302, headers={"Location": f"{self.callback}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = self._client(request.headers.get("Authorization", ""), form)
        if given != (CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        if form["grant_type"] == "refresh_token":
            who = self.refresh_tokens.pop(str(form["refresh_token"]), "")
        else:
            code = self.codes.pop(str(form["code"]), {})
            challenge = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
            fits = base64.urlsafe_b64encode(challenge).decode().rstrip("=") == code.get("challenge")
            who = code.get("who", "") if fits else ""
            if form["redirect_uri"] != self.callback:
                who = ""
        if not who:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(self._tokens_for(who))

    def _client(self, header: str, form: Any) -> tuple[str, str]:
        if header.startswith("Basic "):
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
            return name, secret
        return str(form.get("client_id", "")), str(form.get("client_secret", ""))

    def _tokens_for(self, who: str) -> dict[str, Any]:
        token = secrets.token_urlsafe(16)
        self.tokens[token] = who
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + 300}
        claims["sub"] = self.people[who].get("sub", who)
        key = self.signing_key or self.key
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "scope": "openid",
            "id_token": jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one"}),
        }
        if self.with_refresh:
            refresh = secrets.token_urlsafe(16)
            self.refresh_tokens[refresh] = who
            answer["refresh_token"] = refresh
        return answer

    async def _userinfo(self, request: web.Request) -> web.Response:
        who = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if who is None or who not in self.people:
            return web.json_response({"error": "invalid_token"}, status=401)
        who = self.swapped.get(who, who)
        return web.json_response({"sub": who, **self.people[who]})

    async def _member(self, request: web.Request) -> web.Response:
        found = request.match_info
        place = f"{found['org']}:{found['team']}" if "team" in found else found["org"]
        member = f"{place}/{found['login']}" in self.memberships
        return web.Response(status=204 if member else 404)


@asynccontextmanager
async def provider(**people: dict[str, Any]) -> AsyncIterator[Provider]:
    """A provider that answers, and is gone afterwards."""
    running = Provider(people=people)
    await running.start()
    try:
        yield running
    finally:
        await asyncio.shield(running.stop())
