from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import HubValues
from hubfleet.platforms.local.limits import Limiter
from hubfleet.platforms.local.sandbox import (
    Sandbox,
    Seat,
    SharedFolder,
    bubblewrap_command,
    find_sandbox,
    interpreter_folders,
    isolation_is_waived,
    machine_abilities,
    refuse_without_isolation,
    waive_isolation,
    write_accounts,
)

NONE = Sandbox(None, "bubblewrap (the program bwrap) is not installed")


def _seat(state: Path, *readable: Path) -> Seat:
    return Seat(
        home=state / "hubs/earth/prod/homes/1",
        inside=state / "inside",
        accounts=state / "accounts",
        hidden=state,
        hostname="earth-prod",
        readable=readable,
        shared=(SharedFolder("shared", state / "hubs/earth/prod/shared"),),
    )


def test_empty_places_come_before_what_is_bound_below_them() -> None:
    command = bubblewrap_command("bwrap", _seat(Path("/tmp/state"), Path("/tmp/venv")))
    assert command.index("/tmp") < command.index("/tmp/venv")
    assert command.index("/run") < command.index("/run/hubfleet")
    assert command.index("/home/jovyan") < command.index("/home/jovyan/shared")
    assert command[-1] == "--"


def test_servers_outlive_the_hub_and_cannot_make_namespaces() -> None:
    command = bubblewrap_command("bwrap", _seat(Path("/srv/state")))
    assert "--die-with-parent" not in command
    assert "--disable-userns" in command
    assert "--bind" in command
    assert command.count("--bind") == 1, "only the home is writable"


def test_shared_folders_are_writable_only_where_they_say_so() -> None:
    shared = (
        SharedFolder("shared", Path("/srv/hub/shared")),
        SharedFolder("shared-readwrite", Path("/srv/hub/common"), writable=True),
    )
    command = bubblewrap_command("bwrap", replace(_seat(Path("/srv/state")), shared=shared))
    read, write = (command.index(str(folder.path)) for folder in shared)
    assert command[read - 1 : read + 2 : 2] == ["--ro-bind", "/home/jovyan/shared"]
    assert command[write - 1 : write + 2 : 2] == ["--bind", "/home/jovyan/shared-readwrite"]


def test_the_count_of_those_killed_for_memory_can_be_read_and_not_written() -> None:
    events = Path("/sys/fs/cgroup/x/memory.events")
    command = bubblewrap_command("bwrap", replace(_seat(Path("/srv/state")), memory_events=events))
    place = command.index(str(events))
    assert command[place - 1 : place + 2 : 2] == ["--ro-bind", "/run/memory-events"]


def test_a_state_folder_below_something_readable_is_hidden_but_for_its_environment() -> None:
    state = Path("/opt/python/state")
    environment = state / "environments/abc"
    command = bubblewrap_command("bwrap", _seat(state, Path("/opt/python"), environment))
    hidden = command.index(str(state))
    assert command[hidden - 1] == "--tmpfs"
    assert command.index("/opt/python") < hidden < command.index(str(environment))


def test_a_state_folder_that_nothing_shows_needs_no_hiding() -> None:
    command = bubblewrap_command("bwrap", _seat(Path("/srv/state"), Path("/opt/python")))
    assert "/srv/state" not in command


@pytest.mark.parametrize("way", ["home/local", "data/local"])
def test_a_state_folder_behind_a_link_is_hidden_on_every_way_to_it(
    tmp_path: Path, way: str
) -> None:
    (tmp_path / "data/local/share/state/environments/abc").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "data")
    prefixes = (tmp_path / "home/local", tmp_path / "data/local")
    state = tmp_path / way / "share/state"
    environment = state / "environments/abc"
    command = bubblewrap_command("bwrap", _seat(state, *prefixes, environment))
    hidden = [path for kind, path in pairwise(command) if kind == "--tmpfs"]
    for prefix in prefixes:
        assert str(prefix / "share/state") in hidden
        assert command.index(str(prefix)) < command.index(str(prefix / "share/state"))
    assert command.index(str(prefixes[-1] / "share/state")) < command.index(str(environment))


