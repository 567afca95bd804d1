"""One hub goes back after its database was migrated, while a kernel runs in it; limit: 20 s.

The database is given the schema of JupyterHub 5 by taking away what JupyterHub 6 added; the hub
then migrates it as it does after an upgrade. The kernel must keep its process and its variable.
`python -m benchmarks.rollback`
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import median, report, timed
from hubfleet.planning.steps import StartHub
from hubfleet.platforms.local.control import KeeperClient
from hubfleet.platforms.local.snapshots.database import installed_schemas, schema_of
from hubfleet.platforms.local.stopping import wait_until_down
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import local_place
from tests.unit.local.hub_databases import execute, make_older

HUB = "ant/prod"
PEOPLE = 500


def nothing(*_: str) -> None: ...


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_ones:
        place = open_ones.enter_context(local_place(Path(folder) / "state"))
        fleet = write_fleet(Path(folder) / "fleet", {HUB: {}})
        platform, hub = place.platform(), place.state.hub(HUB)
        step = StartHub(fleet.hubs[HUB], ())
        platform.prepare(list(fleet.hubs.values()), nothing)
        platform.perform(step, nothing)
        for number in range(PEOPLE):
            person = (f"person-{number}", f"cookie-{number}")
            execute(hub.database, "INSERT INTO users (name, cookie_id) VALUES (?, ?)", person)
        bo = open_ones.enter_context(Person(place, HUB, "bo"))
        bo.start_server()
        kernel = bo.run("import os; x = 42; print(os.getpid())")

        KeeperClient(place.state).stop(HUB)
        wait_until_down(place.state, [HUB])
        make_older(hub.database)
        execute(hub.database, "ALTER TABLE oauth_codes DROP COLUMN code_challenge")
        execute(hub.database, "ALTER TABLE oauth_codes DROP COLUMN code_challenge_method")
        taking = timed(lambda: platform.snapshot(HUB))
        (snapshot,) = platform.snapshots(HUB)
        migrating = timed(lambda: platform.perform(step, nothing))
        assert schema_of(hub.database) == installed_schemas()[0] != snapshot.database_schema

        rounds = [timed(lambda: platform.roll_back(HUB, snapshot.id, nothing)) for _ in "123"]
        down = timed(
            lambda: platform.roll_back(HUB, snapshot.id, nothing, other_software="leave-down")
        )
        kept = bo.run("print(os.getpid(), x)") == f"{kernel} 42"
    report(
        benchmark="rollback",
        people=PEOPLE,
        snapshot_bytes=snapshot.size,
        snapshot_seconds=round(taking, 3),
        upgrade_seconds=round(migrating, 2),
        rollback_seconds=[round(seconds, 2) for seconds in rounds],
        rollback_median=median(rounds),
        rollback_for_older_software_seconds=round(down, 2),
        kernel_kept=kept,
    )


if __name__ == "__main__":
    main()
