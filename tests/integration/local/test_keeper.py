"""The keeper with real processes: adoption, restarts, kills, and its socket."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.control import (
    NoKeeperError,
    keeper_runs,
    keeper_socket_path,
    read_status,
    read_status_without_keeper,
)
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.spec import HubSpec
from tests.integration.local.keeper_place import Place, eventually, living_pid, place_in

pytestmark = pytest.mark.integration


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with place_in(tmp_path / "state") as made:
        yield made


def test_it_starts_every_hub_that_has_a_spec_and_says_what_each_runs(place: Place) -> None:
    names = [f"coast/hub{number}" for number in range(5)]
    for name in names:
        place.declare(name)
    client = place.keep()
    eventually(lambda: all(place.begun(name) for name in names))
    status = client.status()
    assert sorted(status.hubs) == names
    for name in names:
        assert status.hubs[name].state == "up"
        assert status.hubs[name].pid == place.pid(name)
        assert status.hubs[name].digest == HubSpec.read(place.state.hub(name).spec).digest()
    assert status.proxy.state == "up"


def test_a_second_call_is_quick_and_starts_nothing(place: Place) -> None:
    place.declare("coast/prod")
    first = place.keep().facts().pid
    before = time.monotonic()
    again = place.keep()
    assert time.monotonic() - before < 0.1
    assert again.facts().pid == first


def test_the_folder_the_socket_and_the_records_are_private(place: Place) -> None:
    place.declare("coast/prod")
    place.keep()
    eventually(lambda: place.begun("coast/prod"))
    assert stat.S_IMODE(place.state.path.stat().st_mode) == 0o700
    for file in (
        place.state.keeper_socket,
        place.state.keeper_record,
        place.state.keeper_log,
        place.state.hub("coast/prod").run,
        place.state.hub("coast/prod").log,
        place.state.proxy / "token",
    ):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_two_keepers_never_share_a_folder(place: Place) -> None:
    place.keep()
    second = subprocess.run(
        [
            *(sys.executable, "-m", "hubfleet.platforms.local.keeper"),
            *("--state", str(place.state.path), "--port", str(place.port)),
            *place.arguments,
        ],
        check=False,
        timeout=20,
    )
    assert second.returncode == 1
    assert "another keeper has this state folder" in place.state.keeper_log.read_text()
    assert keeper_runs(place.state)


def test_many_who_want_a_keeper_at_once_get_the_same(place: Place) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(place.keep().facts().pid)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_hubs_and_proxy_outlive_a_killed_keeper_and_the_next_one_adopts_them(place: Place) -> None:
    names = ["coast/staging", "coast/prod"]
    for name in names:
        place.declare(name)
    place.keep()
    eventually(lambda: all(place.begun(name) for name in names) and place.pid("proxy"))
    before = {name: place.pid(name) for name in [*names, "proxy"]}
    place.kill_keeper()
    assert {name: place.pid(name) for name in before} == before
    alone = read_status(place.state)
    assert alone.keeper is None
    assert {name: alone.hubs[name].pid for name in names} | {"proxy": alone.proxy.pid} == before

    os.kill(before["coast/prod"] or 0, signal.SIGKILL)
    eventually(lambda: place.pid("coast/prod") is None)
    assert read_status(place.state).hubs["coast/prod"].state == "crashed"

    client = place.keep()
    eventually(lambda: len(place.begun("coast/prod")) == 2)
    assert place.pid("coast/staging") == before["coast/staging"]
    assert place.pid("proxy") == before["proxy"]
    assert place.begun("coast/staging") == [before["coast/staging"]]
    assert client.start("coast/staging") == "unchanged"
    # Adopted processes are minded like its own.
    os.kill(before["coast/staging"] or 0, signal.SIGKILL)
    eventually(lambda: len(place.begun("coast/staging")) == 2)
    exit_seen = client.status().hubs["coast/staging"].last_exit
    assert exit_seen is not None
    assert str(exit_seen) == "exit code unknown"


def test_killing_everything_at_once_is_mended_by_the_next_keeper(place: Place) -> None:
    place.declare("coast/prod")
    place.keep()
    eventually(lambda: place.begun("coast/prod") and place.pid("proxy"))
    place.kill_keeper()
    place.kill("coast/prod")
    place.kill("proxy")
    eventually(lambda: place.pid("coast/prod") is None and place.pid("proxy") is None)
    status = read_status_without_keeper(place.state)
    assert status.hubs["coast/prod"].state == status.proxy.state == "crashed"
    place.keep()
    eventually(lambda: len(place.begun("coast/prod")) == 2 and place.pid("proxy"))


def test_a_killed_hub_comes_back_and_its_exit_is_told(place: Place) -> None:
    place.declare("coast/prod")
    client = place.keep()
    eventually(lambda: place.begun("coast/prod"))
    first = place.kill("coast/prod")
    eventually(lambda: len(place.begun("coast/prod")) == 2)
    status = client.status().hubs["coast/prod"]
    assert status.state == "up"
    assert status.pid != first
    assert status.last_exit is not None
    assert status.last_exit.signal == "SIGKILL"
    assert status.restarts == 1


def test_a_hub_that_keeps_crashing_is_tried_ever_less_often(place: Place) -> None:
    folder = place.declare("coast/prod")
    (folder.path / "dies").touch()
    place.pace.update(first_wait=0.1, longest_wait=30.0)
    client = place.keep()
    status = eventually(
        lambda: (
            hub
            if (hub := client.status().hubs["coast/prod"]).failures == 5 and hub.state == "crashed"
            else None
        )
    )
    assert status is not None
    assert status.last_exit is not None
    assert status.last_exit.code == 70
    assert status.next_try is not None
    waits = [
        line.split("next try in ")[1]
        for line in place.state.keeper_log.read_text().splitlines()
        if "next try in" in line
    ]
    assert waits == ["0.1 s", "0.2 s", "0.4 s", "0.8 s", "1.6 s"]
    assert "ValueError: the stand-in was told to die" in folder.log.read_text()
    (folder.path / "dies").unlink()
    assert client.start("coast/prod") == "started"
    assert client.status().hubs["coast/prod"].failures == 0


def test_start_replaces_a_hub_that_runs_another_spec(place: Place) -> None:
    place.declare("coast/prod")
    client = place.keep()
    eventually(lambda: place.begun("coast/prod"))
    first = place.pid("coast/prod")
    assert client.start("coast/prod") == "unchanged"
    place.declare("coast/prod", revision=2)
    assert client.start("coast/prod") == "replacing"
    eventually(lambda: len(place.begun("coast/prod")) == 2)
    assert place.pid("coast/prod") != first
    status = client.status().hubs["coast/prod"]
    assert status.restarts == 0
    assert status.digest == HubSpec.read(place.state.hub("coast/prod").spec).digest()


def test_a_hub_that_does_not_end_when_asked_is_killed(place: Place) -> None:
    folder = place.declare("coast/prod")
    (folder.path / "stubborn").touch()
    client = place.keep()
    eventually(lambda: place.begun("coast/prod"))
    assert client.stop("coast/prod") == "stopping"
    assert client.status().hubs["coast/prod"].state == "stopping"
    eventually(lambda: client.status().hubs["coast/prod"].state == "stopped")


def test_a_stopped_hub_stays_stopped_until_it_is_started(place: Place) -> None:
    place.declare("coast/prod")
    client = place.keep()
    eventually(lambda: place.begun("coast/prod"))
    client.stop("coast/prod")
    eventually(lambda: client.status().hubs["coast/prod"].state == "stopped")
    place.kill_keeper()
    assert read_status(place.state).hubs["coast/prod"].state == "stopped"
    client = place.keep()
    assert client.status().hubs["coast/prod"].state == "stopped"
    assert len(place.begun("coast/prod")) == 1
    assert client.start("coast/prod") == "started"
    eventually(lambda: len(place.begun("coast/prod")) == 2)


def test_a_hub_is_forgotten_only_while_it_is_down(place: Place) -> None:
    place.declare("coast/prod")
    client = place.keep()
    with pytest.raises(HubfleetError, match="cannot be forgotten while it runs"):
        client.forget("coast/prod")
    client.stop("coast/prod")
    eventually(lambda: client.status().hubs["coast/prod"].pid is None)
    assert client.forget("coast/prod") == "forgotten"
    assert client.status().hubs == {}


@pytest.mark.parametrize("name", ["coast/nobody", "../../etc", "", "a/b/c", "coast"])
def test_a_hub_that_has_no_folder_is_refused(place: Place, name: str) -> None:
    client = place.keep()
    for ask in (client.start, client.stop):
        with pytest.raises(HubfleetError) as refused:
            ask(name)
        assert refused.value.problems[0].code == "no-such-hub"


def test_shutdown_ends_all_or_the_keeper_alone(place: Place) -> None:
    place.declare("coast/prod")
    client = place.keep()
    eventually(lambda: place.begun("coast/prod") and place.pid("proxy"))
    before = (place.pid("coast/prod"), place.pid("proxy"))
    client.shutdown(hubs=False)
    eventually(lambda: not keeper_runs(place.state))
    assert (place.pid("coast/prod"), place.pid("proxy")) == before
    place.keep().shutdown(hubs=True)
    eventually(lambda: not keeper_runs(place.state))
    assert (place.pid("coast/prod"), place.pid("proxy")) == (None, None)
    place.keep()
    eventually(lambda: len(place.begun("coast/prod")) == 2)


def test_sigterm_ends_the_keeper_and_nothing_else(place: Place) -> None:
    place.declare("coast/prod")
    facts = place.keep().facts()
    eventually(lambda: place.begun("coast/prod"))
    os.kill(facts.pid, signal.SIGTERM)
    eventually(lambda: not is_alive(facts.pid, facts.start_time, facts.boot))
    assert place.pid("coast/prod")


@pytest.mark.parametrize("seed", range(3))
def test_killing_the_keeper_at_any_moment_never_gives_two_copies(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"coast/hub{number}" for number in range(8)]
    for name in names:
        place.declare(name)
    for _ in range(6):
        starter = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "hubfleet.platforms.local.keeper",
                "--state",
                str(place.state.path),
                "--port",
                str(place.port),
                *place.arguments,
            ],
        )
        # From before its lock until after its last fork.
        with pytest.raises(subprocess.TimeoutExpired):
            starter.wait(chance.uniform(0.1, 0.9))
        starter.kill()
        starter.wait()
        if victim := place.pid(chance.choice(names)):
            os.kill(victim, signal.SIGKILL)
    place.keep()
    eventually(lambda: all(place.pid(name) for name in names))
    for name in names:
        # The newest one has a pid before it has noted that it began.
        eventually(lambda name=name: place.pid(name) in place.begun(name))  # type: ignore[misc]
        alive = {pid for pid in place.begun(name) if Path(f"/proc/{pid}/fd").exists()}
        alive = {pid for pid in alive if _works_in(pid, place.state.hub(name).path)}
        assert alive == {place.pid(name)}


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder
    except OSError:
        return False


def test_a_copy_whose_lock_is_taken_ends_and_touches_no_record(place: Place) -> None:
    folder = place.declare("coast/prod")
    with (folder.path / "hub.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        client = place.keep()
        eventually(lambda: client.status().hubs["coast/prod"].last_exit)
        seen = client.status().hubs["coast/prod"]
        assert seen.last_exit is not None
        assert seen.last_exit.code == 75
        assert not folder.run.exists()
        assert place.begun("coast/prod") == []
    eventually(lambda: place.begun("coast/prod"))


def test_a_hub_inherits_nothing_of_the_keepers(place: Place) -> None:
    place.declare("coast/prod")
    place.keep()
    pid = eventually(lambda: place.begun("coast/prod"))[0]
    folder = place.state.hub("coast/prod").path
    open_files = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    assert open_files == {"/dev/null", str(folder / "hub.log"), str(folder / "hub.lock")}
    assert os.getsid(pid) == pid
    assert b"CONFIGPROXY_AUTH_TOKEN" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_state_folder_with_a_very_long_path_works(tmp_path: Path) -> None:
    with place_in(tmp_path / ("long" * 40) / "state") as place:
        place.declare("coast/prod")
        place.keep()
        eventually(lambda: place.begun("coast/prod"))
        assert place.client.status().hubs["coast/prod"].state == "up"


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"garbage\n",
        b"[]\n",
        b'{"operation": "nonsense"}\n',
        b'{"operation": "start", "hub": 5}\n',
        b'{"operation": "shutdown"}\n',
        b"[" * 50_000 + b"\n",
        b"x" * 200_000,
        "\ud800".encode("utf-8", "surrogatepass") + b"\n",
    ],
)
def test_a_hostile_request_is_refused_and_the_keeper_goes_on(place: Place, sent: bytes) -> None:
    place.keep()
    with keeper_socket_path(place.state) as path, socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(path)
        try:
            line.sendall(sent)
            answer = line.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    if answer:
        assert json.loads(answer)["problem"]["code"] == "bad-request"
    assert keeper_runs(place.state)


def test_callers_who_never_finish_hold_nobody_up(place: Place) -> None:
    client = place.keep()
    lines = []
    try:
        with keeper_socket_path(place.state) as path:
            for _ in range(100):
                line = socket.socket(socket.AF_UNIX)
                lines.append(line)
                line.connect(path)
                line.sendall(b'{"operation"')
        before = time.monotonic()
        client.status()
        assert time.monotonic() - before < 1.0
        # Those who were not hung up on for their number are for their slowness.
        for line in lines:
            line.settimeout(10)
            assert line.recv(1) == b""
    finally:
        for line in lines:
            line.close()
    assert keeper_runs(place.state)


def test_a_port_that_somebody_else_has_is_told_with_its_holder(place: Place) -> None:
    with (
        socket.create_server(("127.0.0.1", place.port)),
        pytest.raises(HubfleetError) as refused,
    ):
        place.keep()
    problem = refused.value.problems[0]
    assert problem.code == "port-taken"
    assert problem.what == f"port {place.port} is taken"
    assert problem.place == f"127.0.0.1:{place.port}"
    assert f"(process {os.getpid()}) listens on it" in problem.why
    assert problem.hint == "end that program, or choose another port with --port"
    with pytest.raises(NoKeeperError):
        place.client.facts()


def test_another_port_than_the_keepers_is_refused(place: Place) -> None:
    place.keep()
    right = place.port
    place.port += 1
    with pytest.raises(HubfleetError) as refused:
        place.keep()
    problem = refused.value.problems[0]
    assert problem.code == "keeper-on-another-port"
    assert f"are on port {right}" in problem.what


def test_a_keeper_of_another_version_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.keep()
    monkeypatch.setattr("hubfleet.platforms.local.control_status.__version__", "99.0")
    with pytest.raises(HubfleetError) as refused:
        place.keep()
    problem = refused.value.problems[0]
    assert problem.code == "keeper-of-another-version"
    assert problem.place == str(place.state.path)
    assert "this is hubfleet 99.0 with jupyterhub" in problem.why
    assert f"`kill {place.client.facts().pid}`" in problem.hint


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with place_in_file(tmp_path) as refused:
        assert refused.code == "state-not-writable"
        assert refused.place == str(tmp_path / "file" / "state")


def place_in_file(tmp_path: Path):
    from contextlib import nullcontext

    from hubfleet.platforms.local.control_start import ensure_keeper
    from hubfleet.platforms.local.folders import StateFolder

    with pytest.raises(HubfleetError) as refused:
        ensure_keeper(StateFolder(tmp_path / "file" / "state"), 20000)
    return nullcontext(refused.value.problems[0])


def test_a_keeper_that_breaks_down_says_why(place: Place) -> None:
    place.hub_module = "no.such.module"
    with pytest.raises(HubfleetError) as refused:
        place.keep()
    problem = refused.value.problems[0]
    assert problem.code == "keeper-did-not-start"
    assert problem.why == "ModuleNotFoundError: No module named 'no'"
    assert str(problem.place).startswith(f"{place.state.keeper_log}:")


def test_a_spec_that_is_broken_is_told_and_changes_nothing(place: Place) -> None:
    folder = place.declare("coast/prod")
    client = place.keep()
    pid = eventually(lambda: place.pid("coast/prod"))
    folder.spec.write_text("{")
    with pytest.raises(HubfleetError, match="cannot be started"):
        client.start("coast/prod")
    assert living_pid(folder.path) == pid


def test_rotating_a_hubs_log_loses_no_line(place: Place) -> None:
    folder = place.declare("coast/prod")
    (folder.path / "writes").touch()
    place.pace.update(log_size=1_000_000, log_check=0.1)
    place.keep()
    eventually((folder.path / "written").exists, 60)
    files = sorted(folder.path.glob("hub.log*"))
    assert len(files) >= 2
    lines = {line for file in files for line in file.read_text().splitlines()}
    written = {f"line {number:06}" for number in range(200_000)}
    assert not written - lines
