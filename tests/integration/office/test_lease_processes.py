"""The lease among processes that fight for it, are killed, and leave it behind."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ledger.owner import Owner, is_gone, this_process
from tests.places import until

pytestmark = pytest.mark.integration

_FIGHTER = """
import os
inside = Path(sys.argv[3])
wins = refused = 0
say("ready")
sys.stdin.readline()
while wins < 15:
    try:
        with ledger.lease("hubfleet apply") as lease:
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            for _ in range(100):  # long enough for the others to come to the door
                lease.check()
            inside.unlink()
            wins += 1
            say(lease.epoch)
    except HubfleetError as error:
        assert error.problems[0].code == "fleet-held", error
        refused += 1
ledger.close()
"""

_HOLDER = """
lease = ledger.acquire("hubfleet apply")
say(lease.epoch)
sys.stdin.read()
"""


def test_processes_that_fight_for_it_never_have_it_together(home, tmp_path):
    fighters = [home.start(_FIGHTER, str(tmp_path / "inside")) for _ in range(3)]
    for fighter in fighters:
        assert fighter.stdout is not None
        assert fighter.stdout.readline() == "ready\n"
    for fighter in fighters:
        assert fighter.stdin is not None
        fighter.stdin.write("go\n")
        fighter.stdin.flush()
    epochs = []
    for fighter in fighters:
        said, _ = fighter.communicate(timeout=120)
        assert fighter.returncode == 0
        epochs += [int(line) for line in said.split()]
    assert sorted(epochs) == list(range(1, 46))


def test_when_its_owner_was_killed_somebody_on_the_same_machine_takes_it_at_once(home):
    with home.start(_HOLDER) as holder, home.open() as ledger:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "1\n"
        with pytest.raises(HubfleetError) as caught:
            ledger.acquire("hubfleet apply")
        (problem,) = caught.value.problems
        assert problem.code == "fleet-held"
        assert f"(`hubfleet apply`, process {holder.pid})" in problem.what
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert ledger.acquire("hubfleet apply").epoch == 2


def test_when_its_owner_was_killed_another_machine_takes_it_after_it_has_run_out(home):
    valid = timedelta(seconds=2)
    with home.open() as ledger:
        gone = Owner("ada@reef", "another-machine 1 2 3")
        killed = ledger.acquire("hubfleet apply", owner=gone, valid=valid)
        with pytest.raises(HubfleetError, match="its right ends at"):
            ledger.acquire("hubfleet apply")

        def taken() -> object:
            try:
                return ledger.acquire("hubfleet apply")
            except HubfleetError:
                return None

        began = now()
        assert until(taken, "the lease to run out").epoch == killed.epoch + 1
        assert now() - began > timedelta(seconds=0.5)


def test_the_text_says_who_holds_it_and_until_when_it_may_be(file_home):
    moment = now().replace(year=2030, month=1, day=2, hour=3, minute=4, second=5, microsecond=0)
    with file_home.open() as ledger:
        owner = Owner("ada@reef (`hubfleet apply`, process 12)", "")
        ledger.acquire("", owner=owner, clock=lambda: moment)
        with pytest.raises(HubfleetError) as caught:
            ledger.acquire("", owner=owner, clock=lambda: moment)
    assert str(caught.value) == (
        "error[fleet-held]: the fleet is being changed by ada@reef (`hubfleet apply`, process 12) "
        "since 2030-01-02T03:04:05Z\n"
        "  why: two rollouts at once could undo each other's work\n"
        "  hint: wait until it has ended, then run the command again; if it was cut off, its right "
        "ends at 2030-01-02T03:05:05Z"
    )


def test_a_lease_that_was_lost_says_who_has_it(file_home):
    moment = now().replace(year=2030, month=1, day=2, hour=3, minute=4, second=5, microsecond=0)
    with file_home.open() as ledger:
        first = ledger.acquire("", owner=Owner("ada@reef", ""), clock=lambda: moment)
        later = moment + timedelta(minutes=2)
        ledger.acquire("", owner=Owner("bo@shore", ""), clock=lambda: later)
        with pytest.raises(HubfleetError) as caught:
            first.check()
    assert str(caught.value) == (
        "error[lease-lost]: this rollout lost the right to change the fleet\n"
        "  why: bo@shore took it over at 2030-01-02T03:06:05Z, because it had run out\n"
        "  hint: when that rollout has ended, `hubfleet apply` goes on from there"
    )


def test_only_a_process_that_certainly_ended_counts_as_gone():
    me = this_process("hubfleet apply")
    assert f"(`hubfleet apply`, process {os.getpid()})" in me.shown
    assert not is_gone(me.process)
    machine = me.process.rsplit(" ", 2)[0]
    assert is_gone(f"{machine} {os.getpid()} 1"), "a pid that was used again is another process"
    assert not is_gone(f"elsewhere 1 {os.getpid()} 1")
    assert not is_gone("")
