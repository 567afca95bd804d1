"""People's servers and kernels go on while their hub stops, changes, or is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hubfleet.platforms.local.processes import start_time
from hubfleet.platforms.local.servers import running_servers, stop_servers
from tests.integration.local.standing_hub import signed_in, standing_hub

pytestmark = pytest.mark.integration

WHO = "import os; print(os.getpid(), x)"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_kernel_keeps_its_variables_while_its_hub_changes(
    tmp_path: Path, how: signal.Signals
) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        kernel = await ada.start_kernel()
        await ada.run(kernel, "x = 123")
        before, servers = await ada.run(kernel, WHO), running_servers(hub.folder.path)
        started = (await ada.api("GET", "hub/api/users/ada"))[1]["servers"][""]["started"]
        hub.end(how)
        # The proxy and the server answer while there is no hub.
        assert await ada.run(kernel, WHO) == before
        hub.declare(
            access={"admins": ["root-of-all"], "allow": {"users": ["ada"]}},
            groups={"researchers": ["ada"]},
            jupyterhub={"config": {"JupyterHub": {"active_server_limit": 1}}},
        )
        hub.start()
        await hub.ready()
        assert await ada.run(kernel, WHO) == before
        assert before.endswith(" 123\n")
        assert running_servers(hub.folder.path) == servers
        status, user = await ada.api("GET", "hub/api/users/ada")
        assert (status, user["servers"][""]["started"]) == (200, started)
        # The changed settings are in force, not only read.
        assert user["groups"] == ["researchers"]
        async with signed_in(hub, "root-of-all", hub.secrets.admin_password) as admin:
            status, answer = await admin.api("POST", "hub/api/users/root-of-all/server")
        assert status == 429, answer
        await ada.stop_server()
        assert running_servers(hub.folder.path) == ()


async def test_all_servers_can_be_stopped_without_their_hub(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        (record,) = running_servers(hub.folder.path)
        hub.end(signal.SIGKILL)
        assert stop_servers(hub.folder.path) == ("ada",)
        assert stop_servers(hub.folder.path) == ()
        assert start_time(record.pid) is None
        assert not any(Path(group).exists() for group in record.groups)


async def test_a_hub_that_lost_its_database_gives_people_their_own_homes(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub:
        async with signed_in(hub, "bob") as bob:
            await bob.start_server()
        async with signed_in(hub, "ada") as ada:
            await ada.start_server()
            await ada.run(await ada.start_kernel(), "open('mine.txt', 'w').write('ada')")
        hub.end(signal.SIGKILL)
        hub.folder.database.unlink()
        forgotten = {record.pid for record in running_servers(hub.folder.path)}
        hub.start()
        await hub.ready()
        async with signed_in(hub, "ada") as ada:
            await ada.start_server()
            kernel = await ada.start_kernel()
            assert await ada.run(kernel, "print(open('mine.txt').read())") == "ada\n"
        (now,) = [r for r in running_servers(hub.folder.path) if r.user == "ada"]
        assert now.pid not in forgotten


async def test_a_hangup_reopens_the_log_and_sends_the_routes_again(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        hub.proxy.stop()
        hub.proxy.start()
        hub.folder.log.rename(hub.folder.path / "hub.log.1")
        assert hub.process is not None
        hub.process.send_signal(signal.SIGHUP)
        await hub.ready()
        status, _ = await ada.api("GET", "user/ada/api")
        assert status == 200
        assert "Adding missing route for" in hub.folder.log.read_text()
