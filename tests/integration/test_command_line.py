"""The command line against real hubs: what it prints, refuses and returns."""

from __future__ import annotations

import json
import os
import re
import socket

import pytest

from tests.fleets import write, write_fleet
from tests.places import local_place, until

pytestmark = pytest.mark.integration


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


@pytest.fixture
def fleet(tmp_path):
    root = tmp_path / "fleet"
    write_fleet(root, {"ant/prod": {"limits": {"memory": "512M"}}})
    return root


def test_validate_counts_what_it_found(place, fleet):
    assert place.json("validate", fleet=fleet) == {
        "ok": True,
        "hubs": 1,
        "clusters": 1,
        "communities": 1,
        "problems": [],
        "notes": [],
    }


def test_validate_shows_every_problem_with_its_line_and_cure(place, fleet):
    write(fleet / "communities/ant/hubs/prod.yaml", {"limits": {"memroy": "1G"}, "cluster": "rief"})
    done = place.run("validate", "--json", fleet=fleet)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert answer["hubs"] == 1
    places = [problem["place"] for problem in answer["problems"]]
    assert places == [
        "communities/ant/hubs/prod.yaml:2:3",
        "communities/ant/hubs/prod.yaml:3:1",
    ]
    assert "memory" in answer["problems"][0]["hint"]
    assert "reef" in answer["problems"][1]["hint"]


def test_explain_says_which_file_a_value_comes_from(place, fleet):
    told = place.json("explain", "ant/prod", "limits", fleet=fleet)
    assert told == {
        "hub": "ant/prod",
        "values": [
            {"key": "limits.cpu", "value": 1.0, "layer": "product", "place": None},
            {
                "key": "limits.memory",
                "value": "512M",
                "layer": "hub",
                "place": "communities/ant/hubs/prod.yaml:2:3",
            },
        ],
    }


def test_an_unknown_hub_or_key_is_met_with_the_nearest(place, fleet):
    done = place.run("explain", "ant/pord", fleet=fleet)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error[unknown-hub]: no hub is called 'ant/pord'\n"
        f"  --> {fleet}\n"
        "  hint: did you mean ant/prod?\n"
    )
    done = place.run("explain", "ant/prod", "limit", fleet=fleet)
    assert done.stderr == (
        "error[unknown-key]: ant/prod has no value 'limit'\n"
        "  hint: run `hubfleet explain ant/prod` to see all of them\n"
    )


def test_plan_never_acts_and_its_exit_code_tells(place, fleet):
    done = place.run("plan", "--exit-code", fleet=fleet)
    assert done.returncode == 4
    assert not place.state.path.exists()
    pattern = (
        r"\+ create ant/prod on reef \(production\)\n"
        r"(    \S+ .*\n)+"
        r"\n1 to create\nfingerprint [0-9a-f]{16}\n"
    )
    assert re.fullmatch(pattern, done.stdout), done.stdout


def test_apply_asks_and_nobody_there_means_no(place, fleet):
    done = place.run("apply", fleet=fleet)
    assert done.returncode == 1
    assert "error[not-confirmed]: nobody is there to confirm the plan" in done.stderr
    assert place.json("plan", fleet=fleet)["steps"] != []


def test_exactly_the_reviewed_plan_is_applied(place, fleet):
    reviewed = place.json("plan", fleet=fleet)["fingerprint"]
    done = place.run("apply", "--plan", "0123456789abcdef", fleet=fleet)
    assert done.returncode == 1
    assert done.stderr == (
        f"error[plan-changed]: the plan is now {reviewed}, not 0123456789abcdef\n"
        "  why: the declaration or the hubs have changed since that plan was made\n"
        "  hint: review it again with `hubfleet plan`\n"
    )
    done = place.run("apply", "--plan", reviewed, fleet=fleet)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("1 done\n")
    assert place.json("plan", fleet=fleet)["steps"] == []


def test_a_removal_is_refused_then_done_and_files_are_kept(place, fleet):
    write_fleet(fleet, {"ant/prod": {}, "ant/old": {}})
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    home = place.state.hub("ant/old").homes / "7"
    home.mkdir(parents=True)
    (home / "thesis.txt").write_text("years of work")
    (fleet / "communities/ant/hubs/old.yaml").unlink()

    done = place.run("apply", "--yes", fleet=fleet)
    assert done.returncode == 1
    assert "error[removal-not-allowed]: the plan removes 1 hub: ant/old" in done.stderr
    done = place.run("apply", "--yes", "--allow-removals", fleet=fleet)
    assert done.returncode == 0, done.stderr
    (kept,) = place.state.removed.glob("ant/old-*/homes/7/thesis.txt")
    assert kept.read_text() == "years of work"
    assert "ant/old: people's files are kept in" in done.stdout
    assert [row["hub"] for row in place.json("status", fleet=fleet)["hubs"]] == ["ant/prod"]


