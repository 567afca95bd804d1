"""Kill -9 of `apply` on the real local platform, resumed until it ends: is the end as it must be?

`python -m tests.local_crashes --kills 60` is a program of its own, because it forks: each run is a
child with everything imported. Real keeper, hubs, snapshots and ledger; only verdicts are scripted,
so that some hubs must go back. A child is killed at its n-th act (before or after what it writes
and asks of the keeper) or by a timer; now and then the keeper is killed, too. `--forgetful` breaks
the journal on purpose: that must be found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubfleet import wiring
from hubfleet.office.site.opening import start_django
from hubfleet.platforms.local import placing
from hubfleet.platforms.local.control import KeeperClient, NoKeeperError
from hubfleet.platforms.local.processes import start_time
from hubfleet.platforms.local.snapshots import journal, restoring, shelf, taking
from hubfleet.platforms.local.spec import HubSpec
from hubfleet.probes.simulated import SimulatedProber
from hubfleet.rollout.events import nobody
from hubfleet.rollout.ports import ActIntended, HubSettled
from tests.crashes import Bomb
from tests.fleets import write_fleet
from tests.places import LocalPlace, local_place, until

HUBS = ("ant/prod", "ant/stage", "bee/prod", "bee/stage")
COMES_AND_GOES = "cat/more"
POLICY = {"stop_after_failures": 99, "attempts": 1, "drain": "0s", "waves": ["100%"]}
MOST_RESUMES = 25


@dataclass
class Case:
    """One change: what is declared, which hubs fail their gate."""

    memory: str
    hubs: tuple[str, ...]
    sick: frozenset[str]

    def expected(self, before: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """Memory and revision of every hub in the end."""
        after = {}
        for name in self.hubs:
            old = before.get(name)
            gate = f"{name.partition('/')[0]}/stage"
            if old is None:
                after[name] = (self.memory, 1)
            elif name.endswith("/prod") and gate in self.sick:
                after[name] = old
            elif name in self.sick:
                after[name] = (old[0], old[1] + 2)
            else:
                after[name] = (self.memory, old[1] + 1)
        return after


@dataclass
class Tally:
    """What was seen; `faults` are broken promises."""

    kills: int = 0
    keeper_kills: int = 0
    cases: int = 0
    resumes: int = 0
    faults: list[str] = field(default_factory=list)


def declare(root: Path, case: Case) -> None:
    extra = root / "communities/cat/hubs/more.yaml"
    extra.unlink(missing_ok=True)
    values: dict[str, dict[str, Any]] = {}
    for name in case.hubs:
        staging = name.endswith("/stage")
        values[name] = {
            "stage": "staging" if staging else "production",
            "gate": "stage" if name.endswith("/prod") else None if staging else "none",
            "limits": {"memory": case.memory},
        }
    write_fleet(root, values, rollout=POLICY)


def world(place: LocalPlace) -> dict[str, tuple[str, int]]:
    hubs = place.platform().observe("reef").hubs
    return {name: (hub.values["limits.memory"], hub.revision) for name, hub in hubs.items()}


def armed(bomb: Bomb) -> None:
    """Have the process die before or after one of its acts on files, keeper or ledger."""
    from hubfleet.office.ledger.ledger import Ledger

    for owner, name in (
        (KeeperClient, "start"),
        (KeeperClient, "stop"),
        (KeeperClient, "forget"),
        (HubSpec, "write"),
        (Ledger, "write_all"),
        (journal.Intention, "write"),
        (journal, "finish"),
        (taking, "_build"),
        (shelf, "discard"),
        (placing, "wait_until_up"),
        (restoring, "wait_until_up"),
        (restoring, "_restore_configuration"),
    ):
        setattr(owner, name, _deadly(getattr(owner, name), bomb))


def _deadly(real: Callable[..., Any], bomb: Bomb) -> Callable[..., Any]:
    def act(*arguments: Any, **named: Any) -> Any:
        bomb.tick()
        done = real(*arguments, **named)
        bomb.tick()
        return done

    return act


def watched(log: Path, *, forgetful: bool) -> None:
    """Keep the order of intentions and fates, so that what runs again is seen."""
    from hubfleet.office.ledger.ledger import Ledger

    real = Ledger.write_all

    def write_all(self: Ledger, together: list[Any]) -> None:
        with log.open("a") as file:
            for entry in together:
                if isinstance(entry, ActIntended):
                    file.write(json.dumps(["intended", entry.rollout, entry.hub]) + "\n")
        real(self, together)
        with log.open("a") as file:
            for entry in together:
                if isinstance(entry, HubSettled) and entry.fate != "held":
                    file.write(json.dumps(["settled", entry.rollout, entry.hub]) + "\n")

    Ledger.write_all = write_all  # type: ignore[method-assign]
    if forgetful:
        setattr(Ledger, "cut_off", lambda _: None)  # noqa: B010, on purpose not what it was


def run_once(place: LocalPlace, root: Path, case: Case, kill_at: int, *, forgetful: bool) -> None:
    """One `apply`, in this process."""

    def verdict(hub: str) -> Any:
        return ("failed" if hub in case.sick else "healthy", 0.0)

    def prober(*_: Any) -> SimulatedProber:
        return SimulatedProber(verdict, time.sleep)

    setattr(wiring, "PersonProber", prober)  # noqa: B010, the name is wiring's own
    watched(place.state.path / "order.jsonl", forgetful=forgetful)
    armed(Bomb(kill_at))
    installation = wiring.open_installation(root, place.state.path, port=place.port)
    with installation.lease("hubfleet apply"):
        made = installation.plan()
        installation.prepare(made, lambda *_: None)
        installation.roll_out(made, wiring.Asked("hubfleet apply"), nobody)


def in_a_child(
    act: Callable[[], None],
    log: Path,
    kill_after: float = 0.0,
    instead: Callable[[], object] | None = None,
) -> bool:
    """Whether the run was killed; `instead` is done where its timer would have killed it."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            with log.open("ab") as file:
                os.dup2(file.fileno(), 2)
            act()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    if kill_after:
        time.sleep(kill_after)
        if instead is None:
            os.kill(pid, signal.SIGKILL)
        else:
            instead()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status) and instead is not None:
        # A keeper that is killed while it starts is a known failure: the next run goes on.
        return True
    if os.WEXITSTATUS(status):
        raise SystemExit(f"a run ended with {os.WEXITSTATUS(status)}: {log.read_text()[-3000:]}")
    return False


