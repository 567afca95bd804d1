"""What ada can reach from inside her own kernel. Each probe prints `denied` or what it got."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubfleet.platforms.local.processes import start_time
from hubfleet.platforms.local.sandbox import find_sandbox, interpreter_folders
from hubfleet.platforms.local.servers import (
    SERVER_MARK,
    ServerRecord,
    children,
    running_servers,
)
from tests.integration.local.standing_hub import Person, StandingHub, signed_in, standing_hub

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_sandbox().program is None, reason=f"{find_sandbox().why}"),
]

PROBES = """
import json, os, pathlib, signal, socket, subprocess, urllib.request, urllib.error

def attempt(act):
    try:
        return act()
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except Exception as error:
        return f"denied: {type(error).__name__}"

def listing(path):
    return lambda: sorted(os.listdir(path))

def reading(path):
    return lambda: pathlib.Path(path).read_bytes()[:40].hex()

def writing(path):
    return lambda: pathlib.Path(path).write_text("x")

def request(url, token=None):
    headers = {"Authorization": "token " + token} if token else {}
    return lambda: urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status

def pids():
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())

def abstract_sockets():
    return [line.split()[-1] for line in open("/proc/net/unix") if "kernel-" in line]

def nested():
    done = subprocess.run(["unshare", "--user", "true"], capture_output=True, text=True)
    return "allowed" if done.returncode == 0 else "denied: " + done.stderr.strip()

def open_files():
    paths = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return [os.readlink(path) for path in paths if os.path.exists(path)]

