"""What people of one hub have in common, attacked from inside real kernels."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubfleet.platforms.local.sandbox import find_sandbox
from hubfleet.platforms.local.servers import children, running_servers
from tests.integration.local.standing_hub import (
    ADMIN_PASSWORD,
    Person,
    StandingHub,
    signed_in,
    standing_hub,
    until,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_sandbox().program is None, reason=f"{find_sandbox().why}"),
]

PROBES = """
import json, os, pathlib

def attempt(act):
    try:
        return act()
    except Exception as error:
        return f"denied: {type(error).__name__}"

def write(path, text="x"):
    return pathlib.Path(path).write_text(text)

def read(path):
    return pathlib.Path(path).read_text()[:200]
"""


@dataclass
class Hand:
    """Somebody's kernel."""

    person: Person
    kernel: str

    async def attempt(self, expression: str) -> object:
        code = f"{PROBES}\nprint(json.dumps(attempt(lambda: {expression})))"
        return json.loads(await self.person.run(self.kernel, code))

    async def denied(self, expression: str) -> bool:
        return str(await self.attempt(expression)).startswith("denied")


async def _hand(person: Person) -> Hand:
    await person.start_server()
    return Hand(person, await person.start_kernel())


@dataclass
class Room:
    hub: StandingHub
    ada: Hand
    bob: Hand
    admin: Hand


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with (
        standing_hub(tmp_path, storage={"shared_readwrite": True}) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
        signed_in(hub, "root-of-all", ADMIN_PASSWORD) as admin,
    ):
        yield Room(hub, await _hand(ada), await _hand(bob), await _hand(admin))


async def test_shared_is_written_by_admins_and_read_by_all(room: Room) -> None:
    assert await room.admin.attempt("write('shared/plan.txt', 'monday')") == 6
    assert await room.ada.attempt("read('shared/plan.txt')") == "monday"
    for act in (
        "write('shared/plan.txt')",
        "write('shared/new.txt')",
        "os.unlink('shared/plan.txt')",
        "os.mkdir('shared/folder')",
        "os.symlink('/etc/passwd', 'shared/link')",
        "os.chmod('shared', 0o777)",
        "os.rename('shared', 'mine')",
        "os.rmdir('shared')",
        "os.link('shared/plan.txt', 'plan.txt')",
    ):
        assert await room.ada.denied(act), act
    assert await room.bob.attempt("read('shared/plan.txt')") == "monday"


async def test_shared_readwrite_is_written_by_all(room: Room) -> None:
    assert await room.ada.attempt("write('shared-readwrite/list.txt', 'milk')") == 4
    assert await room.bob.attempt("read('shared-readwrite/list.txt')") == "milk"
    assert await room.bob.attempt("write('shared-readwrite/list.txt', 'bread')") == 5
    assert await room.ada.attempt("read('shared-readwrite/list.txt')") == "bread"
    assert (room.hub.folder.path / "shared-readwrite/list.txt").read_text() == "bread"


async def test_a_planted_link_leads_nobody_to_what_they_could_not_reach(room: Room) -> None:
    folder = room.hub.folder
    await room.ada.attempt("write('diary.txt', 'dear diary')")
    numbers = json.loads((folder.path / "homes.json").read_text())
    diary = folder.homes / str(numbers["ada"]) / "diary.txt"
    assert diary.read_text() == "dear diary"
    targets = {
        "secrets": str(folder.secrets),
        "diary": str(diary),
        "up": "../homes",
        "far": "../" * 9 + str(diary).lstrip("/"),
    }
    for planter, place in ((room.bob, "shared-readwrite"), (room.admin, "shared")):
        for name, target in targets.items():
            await planter.attempt(f"os.symlink({target!r}, '{place}/{name}')")
            assert (folder.path / place / name).is_symlink()
            for reader in (room.bob, room.ada, room.admin):
                assert await reader.denied(f"read('{place}/{name}')"), (place, name)
                assert await reader.denied(f"os.listdir('{place}/{name}')"), (place, name)
                assert await reader.denied(f"write('{place}/{name}/x')"), (place, name)
    # A link into a home is everybody's own home, never the planter's or another's.
    await room.bob.attempt("os.symlink('/home/jovyan/diary.txt', 'shared-readwrite/home')")
    assert await room.bob.denied("read('shared-readwrite/home')")
    assert await room.admin.denied("read('shared-readwrite/home')")
    assert await room.ada.attempt("read('shared-readwrite/home')") == "dear diary"


async def test_a_link_of_that_name_in_a_home_is_not_followed(room: Room) -> None:
    await room.ada.person.stop_server()
    numbers = json.loads((room.hub.folder.path / "homes.json").read_text())
    home = room.hub.folder.homes / str(numbers["ada"])
    for name, target in (("shared", room.hub.folder.path), ("shared-readwrite", Path("/"))):
        (home / name).rmdir()
        (home / name).symlink_to(target)
    ada = await _hand(room.ada.person)
    assert await ada.attempt("sorted(os.listdir('shared'))") == []
    assert await ada.attempt("sorted(os.listdir('shared-readwrite'))") == []


async def test_named_servers_of_one_person_share_the_home_but_not_more(tmp_path: Path) -> None:
    async with standing_hub(tmp_path, named_servers=1) as hub, signed_in(hub, "ada") as ada:
        first = await _hand(ada)
        await ada.api("POST", "hub/api/users/ada/servers/gpu", {})

        async def ready() -> bool:
            _, user = await ada.api("GET", "hub/api/users/ada")
            return bool(user["servers"].get("gpu", {}).get("ready"))

        await until(ready, 30, "the second server")
        second = Person(hub, "ada/gpu", ada.token)
        try:
            hand = Hand(second, await second.start_kernel())
            await first.attempt("write('note.txt', 'mine')")
            assert await hand.attempt("read('note.txt')") == "mine"
            await first.attempt("write('/tmp/private')")
            assert await hand.denied("read('/tmp/private')")
            sockets = await hand.attempt("os.listdir('/run/jupyter')")
            assert not any(first.kernel in name for name in sockets)  # type: ignore[attr-defined]
            records = {record.server: record for record in running_servers(hub.folder.path)}
            assert len({record.groups for record in records.values()}) == 2
            inner = records[""].inner
            assert inner is not None
            visible = await hand.attempt("[int(n) for n in os.listdir('/proc') if n.isdigit()]")
            for pid in (inner[0], *children(inner[0])):
                if pid not in visible:  # type: ignore[operator]
                    assert await hand.denied(f"os.kill({pid}, 9)")
        finally:
            await second.close()
