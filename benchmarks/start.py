"""43 hubs from nothing running to every page of health answering, beside plain JupyterHub.

`python -m benchmarks.start [--without-plain]`; limits: 10 s and 2.2 GB for hubs, keeper and proxy.
The same hubs are then started the ordinary way, one `jupyterhub` process each, four at a time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import (
    SERVICE_43,
    processes_of,
    proportional_memory,
    report,
    running_fleet,
    timed,
    with_children,
)
from hubfleet.fleet.load import load_fleet
from hubfleet.platforms.local.answers import status_of
from hubfleet.platforms.local.proxy import ensure_proxy_program
from tests.places import free_port

HUBS = len(load_fleet(SERVICE_43).hubs)

PLAIN = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.command = {command!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
"""


def ours() -> dict[str, float]:
    """Environments are built before the clock starts; nothing else is."""
    with running_fleet() as place:
        place.run("down", "--yes")
        seconds = timed(lambda: place.run("apply", "--yes", "--quiet", fleet=SERVICE_43))
        pids = processes_of(place)
        assert len(pids) == HUBS + 2, f"{len(pids)} processes instead of {HUBS} hubs and two more"
        return {"seconds": round(seconds, 2), "pss_mb": proportional_memory(pids) // 1_000_000}


def plain() -> dict[str, float]:
    """The same number of hubs, each with its own process; one proxy for each, as is usual."""
    command = ensure_proxy_program(lambda phase: None)
    with tempfile.TemporaryDirectory() as folder:
        running: list[tuple[subprocess.Popen[bytes], int]] = []
        try:
            began = time.perf_counter()
            for number in range(HUBS):
                running.append(_start_plain(Path(folder) / str(number), command))
                _wait_for(running[-4:-3])
            _wait_for(running[-4:])
            seconds = time.perf_counter() - began
            trees = [with_children(process.pid) for process, _ in running]
            pss = proportional_memory(pid for tree in trees for pid in tree)
            return {"seconds": round(seconds, 2), "pss_mb": pss // 1_000_000}
        finally:
            for process, _ in running:
                process.terminate()
            for process, _ in running:
                process.wait(30)


def _start_plain(folder: Path, command: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    folder.mkdir()
    port = free_port()
    text = PLAIN.format(port=port, hub_port=free_port(), api_port=free_port(), command=command)
    (folder / "jupyterhub_config.py").write_text(text)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"], cwd=folder, stdout=log, stderr=log, env=os.environ
        )
    return process, port


def _wait_for(started: list[tuple[subprocess.Popen[bytes], int]]) -> None:
    for process, port in started:
        while status_of(port, "/hub/health") != 200:
            if process.poll() is not None:
                raise SystemExit("a plain hub ended by itself")
            time.sleep(0.05)


def main() -> None:
    mine = ours()
    if "--without-plain" in sys.argv:
        report(benchmark="start", hubs=HUBS, hubfleet=mine)
        return
    other = plain()
    ratios = {key: round(other[key] / mine[key], 2) for key in mine}
    report(benchmark="start", hubs=HUBS, hubfleet=mine, plain_jupyterhub=other, ratios=ratios)


if __name__ == "__main__":
    main()
