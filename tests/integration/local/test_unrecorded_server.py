"""A hub that was killed between the start of a server and its record starts no second one."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hubfleet.platforms.local.limits import find_limiter, group_name
from hubfleet.platforms.local.servers import marked_with, running_servers
from tests.integration.local.standing_hub import signed_in, standing_hub

pytestmark = pytest.mark.integration


async def test_what_was_started_without_a_record_is_ended_first(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        (first,) = running_servers(hub.folder.path)
        hub.end(signal.SIGKILL)
        # As the disk would be: no record beside the log, and nothing in the database.
        (hub.folder.servers / f"{first.key}.json").unlink()
        with closing(sqlite3.connect(hub.folder.database)) as database, database:
            database.execute("update spawners set server_id = null, state = '{}'")
            database.execute("delete from servers where id > 1")
        hub.start()
        await hub.ready()
        await ada.start_server()
        assert not first.alive
        (second,) = running_servers(hub.folder.path)
        assert second.pid != first.pid
        # Where there are no control groups, this is what tells of the first one.
        name = group_name(hub.folder.path.parents[2], hub.folder.name, "1")
        assert second.pid in marked_with(name)
        if find_limiter().version:
            assert {Path(path).name for path in second.groups} == {name}
