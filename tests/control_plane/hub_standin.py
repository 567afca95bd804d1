"""Stands in for what answers under hubs' public names on a cluster whose pods run no image.

It obeys the values that Helm brought to the cluster, and nothing else: a token is worth what the
services and roles in them say. Code that a kernel is given is really run, and files are really
kept. `broken` says, by name, which stage of a person's path does not work.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

Values = Mapping[str, Any]
_FORM = '<form method="post"><input type="hidden" name="_xsrf" value="x"></form>'


@dataclass
class StandIn:
    """`values_of` gives the values of the hub with this name; `asked` is every call of a token."""

    values_of: Callable[[str], Values]
    folder: Path
    broken: dict[str, str] = field(default_factory=dict)
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    port: int = 0

    def app(self) -> web.Application:
        app = web.Application()
        user, own = "/hub/api/users/{user}", "/user/{user}/api"
        app.add_routes(
            [
                web.get("/hub/health", self.health),
                web.get("/hub/api/", self.version),
                web.get("/hub/login", self.login),
                web.get(user, self.user),
                web.delete(user, self.forget),
                web.post(f"{user}/server", self.start),
                web.get(f"{user}/server/progress", self.progress),
                web.delete(f"{user}/server", self.stop),
                web.get(f"{own}/status", self.status),
                web.post(f"{own}/kernels", self.kernel),
                web.delete(f"{own}/kernels/1", self.nothing),
                web.get(f"{own}/kernels/1/channels", self.channels),
                web.get(f"{own}/contents/{{name}}", self.contents),
            ]
        )
        return app

    def stage(self, request: web.Request, stage: str) -> bool:
        return self.broken.get(request.host.partition(":")[0]) == stage

    def allow(self, request: web.Request, *scopes: str) -> None:
        """Refuse who has none of the scopes, as JupyterHub does."""
        name = request.host.partition(":")[0]
        hub = self.values_of(name)["hub"]
        token = request.headers.get("Authorization", "").removeprefix("token ")
        who = [key for key, one in hub["services"].items() if one["apiToken"] == token]
        if not who:
            raise web.HTTPForbidden(text='{"message": "who are you?"}')
        self.asked.append((who[0], request.method, request.path))
        roles = [one for one in hub["loadRoles"].values() if who[0] in one.get("services", ())]
        has = {scope for role in roles for scope in role["scopes"]}
        wanted = {
            text for one in scopes for text in (one, f"{one}!user={request.match_info['user']}")
        }
        if not has & wanted:
            raise web.HTTPForbidden(text='{"message": "not for you"}')

    async def health(self, request: web.Request) -> web.Response:
        return web.Response(status=503 if self.stage(request, "hub") else 200)

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "5.4.0"})

    async def login(self, _: web.Request) -> web.Response:
        return web.Response(text=_FORM, content_type="text/html")

    async def user(self, request: web.Request) -> web.Response:
        self.allow(request, "servers", "read:servers")
        server = self.servers.get(request.host)
        return web.json_response({"servers": {"": server} if server else {}})

    async def forget(self, request: web.Request) -> web.Response:
        self.allow(request, "delete:users")
        return web.Response(status=204)

    async def start(self, request: web.Request) -> web.Response:
        self.allow(request, "servers")
        self.servers[request.host] = {"user_options": await request.json()}
        return web.Response(status=202)

    async def progress(self, request: web.Request) -> web.Response:
        self.allow(request, "servers")
        told: dict[str, Any] = {"ready": True, "url": f"/user/{request.match_info['user']}/"}
        if self.stage(request, "spawn"):
            told = {"failed": True, "message": "no node has room"}
        return web.Response(text=f"data: {json.dumps(told)}\n\n", content_type="text/event-stream")

    async def stop(self, request: web.Request) -> web.Response:
        self.allow(request, "servers")
        self.servers.pop(request.host, None)
        return web.Response(status=204)

    async def status(self, request: web.Request) -> web.Response:
        self.allow(request, "access:servers")
        return web.json_response({"started": "now"})

    async def kernel(self, request: web.Request) -> web.Response:
        self.allow(request, "access:servers")
        return web.json_response({"id": "1"}, status=201)

    async def nothing(self, _: web.Request) -> web.Response:
        return web.Response(status=204)

    async def contents(self, request: web.Request) -> web.Response:
        self.allow(request, "access:servers")
        file = self.home(request) / request.match_info["name"]
        return web.json_response({"content": file.read_text()})

    async def channels(self, request: web.Request) -> web.WebSocketResponse:
        self.allow(request, "access:servers")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            asked = json.loads(frame.data)
            kind = asked["header"]["msg_type"]

            async def say(kind: str, asked: dict[str, Any] = asked, **content: Any) -> None:
                head = {"msg_type": kind}
                told = {"header": head, "parent_header": asked["header"], "content": content}
                await socket.send_json(told)

            if kind == "kernel_info_request":
                await say("kernel_info_reply", status="ok")
            else:
                text = await self.run(request, asked["content"]["code"])
                await say("stream", name="stdout", text=text)
                await say("execute_reply", status="ok")
                await say("status", execution_state="idle")
        return socket

    async def run(self, request: web.Request, code: str) -> str:
        if self.stage(request, "code"):
            return "wrong\n"
        # A kernel remembers what was imported before; this one begins anew each time.
        command = (sys.executable, "-I", "-S", "-c", f"import pathlib\n{code}")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.home(request), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        return out.decode()

    def home(self, request: web.Request) -> Path:
        found = self.folder / request.host.replace(":", "-")
        found.mkdir(parents=True, exist_ok=True)
        return found


@contextmanager
def standing_in(stand_in: StandIn, secure: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """Answer on a free port, in a thread, until the block ends."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(stand_in.app(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure)
        await site.start()
        stand_in.port = runner.addresses[0][1]
        ready.set()
        await over.wait()
        await runner.cleanup()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30), "the stand-in of hubs did not come up"
    try:
        yield stand_in
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
