"""The rules of a server's ports are made ahead, and no server gets those of another one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hubfleet.platforms.local import listening, ports

pytestmark = pytest.mark.skipif(bool(listening.why_open()), reason=listening.why_open())

NEVER = {20_001, 20_002}

LISTEN = """
import socket, sys
for port in map(int, sys.argv[1:]):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except PermissionError:
            print("shut")
        else:
            print("open")
"""


@pytest.fixture(autouse=True)
def _nothing_prepared() -> Iterator[None]:
    yield
    for _, rules in listening._prepared.values():
        os.close(rules)
    listening._prepared.clear()


def may_listen(doors: listening.Doors | None, *wanted: int) -> list[str]:
    assert doors is not None
    command = [sys.executable, "-I", "-c", LISTEN, *map(str, wanted)]
    with doors:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, preexec_fn=doors.shut
        )
    return done.stdout.split()


def free(count: int) -> list[int]:
    return [port for port in range(20_100, 30_000) if ports.is_free(port)][:count]


def test_what_was_prepared_opens_one_servers_port_and_no_other() -> None:
    first, second, hub = free(3)
    never = {hub}
    listening.prepare(never)
    assert len(listening._prepared) == 1
    one, another = listening.doors(first, never), listening.doors(second, never)
    assert listening._prepared == {}
    assert may_listen(one, first, second, hub, 0) == ["open", "shut", "shut", "open"]
    assert may_listen(another, first, second, hub, 0) == ["shut", "open", "shut", "open"]


def test_preparing_twice_keeps_one() -> None:
    listening.prepare(NEVER)
    kept = dict(listening._prepared)
    listening.prepare(NEVER)
    assert listening._prepared == kept


def test_rules_for_another_range_are_not_used(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, fixed = free(2)
    listening.prepare(NEVER)
    monkeypatch.setattr(ports, "_RANGE_FILE", tmp_path / "range")
    (tmp_path / "range").write_text(f"{fixed}\t{fixed + 10}\n")
    doors = listening.doors(asked, NEVER)
    assert may_listen(doors, asked, fixed, 61_000 - 1) == ["open", "open", "shut"]
