"""How quick the console is: `python -m benchmarks.console` prints JSON.

Server time of the fleet page for fleets of two sizes: when nothing is kept from an earlier answer
(`cold`: each time the fleet was looked at anew), and as readers meet it (`warm`). The number of
queries must not depend on the number of hubs. Then fifty signed-in readers at once, who ask for
the next page as soon as they have the last one, over a real socket.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks.fleets import write_fleet
from benchmarks.measure import median, report

SIZES = ((171, 30), (1000, 60))
READERS = 50
PAGES = 12

_PAGE = """
import json, sys, time
from pathlib import Path
from django.db import connection
from tests.scripted import open_scripted, person, remember
desk = open_scripted(Path(sys.argv[1]), Path(sys.argv[2]), "http://localhost:8010")
from django.core.signals import request_started
from django.db import reset_queries
from django.test import Client
from hubfleet.office.site import static_files
from hubfleet.office.watching import latest, observing
static_files.gather()
remember(desk)
observing.look()
client = Client()
client.force_login(person("eve", "engineer"))
request_started.disconnect(reset_queries)
connection.force_debug_cursor = False
def ask():
    began, cpu = time.perf_counter(), time.process_time()
    assert client.get("/fleet/").status_code == 200
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu)
def queries():
    connection.force_debug_cursor = True
    before = len(connection.queries_log)
    ask()
    connection.force_debug_cursor = False
    return len(connection.queries_log) - before
ask()
warm = [ask() for _ in range(40)]
cold = []
for _ in range(20):
    observing.look()
    cold.append(ask())
asked = queries()
observing.look()
asked_cold = queries()
began = time.perf_counter()
observing.look()
look = 1000 * (time.perf_counter() - began)
size = len(client.get("/fleet/").content)
print(json.dumps([warm, cold, asked, asked_cold, look, size]))
"""


def pages(hubs: int, clusters: int) -> dict[str, Any]:
    """Server times of the fleet page, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = write_fleet(Path(folder) / "fleet", hubs=hubs, clusters=clusters)
        command = [sys.executable, "-c", _PAGE, str(fleet), str(Path(folder) / "state")]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    warm, cold, queries, queries_cold, look, size = json.loads(said)
    return {
        "hubs": hubs,
        "clusters": clusters,
        "cold_median_ms": median(clock for clock, _ in cold),
        "cold_cpu_ms": median(cpu for _, cpu in cold),
        "warm_median_ms": median(clock for clock, _ in warm),
        "warm_cpu_ms": median(cpu for _, cpu in warm),
        "queries": queries,
        "queries_cold": queries_cold,
        "look_ms": round(look, 1),
        "page_kb": size // 1024,
    }


_MANY = """
import sys
from pathlib import Path
from hubfleet.office.site import serving
from tests.scripted import open_scripted, person, remember
listener = serving.listen("127.0.0.1", 0)
address = f"http://localhost:{listener.getsockname()[1]}"
desk = open_scripted(Path(sys.argv[1]), Path(sys.argv[2]), address)
remember(desk)
from django.test import Client
sessions = []
for number in range(int(sys.argv[3])):
    client = Client()
    client.force_login(person(f"reader-{number}", "engineer"))
    sessions.append(client.cookies["hubfleet-session"].value)
print(address, *sessions, flush=True)
serving.serve(listener, lambda: print("ready", flush=True))
"""


def readers(hubs: int, clusters: int) -> dict[str, Any]:
    """Fifty at once: milliseconds until the whole page was there."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = write_fleet(Path(folder) / "fleet", hubs=hubs, clusters=clusters)
        command = [sys.executable, "-c", _MANY, str(fleet), str(Path(folder) / "state")]
        with subprocess.Popen(
            [*command, str(READERS)], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            address, *sessions = server.stdout.readline().split()
            server.stdout.readline()
            try:
                before = sum(psutil.Process(server.pid).cpu_times()[:2])
                took, failed, seconds = asyncio.run(_read(address, sessions))
                cpu = sum(psutil.Process(server.pid).cpu_times()[:2]) - before
            finally:
                server.terminate()
    took.sort()
    return {
        "readers": len(sessions),
        "pages": len(took),
        "failed": failed,
        "server_cpu_ms_a_page": round(1000 * cpu / (len(took) + len(sessions)), 1),
        "pages_per_s": round(len(took) / seconds),
        "median_ms": median(took),
        "p95_ms": round(took[int(len(took) * 0.95)], 1),
        "p99_ms": round(took[int(len(took) * 0.99)], 1),
    }


async def _read(address: str, sessions: list[str]) -> tuple[list[float], int, float]:
    failures = 0
    took: list[float] = []

    async def one(cookie: str) -> None:
        nonlocal failures
        headers = {"Cookie": f"hubfleet-session={cookie}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for number in range(PAGES + 1):
                began = time.perf_counter()
                async with session.get(f"{address}/fleet/") as answer:
                    await answer.read()
                    failures += answer.status != 200
                if number:  # the first one warms up
                    took.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    await asyncio.gather(*(one(cookie) for cookie in sessions))
    return took, failures, time.perf_counter() - began


def main() -> None:
    report(fleet_page=[pages(*size) for size in SIZES], at_once=readers(*SIZES[0]))


if __name__ == "__main__":
    main()
