"""Reading, following and rotating logs, and the line that shows why something failed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hubfleet.platforms.local.children import Pace
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.logfiles import (
    KEPT,
    LARGEST,
    explain_failure,
    follow,
    rotate_by_copy,
    rotate_by_rename,
    tail,
)
from hubfleet.platforms.local.ports import (
    allocate_port,
    handed_out,
    is_free,
    listens,
    release_port,
    server_port,
)
from hubfleet.platforms.local.unit import systemd_unit

CHAINED = """\
[I 2026-03-01 09:30:00 JupyterHub app:1] starting
[E 2026-03-01 09:30:01 JupyterHub app:2] something odd
    Traceback (most recent call last):
      File "a.py", line 1, in <module>
    KeyError: 'a'

    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "b.py", line 2, in <module>
        raise ValueError
    ValueError: port 8000 is in use
[I 2026-03-01 09:30:02 JupyterHub app:3] ending
"""


def test_a_failure_is_explained_by_the_last_line_of_the_last_traceback(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    log.write_text(CHAINED)
    assert explain_failure(log) == (12, "ValueError: port 8000 is in use")


def test_without_a_traceback_it_is_the_first_error(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    log.write_text("[I now] fine\n[C now JupyterHub] Bad config\n[E now] then this\n")
    assert explain_failure(log) == (2, "[C now JupyterHub] Bad config")


def test_what_happened_before_the_offset_explains_nothing(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    log.write_text(CHAINED)
    assert explain_failure(log, len(CHAINED)) is None
    with log.open("a") as file:
        file.write("ERROR: new\n")
    assert explain_failure(log, len(CHAINED)) == (14, "ERROR: new")
    assert explain_failure(tmp_path / "none.log") is None


def test_a_log_smaller_than_the_offset_is_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    log.write_text("ERROR: after rotation\n")
    assert explain_failure(log, 5000) == (1, "ERROR: after rotation")


@pytest.mark.parametrize("rotate", [rotate_by_rename, rotate_by_copy])
def test_a_log_is_rotated_by_size_and_five_are_kept(tmp_path: Path, rotate) -> None:
    log = tmp_path / "a.log"
    log.write_text("small\n")
    assert not rotate(log, 100)
    for number in range(8):
        log.write_text(f"{number}\n" * 100)
        assert rotate(log, 100)
    kept = {path.name: path.read_text()[0] for path in tmp_path.glob("a.log.*")}
    assert kept == {f"a.log.{number}": str(8 - number) for number in range(1, KEPT + 1)}


def test_one_who_appends_goes_on_after_its_log_was_emptied(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("a") as file:
        file.write("before\n")
        file.flush()
        assert rotate_by_copy(log, 1)
        file.write("after\n")
    assert log.read_text() == "after\n"
    assert (tmp_path / "a.log.1").read_text() == "before\n"


def test_the_tail_reaches_into_the_logs_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    (tmp_path / "a.log.2").write_text("1\n2\n")
    (tmp_path / "a.log.1").write_text("3\n4\n")
    log.write_text("5\n6\n")
    assert tail(log, 3) == ["4", "5", "6"]
    assert tail(log, 100) == ["1", "2", "3", "4", "5", "6"]
    assert tail(log, 0) == []
    assert tail(tmp_path / "none.log", 5) == []


def test_the_tail_of_a_large_log_is_exact(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {number} {'x' * 50}\n" for number in range(20_000)))
    assert [line.split()[1] for line in tail(log, 3)] == ["19997", "19998", "19999"]


@pytest.mark.parametrize("rotate", [rotate_by_rename, rotate_by_copy])
def test_following_survives_rotation(tmp_path: Path, rotate) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\nlast\n")
    steps = iter(
        [
            lambda: append(log, "one\n"),
            lambda: append(log, "tw"),
            lambda: append(log, "o\n"),
            lambda: rotate(log, 1),
            lambda: append(log, "three\n"),
        ]
    )

    def until() -> bool:
        step = next(steps, None)
        if step is None:
            return True
        step()
        return False

    assert list(follow(log, 1, until=until, pause=0.0)) == ["last", "one", "two", "three"]


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


VAST = 1 << 40


def test_a_log_made_vast_with_nothing_in_it_is_neither_copied_nor_read_whole(
    tmp_path: Path,
) -> None:
    log = tmp_path / "1.log"
    log.write_text("before\n")
    os.truncate(log, VAST)
    append(log, "\nERROR: said after\n")
    assert tail(log, 1) == ["ERROR: said after"]
    found = explain_failure(log)
    assert found is not None
    assert found[1] == "ERROR: said after"
    assert rotate_by_copy(log)
    assert log.read_text() == ""
    aside = tmp_path / "1.log.1"
    assert aside.stat().st_size == 2 * LARGEST
    assert aside.read_bytes().endswith(b"\nERROR: said after\n")


def test_following_a_log_that_becomes_vast_goes_on_at_its_end(tmp_path: Path) -> None:
    log = tmp_path / "1.log"
    log.write_text("last\n")
    steps = iter([lambda: os.truncate(log, VAST), lambda: append(log, "\nafter\n")])

    def until() -> bool:
        step = next(steps, None)
        if step is not None:
            step()
        return step is None

    lines = list(follow(log, 1, until=until, pause=0.0))
    assert lines[0] == "last"
    assert lines[-1] == "after"
    assert sum(map(len, lines)) < 5 * LARGEST


def test_the_wait_doubles_up_to_a_minute() -> None:
    assert [Pace().wait(failures) for failures in (1, 2, 3, 6, 7, 8, 5000)] == [
        *(1, 2, 4, 32),
        *(60, 60, 60),
    ]


def test_a_port_is_the_same_for_life_and_nobody_elses(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    one, two = allocate_port(state, "coast/prod"), allocate_port(state, "coast/staging")
    assert one != two
    assert is_free(one)
    assert allocate_port(state, "coast/prod") == one
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(one, two) < lowest
    release_port(state, "coast/prod")
    assert "coast/prod" not in (state.proxy / "ports.json").read_text()


def test_the_unit_leaves_hubs_alone_and_quotes_what_systemd_would_read(tmp_path: Path) -> None:
    unit = systemd_unit(StateFolder(tmp_path / 'a "b" %h $HOME'), 8000)
    assert "KillMode=process" in unit
    assert "Restart=always" in unit
    assert r'/a \"b\" %%h $$HOME" "--port" "8000"' in unit
    assert "systemctl --user enable --now hubfleet.service" in unit
    assert os.sys.executable in unit  # type: ignore[attr-defined]


def test_a_listener_is_known_by_its_process(tmp_path: Path) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", server_port(StateFolder(tmp_path))))
        port = door.getsockname()[1]
        assert not listens(os.getpid(), port), "bound is not listening"
        door.listen()
        assert listens(os.getpid(), port)
        assert not listens(os.getppid(), port)
        assert not listens(os.getpid(), port + 1)


def test_a_servers_port_is_no_hubs_and_none_that_anybody_can_get(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    hub = allocate_port(state, "coast/prod")
    ports = {server_port(state) for _ in range(20)}
    assert hub not in ports
    assert not ports & set(handed_out())
    assert len(ports) > 10, "each start gets another one"
