"""Use over a year: `python -m benchmarks.usage` prints JSON.

A year of days, people and sessions of 500 hubs is written in bulk, as long as each is kept. Then:
the server time of the pages of use (the hub's ought to take 200 ms at most), the size of the
database, and how long a round takes that reads 500 hubs with five servers each and stores what is
new; the hubs' own answers are made up and cost nothing here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.fleets import write_fleet
from benchmarks.measure import median, report

HUBS = 500
COMMUNITIES = 170
ALLOWED = 200.0
"""Milliseconds of the hub's page."""

_YEAR = """
import json, random, sys, time
from datetime import timedelta
from pathlib import Path
from tests.scripted import open_scripted, person, remember_use
desk = open_scripted(Path(sys.argv[1]), Path(sys.argv[2]), "http://localhost:8010")
from django.db import connection
from django.test import Client
from hubfleet.kit.clock import now
from hubfleet.meters.samples import HubSample, ServerSample
from hubfleet.office.site import static_files
from hubfleet.office.usage import sampling
from hubfleet.office.usage.models import People, Presence, Session, UseDay
from hubfleet.office.watching import observing
static_files.gather()
began = time.perf_counter()
remember_use(desk, days=365)
chance = random.Random(5)
def hashed():
    return f"{chance.getrandbits(128):032x}"
def sessions():
    for name in desk.fleet().hubs:
        for back in range(90):
            for _ in range(8):
                ended = now() - timedelta(days=back, seconds=chance.random() * 80000)
                started = ended - timedelta(hours=chance.random() * 6)
                yield Session(
                    hub=name, key=hashed(), person=hashed(), place=hashed(), started=started,
                    counted_to=ended, ended=ended, requested=2**31,
                )
def present():
    kept = {"month": 13, "billed": 13, "year": 1, "week": 2, "day": 9}
    for row in People.objects.filter(scope__contains="/").order_by("-start").iterator():
        age = (now().date() - row.start).days
        if age < {"month": 430, "billed": 430, "year": 366, "week": 14, "day": 9}[row.kind]:
            for _ in range(row.count):
                yield Presence(
                    community=row.community, hub=row.scope, kind=row.kind, start=row.start,
                    person=hashed(), since=now(),
                )
def store(model, rows):
    some = []
    for row in rows:
        some.append(row)
        if len(some) == 5000:
            model.objects.bulk_create(some, batch_size=1000)
            some = []
    model.objects.bulk_create(some, batch_size=1000)
store(Session, sessions())
store(Presence, list(present()))
written = time.perf_counter() - began
with connection.cursor() as cursor:
    cursor.execute("ANALYZE")
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
size = (Path(sys.argv[2]) / "office.sqlite").stat().st_size
rows = {model.__name__: model.objects.count() for model in (UseDay, People, Session, Presence)}
observing.look()
client = Client()
client.force_login(person("eve", "engineer"))
hub = max(desk.fleet().hubs, key=lambda name: UseDay.objects.filter(scope=name).count())
community = hub.partition("/")[0]
def ask(path):
    began, cpu = time.perf_counter(), time.process_time()
    assert client.get(path).status_code == 200
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu)
pages = {
    "hub": f"/hubs/{hub}/use/", "overview": f"/hubs/{hub}/",
    "community": f"/communities/{community}/use/", "fleet": "/fleet/use/",
}
times = {}
for name, path in pages.items():
    ask(path)
    times[name] = [ask(path) for _ in range(15)]
rounds = []
for number in range(4):
    at = now()
    desk.samples = {
        name: HubSample(name, at, tuple(
            ServerSample(f"person-{one}", "", at - timedelta(minutes=60 + one), 2**31, 2**29, 9.0)
            for one in range(5)
        ))
        for name in desk.fleet().hubs
    }
    sampling.TOO_SOON = timedelta(0)
    began, cpu = time.perf_counter(), time.process_time()
    sampling.work()
    rounds.append((time.perf_counter() - began, time.process_time() - cpu))
print(json.dumps([times, size, rows, rounds, written]))
"""


def year() -> dict[str, Any]:
    """One process that writes a year, then asks for pages and walks rounds."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = write_fleet(Path(folder) / "fleet", hubs=HUBS, clusters=30, communities=COMMUNITIES)
        command = [sys.executable, "-c", _YEAR, str(fleet), str(Path(folder) / "state")]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        times, size, rows, rounds, written = json.loads(said)
    return {
        "hubs": HUBS,
        **{
            f"{name}_page_{word}": median(pair[number] for pair in found)
            for name, found in times.items()
            for number, word in enumerate(("ms", "cpu_ms"))
        },
        "allowed_ms": ALLOWED,
        "database_mb": round(size / 1e6, 1),
        "rows": rows,
        "first_round_s": round(rounds[0][0], 2),
        "round_s": median(clock for clock, _ in rounds[1:]),
        "round_cpu_s": median(cpu for _, cpu in rounds[1:]),
        "written_in_s": round(written, 1),
    }


if __name__ == "__main__":
    report(**year())
