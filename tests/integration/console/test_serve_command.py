"""`hubfleet serve` and `status-page`: what they refuse, in exact words, and what they write."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleets import write_fleet


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hubfleet", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    return ["--fleet", str(tmp_path / "fleet"), "--state", str(tmp_path / "state")]


def test_an_address_that_is_none_is_refused(where):
    done = run("serve", "--bind", "8010", *where)
    assert done.returncode == 1
    assert done.stderr == (
        "error[bind-not-understood]: '8010' is no address to listen on\n"
        "  --> --bind\n"
        "  hint: write HOST:PORT, such as 127.0.0.1:8010 or [::1]:8010\n"
    )


def test_a_taken_port_is_said_so_before_anything_is_made(where, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--bind", f"127.0.0.1:{port}", *where)
    assert done.returncode == 1
    assert done.stderr == (
        f"error[console-cannot-listen]: the console cannot listen on 127.0.0.1:{port}\n"
        "  why: Address already in use\n"
        "  hint: another console may be running there (`hubfleet status` shows it); "
        "choose another address with --bind HOST:PORT\n"
    )
    assert not (tmp_path / "state" / "office.sqlite").exists()


def test_the_status_page_is_written_as_files(where, tmp_path):
    done = run("status-page", "export", "--to", str(tmp_path / "out"), *where)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"6 files written; begin at {tmp_path / 'out' / 'index.html'}\n"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [one["id"] for one in summary["components"]] == ["ant/prod", "ant"]
    (tmp_path / "file").write_text("")
    done = run("status-page", "export", "--to", str(tmp_path / "file"), *where)
    assert done.returncode == 1
    assert done.stderr.startswith("error[status-not-written]: the status page cannot be written\n")