def kill_keeper(place: LocalPlace) -> bool:
    with suppress(NoKeeperError):
        pid = KeeperClient(place.state).facts().pid
        born = start_time(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: start_time(pid) != born, "the end of the keeper")
        return True
    return False


def one_case(
    place: LocalPlace, root: Path, case: Case, tally: Tally, choose: random.Random, forgetful: bool
) -> None:
    before = world(place)
    log = place.state.path / "children.log"
    starts, first, rollout = started(place), last_revision(place), last_rollout(place)
    keeper_killed, deaths = 0, list[bool]()
    declare(root, case)
    for _ in range(MOST_RESUMES):
        at = choose.randint(1, 70) if choose.random() < 0.6 else 0
        after = 0.0 if at else choose.uniform(0.02, 2.5)
        act = lambda at=at: run_once(place, root, case, at, forgetful=forgetful)  # noqa: E731
        if after and choose.random() < 0.3:
            # The keeper dies under a run that lives: it is replaced, and the run goes on.
            gave_up = in_a_child(act, log, after, lambda: deaths.append(kill_keeper(place)))
            tally.resumes += 1
            if gave_up:
                continue
            break
        was_killed = in_a_child(act, log, after)
        tally.kills += was_killed
        tally.resumes += 1
        if was_killed and choose.random() < 0.15:
            keeper_killed += kill_keeper(place)
        now = last_rollout(place)
        if not was_killed or (now[0] != rollout[0] and now[1] != "running"):
            # Killed after the last word: another run would be another rollout.
            break
    else:
        in_a_child(lambda: run_once(place, root, case, 0, forgetful=forgetful), log)
    tally.cases += 1
    keeper_killed += sum(deaths)
    tally.keeper_kills += keeper_killed
    compare(place, case, before, tally)
    compare_records(place, case, before, first, tally)
    if not keeper_killed:
        compare_starts(place, before, starts, tally)


