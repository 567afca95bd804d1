"""Bad days of the ledger: locked, damaged, no room, no rights, no server."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.site.opening import open_ledger
from tests.integration.office.ledgers import begun, intended
from tests.integration.office.postgresql import running_server

pytestmark = pytest.mark.integration

_SQUATTER = """
import sqlite3
own = sqlite3.connect(Path(sys.argv[1]) / "office.sqlite", isolation_level=None)
own.execute("BEGIN IMMEDIATE")
say("locked")
sys.stdin.readline()
own.execute("COMMIT")
"""


def told(act) -> str:
    with pytest.raises(HubfleetError) as caught:
        act()
    return str(caught.value)


def test_a_second_writer_is_waited_for(file_home):
    with file_home.open() as ledger, file_home.start(_SQUATTER) as squatter:
        assert squatter.stdout is not None
        assert squatter.stdin is not None
        assert squatter.stdout.readline() == "locked\n"
        squatter.stdin.write("go on\n")
        squatter.stdin.flush()
        ledger.write(begun())
        assert ledger.cut_off() is not None


def test_a_second_writer_that_does_not_end_is_named(file_home):
    file = file_home.state / "office.sqlite"
    with file_home.open() as ledger, file_home.start(_SQUATTER) as squatter:
        assert squatter.stdout is not None
        assert squatter.stdout.readline() == "locked\n"
        program = Path(f"/proc/{squatter.pid}/comm").read_text().strip()
        assert told(lambda: ledger.write(begun())) == (
            f"error[journal-locked]: the ledger is locked by process {squatter.pid} ({program})\n"
            f"  --> {file}\n"
            "  why: it was not free again within 5 seconds; nothing was written\n"
            "  hint: wait until that program has ended (a backup, a database browser), "
            "then try again"
        )
        assert ledger.cut_off() is None, "who only reads is not kept waiting"
        squatter.send_signal(signal.SIGKILL)
        squatter.wait()
        ledger.write(begun())


@pytest.mark.parametrize("damage", ["no database at all", "pages"])
def test_a_damaged_file_is_named_and_can_be_put_aside(file_home, damage):
    file = file_home.state / "office.sqlite"
    with file_home.open() as ledger:
        ledger.write(begun())
        for number in range(200):
            ledger.write(intended(f"ant/h{number}"))
    whole = file.read_bytes()
    if damage == "pages":
        file.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
        why = "database disk image is malformed"
    else:
        file.write_bytes(b"something else entirely" * 500)
        why = "file is not a database"

    assert told(file_home.open) == (
        "error[journal-damaged]: the ledger is damaged\n"
        f"  --> {file}\n"
        f"  why: {why}\n"
        "  hint: `hubfleet history repair` keeps the damaged file aside and begins a new one: "
        "hubs are observed anew, only their history is lost; or put back a backup"
    )
    repaired = file_home.run("history", "repair")
    assert repaired.returncode == 0, repaired.stderr
    found = file_home.state.glob("office.sqlite.damaged-*")
    (aside,) = [path for path in found if not path.name.endswith(("-wal", "-shm"))]
    first, second = repaired.stdout.splitlines()
    assert first.startswith("The ledger was damaged (")
    assert first.endswith(f"); it is now {aside.name}.")
    assert second == "Hubs are untouched; the next `hubfleet apply` begins a new history."
    assert b"something else" in aside.read_bytes() or b"\xa5\xa5" in aside.read_bytes()
    with file_home.open() as ledger:
        assert ledger.cut_off() is None
        ledger.write(begun())


def test_a_sound_ledger_is_not_put_aside(file_home):
    with file_home.open() as ledger:
        ledger.write(begun())
    done = file_home.run("history", "repair")
    assert (done.returncode, done.stdout) == (0, "The ledger is sound; nothing was changed.\n")
    assert {path.name for path in file_home.state.iterdir()} == {"apply.lock", "office.sqlite"}


def test_a_full_disk_stops_the_entry_and_nothing_else(file_home):
    with file_home.open() as ledger:
        ledger.write(begun())

        def pages(most: int) -> None:
            with ledger._desk.connection.cursor() as cursor:
                cursor.execute(f"PRAGMA max_page_count={most}")

        ledger._desk.do("read", lambda: pages(1))
        rest = replace(begun("r2"), why="x" * 100_000)
        assert told(lambda: ledger.write(rest)) == (
            "error[journal-not-written]: the ledger cannot be opened or written\n"
            f"  --> {file_home.state / 'office.sqlite'}\n"
            "  why: database or disk is full\n"
            "  hint: see that the disk has room, that this account may write there, and, for a "
            "database server, that it runs; without the ledger nothing is changed"
        )
        assert ledger.cut_off().begun.rollout == "r1"
        ledger._desk.do("read", lambda: pages(100_000))
        ledger.write(rest)


_NOBODY = """
import os, sys
from pathlib import Path
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.site.opening import open_ledger, start_django
start_django()
import hubfleet.office.ledger.ledger, django.db.backends.sqlite3.base, django.core.management
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
try:
    open_ledger(Path(sys.argv[1]), version="0.1.0")
except HubfleetError as error:
    print(error.problems[0].code, error.problems[0].why)
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_cannot_be_written_is_told(there):
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.mkdir()
        if there:
            with open_ledger(state, version="0.1.0") as ledger:
                ledger.write(begun())
            (state / "office.sqlite").chmod(0o444)
        state.chmod(0o555)
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", _NOBODY, str(state)], capture_output=True, text=True, check=False
        )
        state.chmod(0o755)
        why = "attempt to write a readonly database" if there else "Permission denied"
        assert done.stdout == f"journal-not-written {why}\n", done.stderr


_END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'ledger%'
"""


def test_a_server_that_goes_away_and_comes_back(tmp_path):
    with running_server() as server:
        url = server.new_database()
        with open_ledger(tmp_path, url, version="0.1.0") as ledger:
            ledger.write(begun())
            for act in (lambda: ledger.write(intended()), ledger.cut_off):
                server.execute("postgres", _END_ALL)
                with pytest.raises(HubfleetError) as caught:
                    act()
                assert caught.value.problems[0].code == "journal-not-written"
                act()
            cut = ledger.cut_off()
            assert cut is not None
            assert set(cut.intended) == {"ant/prod"}
    shown = told(lambda: open_ledger(tmp_path, url.replace("@", ":canary-4711@"), version="0.1.0"))
    assert shown.startswith("error[journal-not-written]: the ledger cannot be opened or written\n")
    assert "canary-4711" not in shown
