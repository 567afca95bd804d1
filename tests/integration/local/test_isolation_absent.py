"""A machine without bubblewrap: what still works, and what is refused."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from hubfleet.platforms.local.sandbox import waive_isolation
from hubfleet.platforms.local.servers import running_servers
from tests.integration.local.standing_hub import signed_in, standing_hub

pytestmark = pytest.mark.integration

LOOK = """
import json, os
folder = os.environ["JUPYTER_RUNTIME_DIR"]
mode = oct(os.stat(folder).st_mode & 0o777)
print(json.dumps([os.getcwd(), folder, mode, sorted(os.listdir(folder)), os.path.islink("shared")]))
"""


def _without_bubblewrap(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "empty").mkdir()
    return {"PATH": str(tmp_path / "empty")}


async def test_the_accounts_own_person_works_with_private_sockets(tmp_path: Path) -> None:
    me = getpass.getuser()
    access = {"allow": {"users": [me]}}
    environ = _without_bubblewrap(tmp_path)
    async with (
        standing_hub(tmp_path / "state", environ=environ, access=access) as hub,
        signed_in(hub, me) as person,
    ):
        await person.start_server()
        kernel = await person.start_kernel()
        home, runtime, mode, sockets, linked = json.loads(await person.run(kernel, LOOK))
        assert Path(home) == hub.folder.homes / "1"
        assert mode == "0o700"
        assert any(f"{kernel}-ipc" in name for name in sockets)
        assert linked
        (record,) = running_servers(hub.folder.path)
        assert record.inner is None
        await person.stop_server()
        assert not Path(runtime).exists()


async def test_other_people_are_refused_until_the_operator_accepts_it(tmp_path: Path) -> None:
    environ = _without_bubblewrap(tmp_path)
    async with (
        standing_hub(tmp_path / "state", environ=environ) as hub,
        signed_in(hub, "ada") as ada,
    ):
        status, answer = await ada.api("POST", "hub/api/users/ada/server")
        assert status == 503
        assert answer["message"] == (
            "hub earth/prod lets in people who could read each other's files on this machine. "
            "install bubblewrap 0.8 or later, or accept it with --without-isolation"
        )
        waive_isolation(hub.folder.path, waived=True)
        await ada.start_server()
        assert await ada.run(await ada.start_kernel(), "print(6 * 7)") == "42\n"