def last_rollout(place: LocalPlace) -> tuple[str, str]:
    """The newest one and its state."""
    with closing(sqlite3.connect(place.state.ledger)) as file:
        name, state = file.execute(
            "SELECT r.id, r.state FROM ledger_beginning b JOIN ledger_rollout r "
            "ON r.id = b.rollout_id ORDER BY b.id DESC LIMIT 1"
        ).fetchone()
    return name, state


def compare(place: LocalPlace, case: Case, before: dict[str, Any], tally: Tally) -> None:
    wanted, found = case.expected(before), world(place)
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            tally.faults.append(
                f"case {tally.cases}: {name} is {found.get(name)}, not {wanted.get(name)}"
            )

    def states() -> set[str]:
        return {hub.state for hub in place.platform().observe("reef").hubs.values()}

    # A hub that is slow to answer on a busy machine counts as starting.
    deadline = time.monotonic() + 30
    while states() == {"running", "starting"} and time.monotonic() < deadline:
        time.sleep(0.2)
    if states() != {"running"}:
        tally.faults.append(f"case {tally.cases}: hubs are {states()}")


def last_revision(place: LocalPlace) -> int:
    with closing(sqlite3.connect(place.state.ledger)) as file:
        return int(file.execute("SELECT max(id) FROM ledger_revision").fetchone()[0] or 0)


def compare_records(
    place: LocalPlace, case: Case, before: dict[str, Any], first: int, tally: Tally
) -> None:
    """Every revision is in the ledger once, and what was settled never began again."""
    with closing(sqlite3.connect(place.state.ledger)) as file:
        rows = file.execute(
            "SELECT hub, number FROM ledger_revision WHERE id > ?", [first]
        ).fetchall()
    wanted: Counter[tuple[str, int]] = Counter()
    after = case.expected(before)
    for name in {*before, *after}:
        old = before[name][1] if name in before else 0
        new = after[name][1] if name in after else old + 1
        wanted.update((name, number) for number in range(old + 1, new + 1))
    for row in {*wanted, *rows}:
        if wanted[row] != Counter(rows)[row]:
            tally.faults.append(f"case {tally.cases}: {row} is in the ledger {rows.count(row)}x")
    settled = set()
    for line in (place.state.path / "order.jsonl").read_text().splitlines():
        what, rollout, hub = json.loads(line)
        if what == "settled":
            settled.add((rollout, hub))
        elif (rollout, hub) in settled:
            tally.faults.append(f"case {tally.cases}: {hub} ran again though it was settled")
    (place.state.path / "order.jsonl").unlink()


def started(place: LocalPlace) -> Counter[str]:
    """How often the keeper has started each hub."""
    lines = place.state.keeper_log.read_text().splitlines()
    return Counter(found[1] for line in lines if (found := re.search(r"(\S+/\S+): started,", line)))


def compare_starts(
    place: LocalPlace, before: dict[str, Any], starts: Counter[str], tally: Tally
) -> None:
    """A hub's process is started once for each of its revisions, and never for nothing."""
    now, after = started(place), world(place)
    for name, (_, revision) in after.items():
        made = revision - (before[name][1] if name in before else 0)
        if now[name] - starts[name] != made:
            times = now[name] - starts[name]
            tally.faults.append(f"case {tally.cases}: {name} was started {times}x for {made}")


def cases(choose: random.Random, number: int) -> Case:
    hubs = (*HUBS, COMES_AND_GOES) if number % 2 else HUBS
    sick = frozenset(name for name in HUBS if choose.random() < 0.3)
    return Case(f"{512 + number}M", hubs, sick)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forgetful", action="store_true")
    asked = parser.parse_args()
    start_django()
    tally, choose, began = Tally(), random.Random(asked.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, local_place(Path(folder) / "state") as place:
        root, log = Path(folder) / "fleet", Path(folder) / "first.log"
        first = Case("512M", HUBS, frozenset())
        declare(root, first)
        in_a_child(lambda: run_once(place, root, first, 0, forgetful=False), log)
        (place.state.path / "order.jsonl").unlink()
        while tally.kills < asked.kills and not (asked.forgetful and tally.faults):
            case = cases(choose, tally.cases + 1)
            one_case(place, root, case, tally, choose, asked.forgetful)
    told = {**vars(tally), "seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
