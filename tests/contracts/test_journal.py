"""What every journal and every lease must keep, wherever it is kept.

An implementation is added to `JOURNALS` or `LEASES` with a function that opens it in a folder.
Opening twice gives two views of the same one, except for what lives in memory.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ledger.owner import Owner
from hubfleet.rollout.journal import FileJournal, MemoryJournal
from hubfleet.rollout.lease import RecordedLease
from hubfleet.rollout.ports import (
    ActIntended,
    GateJudged,
    HubSettled,
    Journal,
    Lease,
    LeaseLostError,
    RolloutEnded,
)
from tests.integration.office.ledgers import AT, LedgerHome, begun, ended, intended, revision
from tests.integration.office.postgresql import Server, running_server

if TYPE_CHECKING:
    from hubfleet.office.ledger.ledger import Ledger

pytestmark = pytest.mark.integration

Open = Callable[[], Journal]


class Held(Lease, Protocol):
    def let_go(self) -> None: ...


@dataclass
class Wall:
    """A clock on the wall that can be put forward and back."""

    seconds: float = 1_000_000.0

    def tell(self) -> float:
        return self.seconds

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


Take = Callable[[str, Wall], Held]
SECONDS = 30.0


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ledger_opener(home: LedgerHome, closing: ExitStack) -> Open:
    return lambda: closing.enter_context(home.open())


@pytest.fixture(params=["memory", "file", "sqlite", "postgresql"])
def open_journal(request, tmp_path, closing) -> Open:
    """Opens the journal of this test, as often as it is called."""
    match request.param:
        case "memory":
            journal = MemoryJournal()
            return lambda: journal
        case "file":
            return lambda: FileJournal(tmp_path / "journal.jsonl")
        case "sqlite":
            return ledger_opener(LedgerHome(tmp_path), closing)
    server = request.getfixturevalue("postgresql")
    return ledger_opener(LedgerHome(tmp_path, server.new_database()), closing)


@pytest.fixture(params=["file", "sqlite", "postgresql"])
def take(request, tmp_path, closing) -> Take:
    """Takes the lease of this test for somebody, by a clock of the test's own."""
    if request.param == "file":
        return lambda owner, wall: RecordedLease(
            tmp_path / "lease.json", owner, seconds=SECONDS, wall=wall.tell
        )
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    home = LedgerHome(tmp_path, url)

    def acquire(owner: str, wall: Wall) -> Held:
        ledger: Ledger = closing.enter_context(home.open())
        elsewhere = Owner(owner, "another-machine 1 2 3")
        valid = timedelta(seconds=SECONDS)
        return ledger.acquire("apply", owner=elsewhere, clock=wall.moment, valid=valid)

    return acquire


def judged(hub: str = "ant/prod") -> GateJudged:
    probe = {"hub": hub, "verdict": "healthy", "seconds": 1.25, "stages": []}
    return GateJudged("r1", AT, hub, "healthy", True, 2, probe)


# ---- journals ------------------------------------------------------------------------------------


def test_at_first_there_is_nothing_to_go_on_with(open_journal):
    assert open_journal().cut_off() is None


def test_what_was_begun_and_not_ended_comes_back_as_it_was_written(open_journal):
    open_journal().write(begun(epoch=7, despite_freeze="a hole"))
    cut = open_journal().cut_off()
    assert cut.begun == begun(epoch=7, despite_freeze="a hole")
    assert (cut.settled, cut.intended, cut.judged) == ({}, {}, {})


@pytest.mark.parametrize(
    "how", [{"ok": True}, {"ok": False}, {"ok": False, "interrupted": True, "abandoned": True}]
)
def test_a_rollout_that_has_ended_is_not_gone_on_with(open_journal, how):
    journal = open_journal()
    journal.write(begun())
    journal.write(RolloutEnded("r1", AT, **how))
    assert open_journal().cut_off() is None


def test_the_last_word_about_each_hub_counts_also_when_its_act_has_ended(open_journal):
    journal = open_journal()
    journal.write(begun())
    journal.write(intended())
    journal.write(ended())
    back = ActIntended("r1", AT, "ant/prod", "roll-back", 3, "snap-2")
    journal.write(back)
    journal.write(intended("bee/prod"))
    journal.write(judged())
    journal.write(revision())
    journal.write(HubSettled("r1", AT, "ant/prod", "failed", "at first"))
    journal.write(HubSettled("r1", AT, "ant/prod", "rolled-back", "then"))
    cut = open_journal().cut_off()
    assert cut.intended == {"ant/prod": back, "bee/prod": intended("bee/prod")}
    assert cut.judged == {"ant/prod": judged()}
    assert cut.settled == {"ant/prod": HubSettled("r1", AT, "ant/prod", "rolled-back", "then")}


def test_a_resumed_rollout_keeps_what_it_knew_and_who_resumed_it(open_journal):
    journal = open_journal()
    journal.write(begun(epoch=1))
    journal.write(HubSettled("r1", AT, "ant/prod", "done"))
    resumed = replace(begun(epoch=2), who="bo", resumed=True, at="2026-03-01T10:00:00Z")
    journal.write(resumed)
    cut = open_journal().cut_off()
    assert cut.begun == resumed
    assert set(cut.settled) == {"ant/prod"}


