"""Programs behind jupyter-server-proxy, and working together, in real servers of two people."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.local.other_interfaces import add_program, python_beside_hubfleet
from tests.integration.local.standing_hub import Person, connector, signed_in, standing_hub

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside")
    made = python_beside_hubfleet(folder, "jupyter-server-proxy", "jupyter-collaboration")
    add_program(made)
    return made


async def test_a_program_behind_a_path_is_an_interface_of_its_own(
    tmp_path: Path, python: Path
) -> None:
    profiles = [{"name": "Program", "interface": "/hello/"}, {"name": "Lab", "interface": "lab"}]
    async with (
        standing_hub(tmp_path, python=python, profiles=profiles) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
    ):
        await ada.start_server({"profile": "program"})
        async with ada.session.get(hub.url + "user/ada/") as page:
            assert page.url.path == "/user/ada/hello/"
            assert await page.text() == "hello ada from /home/jovyan at /"
        # Only for whose server it is.
        async with bob.session.get(hub.url + "user/ada/hello/") as page:
            assert page.status == 403
            assert "hello" not in (await page.text()).partition("<body")[2]


async def test_two_people_work_in_one_document_only_where_that_is_declared(
    tmp_path: Path, python: Path
) -> None:
    async with (
        standing_hub(tmp_path / "a", python=python, collaboration=True) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
    ):
        await ada.start_server()
        _, page = await ada.api("GET", "user/ada/lab")
        assert '"disableRTC": false' in page
        # Nobody comes in whom the owner did not let in.
        async with bob.session.get(hub.url + "user/ada/lab") as refused:
            assert refused.status == 403
        status, answer = await ada.api("POST", "hub/api/shares/ada/", {"user": "bob"})
        assert status == 200, answer
        await ada.api("PUT", "user/ada/api/contents/n.txt", {"type": "file", "format": "text"})
        assert (await bob.api("GET", "user/ada/api/contents/n.txt"))[0] == 200
        room = await _room(ada, "n.txt")
        assert await _room(bob, "n.txt") == room
        assert (await _join(ada, room), await _join(bob, room)) == (True, True)


async def test_nobody_works_together_where_it_is_not_declared(tmp_path: Path, python: Path) -> None:
    async with (
        standing_hub(tmp_path, python=python) as hub,
        signed_in(hub, "ada") as ada,
    ):
        await ada.start_server()
        _, page = await ada.api("GET", "user/ada/lab")
        assert '"disableRTC": true' in page
        status, _ = await ada.api("POST", "hub/api/shares/ada/", {"user": "bob"})
        assert status in {403, 404}


async def _room(person: Person, path: str) -> str:
    body = {"format": "text", "type": "file"}
    status, session = await person.api("PUT", f"user/ada/api/collaboration/session/{path}", body)
    assert status in {200, 201}, session
    name = ":".join(session[part] for part in ("format", "type", "fileId"))
    return f"{name}?sessionId={session['sessionId']}"


async def _join(person: Person, room: str) -> bool:
    """Whether the room sends the document's state to whoever comes in."""
    url = person.hub.url.replace("http", "ws", 1) + f"user/ada/api/collaboration/room/{room}"
    headers = {"Authorization": f"token {person.token}"}
    async with (
        aiohttp.ClientSession(connector=connector()) as session,
        session.ws_connect(url, headers=headers) as socket_,
    ):
        message: Any = await asyncio.wait_for(socket_.receive(), 20)
        return bool(message.type is aiohttp.WSMsgType.BINARY)
