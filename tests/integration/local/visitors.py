"""Hubs whose people come from a provider, and people who arrive with a browser."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import yarl

from tests.integration.local.standing_hub import Proxy, StandingHub, connector
from tests.integration.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider

MARK = "<secret 0123456789ab>"
CLIENT = {"id": CLIENT_ID, "secret": MARK}


@dataclass(frozen=True)
class Arrival:
    """Where a browser ended: the status, the address without the query, and the page."""

    status: int
    path: str
    page: str

    @property
    def words(self) -> str:
        """What a person reads."""
        body = re.sub(r"<(script|style)\b.*?</\1>", "", self.page, flags=re.DOTALL)
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


class Visitor:
    """A person's browser; the provider takes them for `person`."""

    def __init__(self, hub: StandingHub, person: str) -> None:
        self.hub = hub
        self.session = aiohttp.ClientSession(connector=connector(), headers={"X-Person": person})

    async def get(self, address: str) -> Arrival:
        """Open a page of the hub, or any other one by its whole address."""
        async with self.session.get(yarl.URL(self.hub.url).join(yarl.URL(address))) as answer:
            return Arrival(answer.status, answer.url.path, await answer.text())

    async def sign_in(self) -> Arrival:
        return await self.get("/hub/login?next=/hub/home")

    async def callback(self) -> str:
        """Begin to sign in, agree at the provider, and stop before the hub hears of it."""
        address = yarl.URL(self.hub.url + "hub/oauth_login?next=/hub/home")
        for _ in range(2):
            async with self.session.get(address, allow_redirects=False) as answer:
                assert answer.status == 302, await answer.text()
                address = yarl.URL(answer.headers["Location"], encoded=True)
        return str(address)

    async def me(self) -> dict[str, Any]:
        """What the hub knows of this person."""
        home = yarl.URL(self.hub.url + "hub/home")
        token = self.session.cookie_jar.filter_cookies(home)["_xsrf"].value
        headers = {"X-XSRFToken": token, "Referer": str(home)}
        async with self.session.get(self.hub.url + "hub/api/user", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def post(self, path: str) -> tuple[int, str]:
        home = yarl.URL(self.hub.url + "hub/home")
        token = self.session.cookie_jar.filter_cookies(home)["_xsrf"].value
        async with self.session.post(
            self.hub.url + path, headers={"X-XSRFToken": token}, json={}
        ) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def visiting(hub: StandingHub, person: str) -> AsyncIterator[Visitor]:
    visitor = Visitor(hub, person)
    try:
        yield visitor
    finally:
        await visitor.session.close()


@asynccontextmanager
async def hub_with(state: Path, provider: Provider, **values: Any) -> AsyncIterator[StandingHub]:
    """A hub that knows its client's secret by a mark only, as from an encrypted file."""
    proxy = Proxy()
    proxy.start()
    hub = StandingHub(state, proxy)
    hub.secrets = replace(hub.secrets, declared={MARK: CLIENT_SECRET})
    hub.declare(**values)
    provider.callback = f"{hub.url}hub/oauth_callback"
    try:
        hub.start()
        await hub.ready()
        yield hub
    finally:
        hub.stop()
        proxy.stop()
