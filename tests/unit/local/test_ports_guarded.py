"""Whose port it is: what is said of machines that cannot guard ports, and of impostors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hubfleet.platforms.local import answers, listening, ports
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.observing import answers_itself
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.spec import HubSpec, RunRecord


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Healthy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("own", [True, False])
def test_a_hub_runs_only_where_its_own_process_answers(
    tmp_path: Path, port: int, own: bool
) -> None:
    folder = HubFolder(tmp_path)
    pid = os.getpid() if own else os.getppid()
    RunRecord(pid, start_time(pid) or 0, boot_id(), "now").write(folder.run)
    spec = HubSpec(
        name="reef/prod",
        cluster="reef",
        revision=1,
        domain="prod-reef.localhost",
        title="Reef",
        url="",
        port=port,
        proxy_api="",
        proxy_port=1,
        flat={},
        values={},
    )
    assert answers.hub_answers(port)
    assert answers_itself(folder, spec) is own


def test_a_machine_whose_kernel_is_too_old_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "why_open", lambda: "its Landlock is old")
    assert listening.doors(2000) is None
    assert listening.remark() == (
        "People's programs can listen on any free port: its Landlock is old. While a hub or the "
        "proxy is down, one of them could take its port and be told people's passwords."
    )


def test_a_machine_that_hands_out_every_port_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "why_open", lambda: "")
    assert ports.lie_apart() is (listening.remark() is None)
    monkeypatch.setattr(ports, "_RANGE_FILE", tmp_path / "range")
    (tmp_path / "range").write_text("1024\t65535\n")
    assert "hands out all from 1024 on" in (listening.remark() or "")
    (tmp_path / "range").write_text("32768\t60999\n")
    assert listening.remark() is None
