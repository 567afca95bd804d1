"""A hub is removed while people work in it: told, refused new servers, waited for, files kept."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from hubfleet.platforms.local.closing import closing_until
from hubfleet.platforms.local.control import read_status
from hubfleet.platforms.local.limits import group_name
from hubfleet.platforms.local.servers import SERVER_MARK, running_servers
from hubfleet.platforms.local.stopping import stop_all
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import local_place, until

pytestmark = pytest.mark.integration

OLD = "ant/old"


@pytest.fixture
def place(tmp_path):
    with local_place(tmp_path / "state") as made:
        yield made


@pytest.fixture
def fleet(place, tmp_path) -> Path:
    """Two hubs that run, of which the declaration knows only one any more."""
    root: Path = tmp_path / "fleet"
    write_fleet(root, {"ant/prod": {}, OLD: {}})
    done = place.run("apply", "--yes", "--without-probes", fleet=root)
    assert done.returncode == 0, done.stderr
    (root / "communities/ant/hubs/old.yaml").unlink()
    return root


def page_of(place, hub: str, page: str) -> str:
    """A page as somebody sees it who has not signed in."""
    community, short = hub.split("/")
    line = http.client.HTTPConnection("127.0.0.1", place.port, timeout=10)
    line.request("GET", f"/hub/{page}", headers={"Host": f"{short}-{community}.localhost"})
    text = line.getresponse().read().decode()
    line.close()
    return text


@contextmanager
def removing(place, fleet, *arguments, events=None):
    """`apply` that takes the hub away, while it runs."""
    command = [sys.executable, "-m", "hubfleet", "apply", "--yes", "--allow-removals", *arguments]
    if events:
        command += ["--events", str(events)]
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    with subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_people_are_told_and_the_hub_goes_when_the_last_one_has_left(place, fleet, tmp_path):
    folder, events = place.state.hub(OLD), tmp_path / "events.jsonl"
    with Person(place, OLD, "bo") as bo, Person(place, OLD, "cy") as cy:
        bo.start_server()
        bo.run("open('kept.txt', 'w').write('work')")
        with removing(place, fleet, "--drain", "5m", events=events) as running:
            until(lambda: closing_until(folder.path), "the notice")
            assert "This hub closes at " in page_of(place, OLD, "login")
            with pytest.raises(AssertionError, match="This hub closes at "):
                cy.start_server()
            assert bo.run("print(6 * 7)") == "42", "who works goes on"
            (row,) = [r for r in place.json("status", fleet=fleet)["hubs"] if r["hub"] == OLD]
            assert row["note"].startswith("closes at 20")
            assert running.poll() is None
            bo.leave()
            said, told = running.communicate(timeout=60)
    assert running.returncode == 0, told
    assert "1 work there now: bo; they are told and may go on for 5m" in said
    phases = [json.loads(line) for line in events.read_text().splitlines()]
    phases = [event["phase"] for event in phases if event.get("hub") == OLD]
    assert phases[1:3] == ["begun", "draining: 1 still there (bo)"]
    assert phases[-1] == "done"
    assert not folder.path.exists()
    (kept,) = place.state.removed.glob("ant/old-*/homes/*/kept.txt")
    assert kept.read_text() == "work"
    newest = place.json("history", OLD)["revisions"][0]
    assert (newest["action"], newest["revision"]) == ("remove", 2)


def test_without_a_wait_servers_are_stopped_at_once(place, fleet):
    with Person(place, OLD, "bo") as bo:
        bo.start_server()
        (server,) = running_servers(place.state.hub(OLD).path)
        with removing(place, fleet, "--drain", "0") as running:
            running.communicate(timeout=60)
        assert running.returncode == 0
        assert not server.alive


def test_a_removal_that_is_killed_while_it_waits_is_gone_on_with(place, fleet):
    folder = place.state.hub(OLD)
    with Person(place, OLD, "bo") as bo:
        bo.start_server()
        with removing(place, fleet, "--drain", "5m") as running:
            until(lambda: closing_until(folder.path), "the notice")
            told = closing_until(folder.path)
            running.send_signal(signal.SIGKILL)
            running.wait()
        assert bo.run("print(6 * 7)") == "42"
        remarks = place.json("status", fleet=fleet)["remarks"]
        assert "was cut off with 1 of them open: `hubfleet apply` goes on." in remarks[0]
        with removing(place, fleet, "--drain", "6m") as again:
            until(lambda: place.state.apply_lock.exists() and again.poll() is None, "the next one")
            assert closing_until(folder.path) == told, "what people were told holds"
            bo.leave()
            _, said = again.communicate(timeout=60)
        assert again.returncode == 0, said
    assert not folder.path.exists()
    assert OLD not in read_status(place.state).hubs


def test_ctrl_c_opens_the_hub_again(place, fleet):
    folder = place.state.hub(OLD)
    with Person(place, OLD, "bo") as bo, Person(place, OLD, "cy") as cy:
        bo.start_server()
        with removing(place, fleet, "--drain", "5m") as running:
            until(lambda: closing_until(folder.path), "the notice")
            running.send_signal(signal.SIGINT)
            _, told = running.communicate(timeout=60)
        assert running.returncode == 130, told
        assert closing_until(folder.path) == ""
        cy.start_server()
        assert bo.run("print(6 * 7)") == "42"


KILLED = """
import os, signal, sys
from hubfleet.platforms.local import removing
moment = int(sys.argv[1])
acts = [("stop_servers", removing), ("give_up_domain", removing), ("release_port", removing),
        ("_set_aside", removing)]
def deadly(name, owner, after):
    real = getattr(owner, name)
    def act(*arguments):
        if not after:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, act)
name, owner = acts[moment // 2]
deadly(name, owner, moment % 2)
sys.argv = ["hubfleet", "apply", "--yes", "--allow-removals", "--drain", "0"]
from hubfleet.cli import main
main()
"""


@pytest.mark.parametrize("moment", range(8))
def test_a_removal_that_is_killed_at_any_moment_is_finished(place, fleet, moment):
    variables = {
        "HUBFLEET_STATE": str(place.state.path),
        "HUBFLEET_FLEET": str(fleet),
        "HUBFLEET_PORT": str(place.port),
    }
    command = [sys.executable, "-c", KILLED, str(moment)]
    cut = subprocess.run(command, env={**os.environ, **variables}, check=False)
    assert cut.returncode == -signal.SIGKILL
    done = place.run("apply", "--yes", "--allow-removals", "--drain", "0", fleet=fleet)
    assert done.returncode == 0, done.stderr
    assert place.json("plan", fleet=fleet)["steps"] == []
    assert OLD not in (place.state.proxy / "ports.json").read_text()
    assert len(list(place.state.removed.glob("ant/old-*"))) == 1
    assert not place.state.open_rollout.exists()


def test_down_ends_a_server_that_nobody_wrote_down(place, fleet):
    mark = group_name(place.state.path, OLD, "7")
    with subprocess.Popen(["sleep", "600"], env={**os.environ, SERVER_MARK: mark}) as lost:
        said = stop_all(place.state, keep_hubs=False)
        assert lost.wait(timeout=10) == -signal.SIGKILL
    assert said.startswith("stopped 2 hubs and 1 server of people; ")