@pytest.mark.skipif(find_sandbox().program is None, reason=find_sandbox().why)
def test_behind_walls_a_linked_state_folder_is_empty_and_keys_are_missing(tmp_path: Path) -> None:
    real = tmp_path / "data/local/share/state"
    (real / "inside").mkdir(parents=True)
    (real / "hubs/earth/prod/homes/1").mkdir(parents=True)
    (real / "hubs/earth/prod/shared").mkdir()
    write_accounts(real / "accounts")
    (real / "secret").write_text("canary")
    (tmp_path / "home").symlink_to(tmp_path / "data")
    for way in ("home", "data"):
        state = tmp_path / way / "local/share/state"
        prefixes = (tmp_path / "home/local", tmp_path / "data/local")
        walls = bubblewrap_command("bwrap", _seat(state, *prefixes))
        wanted = [tmp_path / place / "local/share/state" for place in ("home", "data")]
        done = subprocess.run(
            [*walls, "ls", "-A", *map(str, wanted), "/etc/ssl"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "canary" not in done.stdout
        assert "secret" not in done.stdout
        assert "private" not in done.stdout
        assert "certs" in done.stdout
        assert done.returncode == 0, done.stderr


def test_of_the_machines_certificates_no_private_key_is_bound() -> None:
    command = bubblewrap_command("bwrap", _seat(Path("/srv/state")))
    for name in ("/etc/ssl", "/etc/pki", "/etc/pki/tls"):
        assert name not in command
    assert not any("private" in word for word in command)
    assert "/etc/ssl/certs" in command


def test_the_python_behind_an_environment_is_readable(tmp_path: Path) -> None:
    (tmp_path / "uv/python-3.12/bin").mkdir(parents=True)
    (tmp_path / "uv/python-3.12/bin/python3.12").touch()
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python3").symlink_to(tmp_path / "uv/python-3.12/bin/python3.12")
    (tmp_path / "env/bin/python").symlink_to("python3")
    folders = interpreter_folders(tmp_path / "env")
    assert tmp_path / "uv/python-3.12" in folders
    assert Path(sys.prefix) in folders


def test_accounts_know_nobody_of_this_machine(tmp_path: Path) -> None:
    folder = write_accounts(tmp_path / "accounts")
    assert write_accounts(folder) == folder
    assert "root" not in (folder / "passwd").read_text()


@pytest.mark.parametrize(
    ("access", "refused"),
    [
        ({"admins": ["ada"]}, False),
        ({"admins": ["ada"], "allow": {"users": ["bob"]}}, True),
        ({"admins": ["ada"], "allow": {"groups": ["class"]}}, True),
        ({"admins": ["ada"], "everyone": True}, True),
    ],
)
def test_people_of_other_accounts_are_refused_without_walls(
    access: dict[str, Any], refused: bool
) -> None:
    chosen = {"sign_in": "shared-password", **access}
    values = HubValues.model_validate({"access": chosen, "groups": {"class": ["eve"]}})
    problem = refuse_without_isolation("e/p", values, account="ada", sandbox=NONE, waived=False)
    assert (problem is not None) is refused
    for sandbox, waived in ((Sandbox("/usr/bin/bwrap"), False), (NONE, True)):
        assert not refuse_without_isolation(
            "e/p", values, account="ada", sandbox=sandbox, waived=waived
        )


def test_the_refusal_names_the_hub_the_reason_and_the_cure() -> None:
    values = HubValues.model_validate({"access": {"everyone": True}})
    problem = refuse_without_isolation("e/p", values, account="ada", sandbox=NONE, waived=False)
    assert str(problem) == (
        "error[no-isolation]: hub e/p lets in people who could read each other's files on this "
        "machine\n"
        "  why: bubblewrap (the program bwrap) is not installed; without it every server runs "
        "with the rights of 'ada'\n"
        "  hint: install bubblewrap 0.8 or later, or accept it with --without-isolation"
    )


def test_a_waiver_holds_until_it_is_taken_back(tmp_path: Path) -> None:
    for waived in (True, True, False, False):
        waive_isolation(tmp_path, waived=waived)
        assert isolation_is_waived(tmp_path) is waived


def test_a_machine_that_can_do_everything_has_nothing_to_say() -> None:
    limiter = Limiter(2, dict.fromkeys(("memory", "cpu", "pids"), Path("/sys/fs/cgroup/x")))
    assert machine_abilities(Sandbox("/usr/bin/bwrap"), limiter, account=1000) == ()


def test_what_a_machine_cannot_do_is_said_in_full_sentences() -> None:
    ports = "Ports are open."
    assert machine_abilities(NONE, Limiter(0), account=0, doors=ports) == (
        "People are not kept apart from each other: bubblewrap (the program bwrap) is not "
        "installed. Each of them can read every home and signal every process of this account.",
        "hubfleet runs as root: whoever broke out of a sandbox would be root. "
        "Run it from an ordinary account where you can.",
        "This machine does not let hubfleet use control groups: memory is limited for each "
        "process instead of each person, and neither CPU nor the number of processes is limited. "
        "Run hubfleet as a systemd service with Delegate=yes to change that.",
        ports,
    )