def test_a_comment_plans_nothing_and_a_value_plans_one_update(place, fleet):
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    path = fleet / "communities/ant/hubs/prod.yaml"
    path.write_text("# why so little?\nlimits:   {memory: '512M'}  # we tried\n")
    assert place.json("plan", fleet=fleet)["steps"] == []
    path.write_text("# more\nlimits: {memory: 768M}\n")
    (step,) = place.json("plan", fleet=fleet)["steps"]
    assert step == {
        "hub": "ant/prod",
        "cluster": "reef",
        "action": "update",
        "reasons": [
            {
                "key": "limits.memory",
                "old": "512M",
                "new": "768M",
                "place": "communities/ant/hubs/prod.yaml:2:10",
            }
        ],
    }


def test_another_fleet_does_not_take_over_a_state_folder(place, fleet, tmp_path):
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    other = tmp_path / "other"
    write_fleet(other, {"bee/prod": {}}, name="Other Hubs")
    done = place.run("apply", "--yes", "--allow-removals", fleet=other)
    assert done.returncode == 1
    assert done.stderr == (
        "error[state-of-another-fleet]: "
        "the state folder holds the fleet 'Test Hubs', not 'Other Hubs'\n"
        f"  --> {place.state.path}\n"
        f"  why: it was applied from {fleet}; its hubs would be removed\n"
        "  hint: give this fleet a state folder of its own with --state DIR and --port, "
        "or remove the other one's hubs first\n"
    )


def test_a_port_that_is_taken_is_named_with_who_has_it(place, fleet):
    with socket.create_server(("127.0.0.1", place.port)):
        done = place.run("apply", "--yes", fleet=fleet)
    assert done.returncode == 1
    assert f"error[port-taken]: port {place.port}" in done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert "hint: " in done.stderr
    assert place.json("status", fleet=fleet)["hubs"][0]["state"] == "absent"


def test_a_state_folder_that_cannot_be_made_is_an_error_with_a_cure(place, fleet, tmp_path):
    (tmp_path / "file").write_text("")
    done = place.run("apply", "--yes", "--state", str(tmp_path / "file/state"), fleet=fleet)
    assert done.returncode == 1
    assert done.stderr == (
        "error[state-not-writable]: the state folder cannot be written\n"
        f"  --> {tmp_path}/file/state\n"
        "  why: Not a directory\n"
        "  hint: choose another one with --state DIR or $HUBFLEET_STATE, or mend its rights\n"
    )


def test_the_first_up_checks_every_hub_and_says_how_to_sign_in(place, fleet):
    done = place.run("up", fleet=fleet)
    assert done.returncode == 0, done.stderr
    assert re.search(r"changing: ant/prod: done \(\d+\.\d s\)", done.stderr)
    assert f"ant/prod  http://prod-ant.localhost:{place.port}/" in done.stdout
    told = r"admins: ada\n    users: bo, cy\n    password \w{16}  \(one for all users: .*\)\n"
    assert re.search(told, done.stdout)
    again = place.run("up", fleet=fleet)
    assert "changing" not in again.stderr, "nothing changed, so nothing is probed"


def test_passwords_are_shown_only_when_asked_for(place, fleet):
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    password = place.platform().sign_in("ant/prod").password
    for command in (["status"], ["status", "--json"], ["logs", "ant/prod"], ["plan"]):
        done = place.run(*command, fleet=fleet)
        assert done.returncode == 0, done.stderr
        assert password not in done.stdout + done.stderr
    assert password in place.run("status", "--show-passwords", fleet=fleet).stdout


def test_down_stops_everything_and_up_goes_on_where_it_was(place, fleet):
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    password = place.platform().sign_in("ant/prod").password
    done = place.run("down")
    assert done.stdout == (f"stopped 1 hub; files and passwords are kept in {place.state.path}\n")
    assert place.run("down").stdout == "nothing was running\n"
    (row,) = place.json("status", fleet=fleet)["hubs"]
    assert (row["state"], row["note"]) == ("stopped", "start is waiting")
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    until(lambda: place.json("status", fleet=fleet)["hubs"][0]["state"] == "running", "the hub")
    assert place.platform().sign_in("ant/prod").password == password


def test_outside_a_fleet_the_cure_is_said(place, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = place.run("validate", fleet=empty)
    assert done.returncode == 1
    assert done.stderr.startswith("error[")
    assert str(empty) in done.stderr
    assert "hint: " in done.stderr


def test_wrong_usage_ends_with_2_and_a_version_with_0(place):
    assert place.run("plan", "--no-such-option").returncode == 2
    assert place.run("--version").stdout.startswith("hubfleet ")
