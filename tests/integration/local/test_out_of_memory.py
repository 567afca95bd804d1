"""Whoever runs out of memory is told so: in the cell when the kernel died, else on the hub."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hubfleet.platforms.local.limits import find_limiter
from hubfleet.platforms.local.sandbox import find_sandbox
from hubfleet.platforms.local.servers import children, running_servers
from tests.integration.local.standing_hub import (
    Person,
    StandingHub,
    connector,
    signed_in,
    standing_hub,
    until,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif("memory" not in find_limiter().parents, reason="no control group"),
    pytest.mark.skipif(find_sandbox().program is None, reason=f"{find_sandbox().why}"),
]

FILL = "held = []\nwhile True: held.append(bytearray(b'x') * 16 * 1024**2)"
KILLED_BY_ANOTHER = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


async def _until_restart(person: Person, kernel: str, code: str) -> list[dict[str, Any]]:
    """All that a page hears from running a cell until its kernel is started anew."""
    path = f"user/{person.name}/api/kernels/{kernel}/channels"
    url = person.hub.url.replace("http", "ws", 1) + path
    heard: list[dict[str, Any]] = []
    async with (
        aiohttp.ClientSession(connector=connector()) as session,
        session.ws_connect(url, headers={"Authorization": f"token {person.token}"}) as socket_,
    ):
        header = {"msg_id": "the-cell", "msg_type": "execute_request", "username": "test"}
        header |= {"session": uuid.uuid4().hex, "version": "5.3", "date": ""}
        content = {"code": code, "silent": False, "store_history": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await socket_.send_json({**message, "channel": "shell", "buffers": []})
        async with asyncio.timeout(60):
            while not heard or heard[-1]["content"].get("execution_state") != "restarting":
                heard.append(await socket_.receive_json())
    return heard


def _told(heard: list[dict[str, Any]]) -> list[str]:
    return [
        message["content"]["text"]
        for message in heard
        if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == "the-cell"
    ]


async def test_the_cell_says_that_its_kernel_ran_out_of_memory(tmp_path: Path) -> None:
    limits = {"memory": "400M", "cpu": 2}
    async with standing_hub(tmp_path, limits=limits) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        kernel = await ada.start_kernel()
        assert _told(await _until_restart(ada, kernel, FILL)) == [
            "This kernel was stopped because your server used more than its 0.391 GB of memory. "
            "Its variables are lost, files are not. Load less at a time, shut down other kernels, "
            "or start your server with more memory if this hub offers it.\n"
        ]
        assert await _answer(ada, kernel, "print('again')") == "again\n"
        # Whoever is killed for another reason afterwards is not told that it was memory.
        assert _told(await _until_restart(ada, kernel, KILLED_BY_ANOTHER)) == []


async def _answer(ada: Person, kernel: str, code: str) -> str:
    """What is sent to a kernel while it still restarts is lost: it is asked until it answers."""
    for _ in range(5):
        with contextlib.suppress(TimeoutError):
            return await ada.run(kernel, code, seconds=20)
    raise AssertionError("the kernel does not answer")


async def _page(person: Person, path: str) -> str:
    async with person.session.get(person.hub.url + path) as page:
        return await page.text()


async def _run_out(hub: StandingHub, ada: Person, kernel: str) -> None:
    """Let the machine choose the server itself, not its kernel, when memory is short."""
    (record,) = running_servers(hub.folder.path)
    assert record.inner is not None
    (server,) = children(record.inner[0])
    Path(f"/proc/{server}/oom_score_adj").write_text("1000")
    filling = asyncio.ensure_future(ada.run(kernel, FILL))
    await until(lambda: not running_servers(hub.folder.path), 30, "the end of the server")
    filling.cancel()


@pytest.mark.parametrize("hub_was_away", [False, True])
async def test_the_hub_says_that_a_server_ran_out_of_memory(
    tmp_path: Path, hub_was_away: bool
) -> None:
    said = "Your server was stopped because it used more than 400 MB of memory."
    async with (
        standing_hub(tmp_path, limits={"memory": "400M", "cpu": 2}) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
    ):
        assert said not in await _page(ada, "hub/home")
        await ada.start_server()
        kernel = await ada.start_kernel()
        if hub_was_away:
            hub.end()
        await _run_out(hub, ada, kernel)
        if hub_was_away:
            hub.start()
            await hub.ready()

        async def noticed() -> bool:
            return said in await _page(ada, "hub/home")

        await until(noticed, 30, "the notice")
        assert said in await _page(ada, "hub/user/ada/")
        assert said not in await _page(bob, "hub/home")
        await ada.start_server()
        assert said not in await _page(ada, "hub/home")


async def test_a_server_that_was_stopped_did_not_run_out_of_memory(tmp_path: Path) -> None:
    limits = {"memory": "400M", "cpu": 2}
    async with standing_hub(tmp_path, limits=limits) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        await _until_restart(ada, await ada.start_kernel(), FILL)
        await ada.stop_server()
        assert "was stopped" not in await _page(ada, "hub/home")
