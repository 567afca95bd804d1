"""A secret of the declaration on its whole way into a running hub, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.fleets import write_fleet
from tests.places import LocalPlace, local_place

pytestmark = pytest.mark.integration

CANARY = "canary-5f0c2f-not-for-any-eye"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HUBFLEET_AGE_KEY_FILE", str(tmp_path / "keys" / "age.key"))
    with local_place(tmp_path / "state") as made:
        yield made


class SignInPage(BaseHTTPRequestHandler):
    """As much of a provider as a hub and its probe look at before anybody signs in."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SignInPage) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fleet(tmp_path: Path, place: LocalPlace, provider: str) -> Path:
    root = tmp_path / "fleet"
    urls = {f"{name}_url": f"{provider}/{name}" for name in ("authorize", "token", "userdata")}
    access = {
        "sign_in": "oidc",
        "oidc": urls,
        "client": {"id": "app-1"},
        "admins": ["ada"],
        "allow": {"users": ["bo"]},
    }
    write_fleet(root, {"ant/prod": {}})
    assert place.run("secret", "init", fleet=root).returncode == 0
    done = set_secret(place, root, CANARY)
    assert done.returncode == 0, done.stderr
    path = root / "communities/ant/hubs/prod.yaml"
    path.write_text(json.dumps({"access": access}))
    return root


def set_secret(place: LocalPlace, fleet: Path, value: str) -> subprocess.CompletedProcess[str]:
    command = ["secret", "set", "ant/prod", "access.client.secret", "--fleet", str(fleet)]
    return subprocess.run(
        [sys.executable, "-m", "hubfleet", *command],
        input=value,
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )


def holders(folder: Path) -> set[str]:
    """The files below a folder that hold the canary."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and CANARY.encode() in path.read_bytes()
    }


def test_the_hub_gets_it_and_nothing_else_does(place, fleet):
    told = ""
    for command in (["validate"], ["plan"], ["explain", "ant/prod"], ["apply", "--yes"]):
        done = place.run(*command, fleet=fleet)
        assert done.returncode == 0, done.stderr
        told += done.stdout + done.stderr
    for command in (["status", "--show-passwords"], ["logs", "ant/prod"], ["logs", "keeper"]):
        done = place.run(*command, fleet=fleet)
        assert done.returncode == 0, done.stderr
        told += done.stdout + done.stderr
    assert CANARY not in told
    assert holders(fleet) == set()
    assert holders(place.state.path) == {"hubs/ant/prod/secrets.json"}
    assert place.state.hub("ant/prod").secrets.stat().st_mode & 0o777 == 0o600
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert CANARY.encode() not in process.read_bytes()
        except OSError:
            continue
    assert place.json("plan", fleet=fleet)["steps"] == []


def test_without_the_key_nothing_is_touched(place, fleet, tmp_path):
    (tmp_path / "keys" / "age.key").unlink()
    assert place.run("plan", fleet=fleet).returncode == 0, "a plan needs no key"
    done = place.run("apply", "--yes", fleet=fleet)
    assert done.returncode == 1
    assert "error[" in done.stderr
    assert "hint: " in done.stderr
    assert place.json("status", fleet=fleet)["hubs"][0]["state"] == "absent"


def test_a_new_value_is_a_change_of_the_hub(place, fleet):
    assert place.run("apply", "--yes", fleet=fleet).returncode == 0
    assert set_secret(place, fleet, "another").returncode == 0
    (step,) = place.json("plan", fleet=fleet)["steps"]
    assert [reason["key"] for reason in step["reasons"]] == ["access.client.secret"]
    (reason,) = step["reasons"]
    assert reason["old"].startswith("<secret ")
    assert reason["new"].startswith("<secret ")
    assert reason["place"].startswith("communities/ant/hubs/prod.secret.yaml:")
