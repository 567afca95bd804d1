"""The console beside the hubs: started by `up`, shown by `status`, ended by `down`."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest
import yaml

from hubfleet.platforms.local.console_process import (
    read_minding,
    running_console,
    wanted_command,
)
from tests.consoles import ConsolePlace, console_fleet
from tests.fleets import write_fleet
from tests.places import local_place, until

pytestmark = pytest.mark.integration

HUBS = {"ant/prod": {"access": {"sign_in": "console"}}}
LINK = re.compile(r"http://localhost:\d+/first/[\w-]+/")


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    fleet, address = console_fleet(folder / "fleet", HUBS)
    with local_place(folder / "state") as place:
        yield ConsolePlace(place, fleet, address)


def test_up_starts_it_once_and_says_where_it_is_and_how_to_begin(console):
    done = console.up()
    assert done.returncode == 0, done.stderr
    assert f"\nconsole  {console.address}\n    nobody leads this service yet; " in done.stdout
    assert LINK.search(done.stdout)
    assert "    people sign in at the console\n" in done.stdout
    first = running_console(console.place.state)
    assert first is not None
    again = console.up()
    assert running_console(console.place.state) == first
    # Each run makes another link, and voids the one before; none is in a file.
    links = LINK.search(done.stdout), LINK.search(again.stdout)
    assert links[0] and links[1] and links[0][0] != links[1][0]
    assert "/first/" not in console.place.state.console_log.read_text()
    for path in (console.place.state.console, console.place.state.console_log):
        assert path.stat().st_mode & 0o077 == 0


def test_status_shows_it(console):
    shown = console.place.run("status", fleet=console.fleet)
    assert f"console  running  {console.address}\n" in shown.stdout
    told = console.place.json("status", fleet=console.fleet)["console"]
    assert (told["state"], told["url"]) == ("running", console.address)


def test_one_that_was_killed_is_said_and_started_again(console):
    before = running_console(console.place.state)
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: running_console(console.place.state) is None, "the console's end")
    # The keeper looks every two seconds, waits one, and the console needs a while to start.
    waits = "The console is not running: nobody can sign in. "
    told = console.place.json("status", fleet=console.fleet)
    assert any(remark.startswith(waits) for remark in told["remarks"]) or told["console"]["note"]
    until(lambda: running_console(console.place.state) is not None, "the keeper's next try")
    after = running_console(console.place.state)
    assert after is not None
    assert after.pid != before.pid
    told = console.place.json("status", fleet=console.fleet)["console"]
    assert (told["state"], told["note"]) == ("running", "started again once since `up`")
    assert console.up().returncode == 0
    assert running_console(console.place.state) == after


def test_one_that_ends_again_and_again_is_tried_later_each_time(console):
    """Its key is damaged, so that it cannot begin; it comes back by itself when that is mended."""
    key = console.place.state.console / "key"
    kept, before = key.read_text(), running_console(console.place.state)
    assert before is not None
    key.write_text("short\n")
    try:
        os.kill(before.pid, signal.SIGKILL)
        # The end that we made is the first failure; its own attempts are the others.
        mine = "with exit code 1"
        until(lambda: read_minding(console.place.state).last_exit == mine, "a try of the keeper")
        told = console.place.json("status", fleet=console.fleet)
        assert told["console"]["state"] == "crashed"
        assert re.fullmatch(
            r"ended with exit code 1; tried again at [\dT:-]+Z", told["console"]["note"]
        )
        later = read_minding(console.place.state).next_try
        assert told["remarks"][0] == (
            "The console is not running: nobody can sign in. The keeper tries again at "
            f"{later}; `hubfleet logs console` may say why it ended."
        )
    finally:
        key.write_text(kept)
    until(lambda: running_console(console.place.state) is not None, "a console that is well")


def test_another_address_moves_it_and_the_plan_says_so(console):
    file = console.fleet / "fleet.yaml"
    text = file.read_text()
    declared = yaml.safe_load(text)
    moved = console.address.replace("localhost", "console.localhost")
    declared["service"]["console"]["address"] = moved
    file.write_text(yaml.safe_dump(declared, sort_keys=False))
    try:
        plan = console.place.run("plan", fleet=console.fleet).stdout
        assert console.address in plan
        assert moved in plan
        done = console.up()
        assert done.returncode == 0, done.stderr
        found = running_console(console.place.state)
        assert found is not None
        assert found.address == moved
    finally:
        file.write_text(text)


def test_down_ends_it_with_the_hubs(console):
    done = console.place.run("down", "--yes", fleet=console.fleet)
    assert done.stdout == (
        f"stopped the console, 1 hub; files and passwords are kept in {console.place.state.path}\n"
    )
    assert running_console(console.place.state) is None
    assert wanted_command(console.place.state) is None
    assert console.place.run("down").stdout == "nothing was running\n"


def test_a_port_that_is_taken_is_said_and_hubs_run_nevertheless(console):
    port = int(console.address.rpartition(":")[2])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = console.up()
        assert done.returncode == 1
        assert f"error[console-port-taken]: the console cannot listen on 127.0.0.1:{port}\n" in (
            done.stderr
        )
        [row] = console.place.json("status", fleet=console.fleet)["hubs"]
        assert row["state"] == "running"


def test_a_console_that_cannot_start_is_said_with_the_reason(console):
    key = console.place.state.console / "key"
    kept = key.read_text()
    key.write_text("short\n")
    try:
        done = console.up()
        assert done.returncode == 1
        assert "error[console-did-not-start]: the console did not start\n" in done.stderr
        assert "the console's key is too short to be safe" in done.stderr
    finally:
        key.write_text(kept)


def test_a_fleet_without_it_starts_none(tmp_path):
    write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    with local_place(tmp_path / "state") as place:
        assert place.json("status", fleet=tmp_path / "fleet")["console"] is None
        done = place.run("up", fleet=tmp_path / "fleet")
        assert done.returncode == 0, done.stderr
        assert "console" not in done.stdout
        assert running_console(place.state) is None
