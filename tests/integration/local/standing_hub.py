"""A real hub behind a real proxy for tests, and people who use it as people do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hubfleet.fleet.model import HubValues
from hubfleet.platforms.local.answers import address_of
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.proxy import ensure_proxy_program
from hubfleet.platforms.local.servers import stop_servers
from hubfleet.platforms.local.spec import HubSecrets, HubSpec
from tests.places import free_port

PASSWORD = "open sesame everyone"
ADMIN_PASSWORD = "a much longer secret for the admins only"
RUN_HUB = """
import sys
from pathlib import Path
from hubfleet.platforms.local.hub import run_hub
run_hub(Path(sys.argv[1]))
"""


async def until(question: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of `question`, asked ever again; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = asyncio.Event()
    while time.monotonic() < deadline:
        answer = question()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pause.wait(), 0.03)
    raise AssertionError(f"not within {seconds} s: {what}")


class _Loopback(AbstractResolver):
    """Python does not resolve `*.localhost` by itself; browsers do."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


class Proxy:
    """The shared proxy of one test."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self.port = free_port()
        # Not below the tests' own folders: their paths may be too long for a socket.
        self.folder = Path(tempfile.gettempdir(), f"hubfleet-proxy-{secrets.token_hex(8)}")
        self.socket = self.folder / "api.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        addresses = ["--ip", "127.0.0.1", "--port", str(self.port)]
        addresses += ["--api-socket", str(self.socket)]
        self.folder.mkdir(mode=0o700)
        self.process = subprocess.Popen(
            [
                *ensure_proxy_program(lambda _: None),
                *addresses,
                "--host-routing",
                "--log-level",
                "error",
            ],
            env={"PATH": os.environ["PATH"], "CONFIGPROXY_AUTH_TOKEN": self.token},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            shutil.rmtree(self.folder)
            self.process = None


class StandingHub:
    """One hub; `values` are the fields of its declaration."""

    def __init__(self, state: Path, proxy: Proxy, name: str = "earth/prod", **values: Any) -> None:
        self.proxy = proxy
        self.folder = HubFolder(state / "hubs" / name)
        self.folder.path.mkdir(parents=True, mode=0o700, exist_ok=True)
        state.chmod(0o700)
        self.domain = "-".join(reversed(name.split("/"))) + ".localhost"
        self.url = f"http://{self.domain}:{proxy.port}/"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.python = sys.executable
        self.secrets = HubSecrets(
            cookie_secret=secrets.token_hex(32),
            password=PASSWORD,
            admin_password=ADMIN_PASSWORD,
            probe_token=secrets.token_hex(16),
            culler_token=secrets.token_hex(16),
            proxy_token=proxy.token,
        )
        self.environment: str | None = None
        self.declare(**values)

    def declare(self, **values: Any) -> None:
        access = {
            "sign_in": "shared-password",
            "admins": ["root-of-all"],
            "allow": {"users": ["ada", "bob"]},
        }
        access = {"sign_in": "shared-password", **values.pop("access", access)}
        chosen = HubValues.model_validate({"access": access, **values})
        spec = HubSpec(
            name=self.folder.name,
            cluster="reef",
            revision=1,
            domain=self.domain,
            title="Earth & <Moon>",
            url=self.url,
            port=self.port,
            proxy_api=address_of(self.proxy.socket),
            proxy_port=self.proxy.port,
            flat={},
            values=chosen.model_dump(mode="json"),
            environment=self.environment,
        )
        spec.write(self.folder.spec)
        self.secrets.write(self.folder.secrets)

    def start(self, **environ: str) -> None:
        with open(self.folder.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-c", RUN_HUB, str(self.folder.path)],
                env={**os.environ, "CANARY_OF_THE_OPERATOR": "canary", **environ},
                cwd=self.folder.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self) -> None:
        async with aiohttp.ClientSession(connector=connector()) as session:

            async def healthy() -> bool:
                if self.process is not None and self.process.poll() is not None:
                    raise AssertionError(f"the hub ended:\n{self.folder.log.read_text()[-3000:]}")
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(self.url + "hub/health") as answer:
                        return answer.status == 200
                return False

            await until(healthy, 40, "the hub's /hub/health")

    def end(self, number: int = signal.SIGTERM) -> None:
        """Stop the hub alone; people's servers go on."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None

    def stop(self) -> None:
        self.end(signal.SIGKILL)
        stop_servers(self.folder.path, grace=3)


def connector() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(resolver=_Loopback())


class Address(Protocol):
    """Whatever has the public address of a hub, with a trailing slash."""

    url: str


