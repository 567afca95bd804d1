"""Stopping everything says how many people were at work."""

from __future__ import annotations

import subprocess

from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.servers import PROBE_USER, ServerRecord
from hubfleet.platforms.local.stopping import stop_all


def test_the_server_of_a_probe_is_stopped_and_is_nobody(tmp_path):
    state = StateFolder(tmp_path / "state")
    hub = state.hub("ant/prod")
    (hub.path / "servers").mkdir(parents=True)
    hub.spec.write_text("{}")
    for number, user in enumerate((PROBE_USER, "ada"), 1):
        server = somebody_elses_child()
        began = start_time(server)
        assert began is not None
        ServerRecord(user, number, server, began, boot_id(), "now").write(hub.path)

    said = stop_all(state, keep_hubs=False)

    assert said.startswith("stopped 0 hubs and 1 server of people; ")
    assert stop_all(state, keep_hubs=False) == "nothing was running"


def somebody_elses_child() -> int:
    """A process that does not wait for us when it has ended."""
    command = ["sh", "-c", "sleep 600 > /dev/null 2>&1 & echo $!"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