def capabilities():
    return [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")][0]
"""


@dataclass
class Neighbours:
    hub: StandingHub
    ada: Person
    kernel: str
    bob: Person
    bobs_kernel: str
    bobs_server: ServerRecord

    async def probe(self, expression: str) -> object:
        code = f"{PROBES}\nprint(json.dumps(attempt({expression})))"
        return json.loads(await self.ada.run(self.kernel, code))


@pytest.fixture
async def neighbours(tmp_path: Path) -> AsyncIterator[Neighbours]:
    async with (
        standing_hub(tmp_path) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
    ):
        await ada.start_server()
        await bob.start_server()
        kernels = await ada.start_kernel(), await bob.start_kernel()
        await bob.run(kernels[1], "open('diary.txt', 'w').write('dear diary')")
        record = next(r for r in running_servers(hub.folder.path) if r.user == "bob")
        yield Neighbours(hub, ada, kernels[0], bob, kernels[1], record)


def _denied(answer: object) -> bool:
    return str(answer).startswith("denied")


async def test_a_person_has_a_private_home_that_is_theirs(neighbours: Neighbours) -> None:
    await neighbours.ada.run(neighbours.kernel, "open('mine.txt', 'w').write('x')")
    homes = neighbours.hub.folder.homes
    number = json.loads((neighbours.hub.folder.path / "homes.json").read_text())["ada"]
    assert (homes / str(number) / "mine.txt").read_text() == "x"
    assert (homes / str(number)).stat().st_mode & 0o777 == 0o700
    assert (homes / str(number) / "mine.txt").stat().st_mode & 0o077 == 0


async def test_nothing_of_the_state_folder_can_be_seen(neighbours: Neighbours) -> None:
    folder = neighbours.hub.folder
    record = neighbours.bobs_server
    for path in (folder.database, folder.secrets, folder.spec, folder.log, folder.path):
        assert path.exists(), f"the test looks for {path}, which is not there"
        for act in ("reading", "listing"):
            assert _denied(await neighbours.probe(f"{act}({str(path)!r})")), path
    diary = folder.homes / str(record.number) / "diary.txt"
    assert diary.exists()
    assert _denied(await neighbours.probe(f"reading({str(diary)!r})"))
    for outside in (folder.homes, folder.servers, folder.path.parents[2]):
        assert _denied(await neighbours.probe(f"listing({str(outside)!r})")), outside
    assert _denied(await neighbours.probe("listing(str(pathlib.Path.home() / '..' / 'bob'))"))
    assert await neighbours.probe("listing('/home')") == ["jovyan"]
    # The way to an interpreter that lies below /tmp is the only thing there.
    below = [path for path in interpreter_folders(None) if path.is_relative_to("/tmp")]
    ways = sorted({path.relative_to("/tmp").parts[0] for path in below})
    assert await neighbours.probe("listing('/tmp')") == ways


async def test_other_peoples_processes_are_neither_seen_nor_signalled(
    neighbours: Neighbours,
) -> None:
    visible = await neighbours.probe("pids")
    assert isinstance(visible, list)
    assert len(visible) <= 6
    assert neighbours.bobs_server.inner is not None
    inner = neighbours.bobs_server.inner[0]
    for pid in (neighbours.bobs_server.pid, inner, *children(inner), os.getpid()):
        if pid not in visible:
            assert _denied(await neighbours.probe(f"lambda: os.kill({pid}, signal.SIGTERM)"))
            assert _denied(await neighbours.probe(f"reading('/proc/{pid}/environ')"))
    assert await neighbours.bob.run(neighbours.bobs_kernel, "print(6 * 7)") == "42\n"


async def test_kernels_speak_over_sockets_that_only_their_person_reaches(
    neighbours: Neighbours,
) -> None:
    sockets = await neighbours.probe("listing('/run/jupyter')")
    assert isinstance(sockets, list)
    assert any(neighbours.kernel in name for name in sockets)
    assert not any(neighbours.bobs_kernel in name for name in sockets)
    assert await neighbours.probe("listing('/run')") == ["hubfleet", "jupyter", "memory-events"]
    seen = await neighbours.probe("abstract_sockets")
    assert not any(neighbours.bobs_kernel in name and name.startswith("@") for name in seen)  # type: ignore[attr-defined]
    mode = await neighbours.probe("lambda: oct(os.stat('/run/jupyter').st_mode & 0o777)")
    assert mode == "0o700"


async def test_no_secret_and_nothing_of_the_operators_shell_is_in_the_environment(
    neighbours: Neighbours,
) -> None:
    environ = await neighbours.probe("lambda: dict(os.environ)")
    assert isinstance(environ, dict)
    assert [name for name in environ if name.startswith("HUBFLEET")] == [SERVER_MARK]
    text = json.dumps(environ)
    for name in ("CONFIGPROXY", "CANARY_OF_THE_OPERATOR", str(neighbours.hub.folder)):
        assert name not in text
    hub = neighbours.hub.secrets
    for secret in (hub.proxy_token, hub.cookie_secret, hub.password, hub.probe_token):
        assert secret not in text
    for pid in ("self", "1"):
        found = await neighbours.probe(f"lambda: open('/proc/{pid}/environ').read()")
        assert "canary" not in str(found)


async def test_the_system_and_the_shared_folder_are_read_only(neighbours: Neighbours) -> None:
    shared = neighbours.hub.folder.shared / "welcome.txt"
    shared.write_text("hello")
    read = await neighbours.probe("lambda: open('shared/welcome.txt').read()")
    assert read == "hello"
    for place in ("shared/new", "/usr/new", "/etc/new", "/run/hubfleet/singleuser.py"):
        assert _denied(await neighbours.probe(f"writing({place!r})")), place
    assert _denied(await neighbours.probe("lambda: writing(__import__('sys').prefix + '/new')()"))
    for setting in ("sys/kernel/core_pattern", "sys/vm/drop_caches", "sysrq-trigger", "irq/x"):
        opened = f"lambda: os.close(os.open('/proc/{setting}', os.O_WRONLY))"
        assert _denied(await neighbours.probe(opened)), setting


async def test_there_is_no_way_to_more_rights(neighbours: Neighbours) -> None:
    assert _denied(await neighbours.probe("nested"))
    assert await neighbours.probe("capabilities") == "0" * 16
    assert await neighbours.probe("os.getuid") == 1000
    assert _denied(await neighbours.probe("reading('/etc/shadow')"))
    assert _denied(await neighbours.probe("listing(os.path.expanduser('~root/.ssh'))"))
    for keys in ("/etc/ssl/private", "/etc/pki/tls/private"):
        assert _denied(await neighbours.probe(f"listing({keys!r})"))
    assert await neighbours.probe("lambda: len(os.listdir('/etc/ssl/certs')) > 0")
    assert await neighbours.probe("lambda: open('/etc/passwd').read().count('\\n')") == 2


async def test_no_descriptor_of_the_hub_is_inherited(neighbours: Neighbours) -> None:
    open_files = await neighbours.probe("open_files")
    assert isinstance(open_files, list)
    assert not any("hub.sqlite" in name or "hub.log" in name for name in open_files)
    server = children(neighbours.bobs_server.inner[0])[0]  # type: ignore[index]
    names = [str(link.readlink()) for link in Path(f"/proc/{server}/fd").iterdir()]
    assert not any("hub.sqlite" in name or "hub.log" in name for name in names)


async def test_the_hubs_and_proxys_doors_stay_shut(neighbours: Neighbours) -> None:
    hub, ada = neighbours.hub, neighbours.ada
    api = f"http://127.0.0.1:{hub.port}/hub/api"
    assert hub.proxy.socket.is_socket()
    call = f"lambda: socket.socket(socket.AF_UNIX).connect({str(hub.proxy.socket)!r})"
    assert await neighbours.probe(call) == "denied: FileNotFoundError"
    assert await neighbours.probe(f"request({api + '/users'!r})") == "HTTP 403"
    assert await neighbours.probe(f"request({api + '/users/bob'!r}, {ada.token!r})") == "HTTP 404"
    bobs = f"http://127.0.0.1:{hub.proxy.port}/user/bob/api/contents"
    server = neighbours.bobs_server
    port = _argument_port(server)
    direct = f"http://127.0.0.1:{port}/user/bob/api/contents"
    assert await neighbours.probe(f"request({direct!r}, {ada.token!r})") == "HTTP 403"
    assert await neighbours.probe(f"request({direct!r})") == "HTTP 403"
    assert str(await neighbours.probe(f"request({bobs!r}, {ada.token!r})")).startswith("HTTP 4")
    status, _ = await ada.api("GET", "user/bob/api/contents")
    assert status == 403


def _argument_port(record: ServerRecord) -> str:
    environ = Path(f"/proc/{record.pid}/environ").read_text().split("\0")
    url = next(line for line in environ if line.startswith("JUPYTERHUB_SERVICE_URL="))
    return url.split(":")[-1].split("/")[0]


async def test_nothing_is_left_after_a_server_stopped(neighbours: Neighbours) -> None:
    code = "import subprocess; subprocess.Popen(['setsid', 'sleep', '1000']); print('on')"
    assert await neighbours.bob.run(neighbours.bobs_kernel, code) == "on\n"
    record = neighbours.bobs_server
    assert record.inner is not None
    inside = children(record.inner[0])
    await neighbours.bob.stop_server()
    for pid in (record.pid, record.inner[0], *inside):
        assert start_time(pid) is None
    assert [r.user for r in running_servers(neighbours.hub.folder.path)] == ["ada"]
    assert not any(Path(group).exists() for group in record.groups)