class Person:
    """Somebody with a browser's memory (cookies) and, once signed in, a token of their own."""

    def __init__(self, hub: Address, name: str, token: str = "") -> None:
        self.hub, self.name, self.token = hub, name, token
        self.session = aiohttp.ClientSession(connector=connector())

    async def sign_in(self, password: str = PASSWORD) -> tuple[int, str]:
        """Through the form, as a person does: (status, page)."""
        async with self.session.get(self.hub.url + "hub/login") as page:
            found = re.search(r'name="_xsrf" value="([^"]+)"', await page.text())
            assert found, "the sign-in page has no form"
        form = {"username": self.name, "password": password, "_xsrf": found[1]}
        url = self.hub.url + "hub/login?next=%2Fhub%2Fhome"
        async with self.session.post(url, data=form) as answer:
            text = await answer.text()
            if answer.status == 200 and str(answer.url).endswith("/hub/home"):
                await self._make_token()
            return answer.status, text

    async def _make_token(self) -> None:
        jar = self.session.cookie_jar.filter_cookies(self.session_url("hub/"))
        headers = {"X-XSRFToken": jar["_xsrf"].value}
        url = self.hub.url + f"hub/api/users/{self.name}/tokens"
        async with self.session.post(url, headers=headers, json={"note": "test"}) as answer:
            assert answer.status == 201, await answer.text()
            self.token = (await answer.json())["token"]

    def session_url(self, path: str) -> Any:
        import yarl

        return yarl.URL(self.hub.url + path)

    async def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, answer) of `path` below the hub's public address, with this person's token."""
        async with (
            aiohttp.ClientSession(connector=connector()) as session,
            session.request(
                method,
                self.hub.url + path,
                json=body,
                headers={"Authorization": f"token {self.token}"},
            ) as answer,
        ):
            text = await answer.text()
            with contextlib.suppress(ValueError):
                return answer.status, json.loads(text)
            return answer.status, text

    async def start_server(self, options: dict[str, str] | None = None) -> None:
        path = f"hub/api/users/{self.name}/server"
        status, answer = await self.api("POST", path, options or {})
        assert status in {201, 202}, (status, answer)
        if status == 202:
            status, text = await self.api("GET", path + "/progress")
            assert '"ready": true' in text, text

    async def stop_server(self) -> None:
        await self.api("DELETE", f"hub/api/users/{self.name}/server")
        await until(self._no_server, 20, f"the end of {self.name}'s server")

    async def _no_server(self) -> bool:
        _, user = await self.api("GET", f"hub/api/users/{self.name}")
        return not user["servers"]

    async def start_kernel(self, kind: str = "python3") -> str:
        """`kind` empty: what the server gives to whoever names none."""
        body = {"name": kind} if kind else {}
        status, kernel = await self.api("POST", f"user/{self.name}/api/kernels", body)
        assert status == 201, kernel
        return str(kernel["id"])

    async def run(self, kernel: str, code: str, seconds: float = 60) -> str:
        """What `code` printed in the kernel; an error's name and text when it failed."""
        path = f"user/{self.name}/api/kernels/{kernel}/channels"
        headers = {"Authorization": f"token {self.token}"}
        url = self.hub.url.replace("http", "ws", 1) + path
        async with (
            aiohttp.ClientSession(connector=connector()) as session,
            session.ws_connect(url, headers=headers, max_msg_size=0) as socket_,
        ):
            number = uuid.uuid4().hex
            header = {"msg_id": number, "msg_type": "execute_request", "username": "test"}
            header |= {"session": uuid.uuid4().hex, "version": "5.3", "date": ""}
            content = {"code": code, "silent": False, "store_history": False}
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
            await socket_.send_json({**message, "channel": "shell", "buffers": []})
            return await asyncio.wait_for(_output(socket_, number), seconds)

    async def close(self) -> None:
        await self.session.close()


async def _output(socket_: aiohttp.ClientWebSocketResponse, number: str) -> str:
    printed, replied, idle = "", False, False
    while not (replied and idle):
        message = await socket_.receive_json()
        if message["parent_header"].get("msg_id") != number:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            printed += content["text"]
        elif kind == "error":
            printed += f"{content['ename']}: {content['evalue']}\n"
        replied = replied or kind == "execute_reply"
        idle = idle or (kind == "status" and content["execution_state"] == "idle")
    return printed


@contextlib.asynccontextmanager
async def standing_hub(
    state: Path,
    *,
    environ: dict[str, str] | None = None,
    python: Path | None = None,
    **values: Any,
) -> AsyncIterator[StandingHub]:
    """A hub that answers, and nothing left of it afterwards."""
    proxy = Proxy()
    proxy.start()
    hub = StandingHub(state, proxy, **values)
    hub.python = str(python or sys.executable)
    try:
        hub.start(**(environ or {}))
        await hub.ready()
        yield hub
    finally:
        hub.stop()
        proxy.stop()


@contextlib.asynccontextmanager
async def signed_in(hub: StandingHub, name: str, password: str = PASSWORD) -> AsyncIterator[Person]:
    """A person who signed in through the form."""
    person = Person(hub, name)
    try:
        await person.sign_in(password)
        assert person.token, f"{name} was not signed in"
        yield person
    finally:
        await person.close()