def test_the_last_rollout_without_an_end_counts_whatever_came_after_it(open_journal):
    journal = open_journal()
    journal.write(begun("r1"))
    journal.write(intended())
    journal.write(begun("r2"))
    assert journal.cut_off().begun.rollout == "r2"
    assert journal.cut_off().intended == {}
    journal.write(RolloutEnded("r2", AT, ok=True))
    assert journal.cut_off().begun.rollout == "r1", "a rollback by hand does not make it forgotten"
    journal.write(RolloutEnded("r1", AT, ok=True))
    assert journal.cut_off() is None


def test_anybodys_words_come_back(open_journal):
    words = "it's \"quoted\"\n\ttabs, ünïcode 🪸, <b>, '; DROP TABLE ledger_act; --"
    journal = open_journal()
    journal.write(replace(begun(), why=words))
    journal.write(HubSettled("r1", AT, "ant/prod", "failed", words))
    cut = open_journal().cut_off()
    assert (cut.begun.why, cut.settled["ant/prod"].why) == (words, words)


def test_words_that_no_database_takes_do_not_stop_a_rollout(open_journal):
    journal = open_journal()
    journal.write(replace(begun(), why="a NUL \0 and half a character \ud83d"))
    problem = {"code": "x", "why": "\0"}
    journal.write(intended())
    journal.write(replace(ended(), note="\0\udcff", problems=(problem,)))
    assert journal.cut_off().begun.why.startswith("a NUL ")


def test_threads_write_at_once_and_nothing_is_lost(open_journal):
    journal = open_journal()
    journal.write(begun())
    hubs = [f"ant/h{number}" for number in range(120)]

    def walk(hub: str) -> None:
        journal.write(intended(hub))
        journal.write(ended(hub))
        journal.write(HubSettled("r1", AT, hub, "done"))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(walk, hubs))
    cut = open_journal().cut_off()
    assert set(cut.intended) == set(cut.settled) == set(hubs)


_WRITER = """
import sys
from pathlib import Path
from hubfleet.rollout.journal import FileJournal
from tests.integration.office.ledgers import *
kind, state, url = sys.argv[1:]
if kind == "file":
    journal = FileJournal(Path(state) / "journal.jsonl")
else:
    journal = LedgerHome(Path(state), url or None).open()
journal.write(begun())
for number in range(10_000):
    journal.write(intended(f"ant/h{number}"))
    print(number, flush=True)
"""


@pytest.mark.parametrize("kind", ["file", "sqlite", "postgresql"])
def test_what_was_written_survives_a_kill(kind, request, tmp_path):
    url = request.getfixturevalue("postgresql").new_database() if kind == "postgresql" else ""
    command = [sys.executable, "-c", _WRITER, kind, str(tmp_path), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(25):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        written = 25 + len(writer.stdout.read().splitlines())
    if kind == "file":
        cut = FileJournal(tmp_path / "journal.jsonl").cut_off()
    else:
        with LedgerHome(tmp_path, url or None).open() as ledger:
            cut = ledger.cut_off()
    assert cut is not None
    # The last one may have been written without having been told.
    assert written <= len(cut.intended) <= written + 1


# ---- leases --------------------------------------------------------------------------------------


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(HubfleetError) as caught:
        act()
    return caught.value.problems[0].code


def test_the_second_is_refused_and_told_who_holds_it(take):
    wall = Wall()
    take("ada@reef", wall).check()
    with pytest.raises(HubfleetError) as caught:
        take("bo@shore", wall)
    (problem,) = caught.value.problems
    assert problem.code == "fleet-held"
    assert "ada@reef" in problem.what
    assert problem.hint


def test_whoever_takes_it_has_a_higher_epoch(take):
    wall = Wall()
    epochs = []
    for owner in ("ada@reef", "bo@shore", "ada@reef"):
        lease = take(owner, wall)
        assert (lease.owner, lease.renew_every) == (owner, 10.0)
        lease.check()
        lease.let_go()
        epochs.append(lease.epoch)
    assert epochs == [1, 2, 3]


def test_when_it_has_run_out_another_takes_it_and_the_first_is_refused(take):
    wall = Wall()
    first = take("ada@reef", wall)
    wall.seconds += SECONDS + 1
    second = take("bo@shore", wall)
    for act in (first.check, first.renew):
        with pytest.raises(LeaseLostError) as caught:
            act()
        assert caught.value.problems[0].code == "lease-lost"
    first.let_go()
    second.check()
    assert refused(lambda: take("cy@dune", wall)) == "fleet-held", "nobody gives another's away"


def test_renewing_puts_the_end_off(take):
    wall = Wall()
    first = take("ada@reef", wall)
    for _ in range(5):
        wall.seconds += SECONDS * 0.8
        first.renew()
    assert refused(lambda: take("bo@shore", wall)) == "fleet-held"
    first.check()


def test_a_clock_that_jumps_back_does_not_make_two_owners(take):
    wall = Wall()
    first = take("ada@reef", wall)
    wall.seconds += SECONDS + 1
    second = take("bo@shore", wall)
    wall.seconds -= SECONDS * 10
    second.check()
    assert refused(first.check) == "lease-lost"
    assert refused(first.renew) == "lease-lost"
    assert refused(lambda: take("cy@dune", wall)) == "fleet-held"
    second.renew()
    second.check()
