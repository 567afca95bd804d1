"""What people's notebooks really run with on a hub that stands: its kernels say it themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urljoin

import aiohttp

from hubfleet.probes.address import open_session
from hubfleet.probes.kernel import Kernel, KernelError
from hubfleet.probes.target import Target

_SECONDS = 90.0
_POLL = 0.1
_ASK = """
import importlib.metadata, json
print(json.dumps({one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}))
"""

Found = Mapping[str, dict[str, str] | str]
"""By the kernel's name its packages with their versions, or why they are not known."""


async def packages_of_kernels(target: Target, kernels: Iterable[str]) -> Found:
    """Starts a server as the person, and each kernel in it; never raises for what the hub did."""
    found: dict[str, dict[str, str] | str] = {}
    wanted = list(kernels)
    try:
        async with asyncio.timeout(_SECONDS), open_session(target) as session:
            hub = _Asked(target, session)
            server = await hub.server()
            for name in wanted:
                try:
                    found[name] = await hub.packages(server, name)
                except (KernelError, _NoAnswerError) as error:
                    found[name] = str(error)
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        return {**dict.fromkeys(wanted, f"the hub did not answer: {type(error).__name__}"), **found}
    except _NoAnswerError as error:
        return dict.fromkeys(wanted, str(error))
    return found


class _NoAnswerError(Exception):
    pass


class _Asked:
    def __init__(self, target: Target, session: aiohttp.ClientSession) -> None:
        self._target, self._session = target, session
        self._headers = {"Authorization": f"token {target.token}"}
        self._user = f"{target.url}hub/api/users/{quote(target.user, safe='')}"

    async def server(self) -> str:
        """The address of the person's server, once it is ready."""
        await self._call("POST", f"{self._user}/server", json={})
        while True:
            told = await self._call("GET", self._user)
            server = (told.get("servers") or {}).get("")
            if server is None:
                raise _NoAnswerError("the server did not start")
            if server.get("ready"):
                return urljoin(self._target.url, str(server["url"]))
            await asyncio.sleep(_POLL)

    async def packages(self, server: str, kernel: str) -> dict[str, str]:
        made = await self._call("POST", f"{server}api/kernels", json={"name": kernel})
        address = f"{server}api/kernels/{made['id']}"
        talk = Kernel(await self._session.ws_connect(f"{address}/channels", headers=self._headers))
        try:
            await talk.wait_until_alive()
            answer = await talk.run(_ASK)
        finally:
            await talk.close()
        await self._call("DELETE", address)
        if answer.status != "ok":
            raise _NoAnswerError(f"the kernel {kernel} failed: {answer.error}")
        return {str(name): str(version) for name, version in json.loads(answer.text).items()}

    async def _call(self, method: str, url: str, *, json: Any = None) -> Any:
        """The answer's JSON; what says no is said in its words."""
        async with self._session.request(
            method, url, headers=self._headers, json=json, allow_redirects=False
        ) as answer:
            told = await answer.json(content_type=None) if answer.status != 204 else None
            if answer.status >= 300:
                words = told.get("message") if isinstance(told, dict) else None
                raise _NoAnswerError(str(words or f"{method} was answered with {answer.status}"))
            return told
