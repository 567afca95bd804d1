"""One light round of 500 hubs against stand-ins on loopback (limit: 60 s, 300 MB).

`python -m benchmarks.light_checks [HUBS]`

Everything is real but the hubs: the declaration, the tables, the connections. Measured are a round
in which all answer, and one in which a tenth of the hubs takes connections and never answers.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks.measure import report
from hubfleet import wiring
from hubfleet.probes.light import Address, LightResult, check_hubs
from tests.fleets import write_fleet

HUBS = 500
CLUSTERS = 10
ANSWER = b"HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Length: 0\r\n\r\n"


def serve(told: Connection) -> None:
    """Answers on one port, and on another takes connections and says nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def run() -> None:
        servers = [
            await asyncio.start_server(act, "127.0.0.1", 0, backlog=1024)
            for act in (answer, keep_silent)
        ]
        told.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def stand_ins() -> Iterator[tuple[int, int]]:
    """The ports of the one that answers and of the one that does not."""
    heard, told = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(told,))
    process.start()
    try:
        yield tuple(heard.recv())
    finally:
        process.terminate()
        process.join()


def fleet_of(root: Path, hubs: int) -> None:
    names = [f"c{number % 50}/h{number}" for number in range(hubs)]
    write_fleet(root, {name: {"cluster": f"reef{n % CLUSTERS}"} for n, name in enumerate(names)})


def main(hubs: int) -> None:
    from tests.offices import office_of
    from tests.scripted import ScriptedDesk

    with stand_ins() as (port, silent), tempfile.TemporaryDirectory() as folder:
        root, state = Path(folder) / "fleet", Path(folder) / "state"
        fleet_of(root, hubs)

        class StandInDesk(ScriptedDesk):
            """A running fleet whose hubs answer on one port, but for `hanging` ones."""

            hanging: frozenset[str] = frozenset()

            def check(self, urls: Mapping[str, str], certificate_days: int) -> list[LightResult]:
                ports = {hub: silent if hub in self.hanging else port for hub in urls}
                return asyncio.run(
                    check_hubs(
                        [
                            Address(hub, f"http://h.localhost:{at}/", ("127.0.0.1", at))
                            for hub, at in ports.items()
                        ],
                        certificate_days=certificate_days,
                    )
                )

        with office_of(root, state):
            from hubfleet.office import ports

            desk = StandInDesk(wiring.open_installation(root, state))
            ports.install(desk)
            measure(desk, hubs)


def measure(desk: object, hubs: int) -> None:
    from hubfleet.office.watching import checking, observing
    from hubfleet.office.watching.models import Check

    observing.look()
    checking.light()
    process = psutil.Process()

    def round_of_all() -> tuple[float, float]:
        from hubfleet.kit.clock import now

        Check.objects.filter(kind="light").update(due_at=now())
        began, used = time.perf_counter(), sum(process.cpu_times()[:2])
        checking.light()
        return time.perf_counter() - began, sum(process.cpu_times()[:2]) - used

    well = [round_of_all() for _ in range(3)]
    names = list(desk.fleet().hubs)  # type: ignore[attr-defined]
    desk.hanging = frozenset(names[::10])  # type: ignore[attr-defined]
    bad, used = round_of_all()
    report(
        benchmark="light_checks",
        hubs=hubs,
        round_seconds=round(max(seconds for seconds, _ in well), 2),
        round_cpu_seconds=round(max(cpu for _, cpu in well), 2),
        a_tenth_hangs_seconds=round(bad, 2),
        a_tenth_hangs_cpu_seconds=round(used, 2),
        failed=Check.objects.filter(kind="light", verdict="failed").count(),
        memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else HUBS)
