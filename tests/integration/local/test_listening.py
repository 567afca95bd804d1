"""What a kernel can listen on: never where people look for the hub, the proxy or each other."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.listening import why_open
from hubfleet.platforms.local.ports import handed_out, server_port
from hubfleet.platforms.local.servers import running_servers
from tests.integration.local.standing_hub import StandingHub, signed_in, standing_hub, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(why_open()), reason=why_open()),
]

TRIES = """
import ctypes, json, socket, subprocess, sys
MPTCP, SMC = 262, 43

def listens(port, family=socket.AF_INET, protocol=0, address="127.0.0.1"):
    try:
        with socket.socket(family, socket.SOCK_STREAM, protocol) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((address, port))
            door.listen()
            return "yes"
    except OSError as error:
        return type(error).__name__ if error.errno == 13 else error.strerror

def by_a_child(port):
    code = f"import socket; socket.socket().bind(('127.0.0.1', {port}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1]

def io_uring():
    ctypes.set_errno(0)
    ctypes.CDLL(None, use_errno=True).syscall(425, 1, ctypes.create_string_buffer(120))
    return ctypes.get_errno()
"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[StandingHub]:
    async with standing_hub(tmp_path) as standing:
        yield standing


async def test_a_kernel_cannot_take_the_hubs_port_while_the_hub_is_down(hub: StandingHub) -> None:
    async with signed_in(hub, "ada") as ada:
        await ada.start_server()
        kernel = await ada.start_kernel()
        hub.end()

        async def tried(expression: str) -> object:
            said = await ada.run(kernel, f"{TRIES}\nprint(json.dumps({expression}))")
            return json.loads(said)

        assert await tried(f"listens({hub.port})") == "PermissionError"
        assert await tried(f"listens({hub.port}, address='')") == "PermissionError"
        assert await tried(f"listens({hub.port}, socket.AF_INET6, address='::')") in {
            "PermissionError",
            "Address family not supported by protocol",
        }
        assert "PermissionError" in str(await tried(f"by_a_child({hub.port})"))
        for way in ("protocol=MPTCP", "protocol=256", "family=SMC"):
            assert await tried(f"listens({hub.port}, {way})") == "Protocol not supported", way
        assert await tried("io_uring()") == 38
        hub.start()
        await hub.ready()
        assert await ada.run(kernel, "print(6 * 7)") == "42\n"
        status, _ = await ada.api("GET", "hub/api/users/ada")
        assert status == 200


async def test_a_kernel_can_listen_where_the_system_lets_it_but_not_for_others(
    hub: StandingHub, tmp_path: Path
) -> None:
    async with signed_in(hub, "ada") as ada, signed_in(hub, "bob") as bob:
        await ada.start_server()
        await bob.start_server()
        bobs = await until(lambda: _port_of(hub, "bob"), 5, "bob's port")
        await bob.stop_server()
        kernel = await ada.start_kernel()
        elsewhere = server_port(StateFolder(tmp_path))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        asked = f"[listens(p) for p in (0, {port}, {bobs}, {hub.proxy.port}, {elsewhere})]"
        answers = json.loads(await ada.run(kernel, f"{TRIES}\nprint(json.dumps({asked}))"))
        assert answers == ["yes", "yes", *["PermissionError"] * 3]
        await bob.start_server()
        assert _port_of(hub, "bob") not in {bobs, *handed_out()}


def _port_of(hub: StandingHub, user: str) -> int:
    record = next(r for r in running_servers(hub.folder.path) if r.user == user)
    environ = Path(f"/proc/{record.pid}/environ").read_text().split("\0")
    url = next(line for line in environ if line.startswith("JUPYTERHUB_SERVICE_URL="))
    return int(url.split(":")[-1].split("/")[0])
