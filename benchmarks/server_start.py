"""From the request to a person's server that answers (limit: 0.3 s over the bare start).

`python -m benchmarks.server_start`: `bare` is JupyterHub's own spawner for processes with the same
launcher, but no sandbox, limits, profile or quota; `whole` has all of them; `no_link` is `whole`
without nbgitpuller. Numbers are medians of interleaved rounds, but for `fastest`. For cold ones the
pages of Python's packages are dropped from memory first, as far as no running process holds them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import median, report
from hubfleet.platforms.local.hub.setting import INSIDE
from tests.integration.local.standing_hub import Proxy, StandingHub, signed_in

WARM_ROUNDS, COLD_ROUNDS = 9, 3
PROFILES = [
    {"name": "Small", "default": True},
    {
        "name": "Large",
        "limits": {"memory": "2G", "cpu": 2},
        "guarantees": {"memory": "256M"},
        "options": [{"name": "Size", "choices": [{"name": "Usual", "default": True}]}],
    },
]
WHOLE: dict[str, Any] = {
    "profiles": PROFILES,
    "limits": {"memory": "1G", "cpu": 2},
    "storage": {"shared_readwrite": True, "home_quota": "10G"},
}


def bare(homes: Path) -> dict[str, Any]:
    """Pass-through that puts JupyterHub's own spawner in the place of ours."""
    spawner = {"home_dir_template": f"{homes}/{{username}}"}
    command = {"cmd": [sys.executable, "-I", str(INSIDE / "singleuser.py")]}
    arguments = {"args": ["--allow-root"] if os.getuid() == 0 else []}
    hub = {"spawner_class": "jupyterhub.spawner.SimpleLocalProcessSpawner"}
    return {
        "jupyterhub": {
            "config": {
                "JupyterHub": hub,
                "SimpleLocalProcessSpawner": {**spawner, **command, **arguments},
            }
        }
    }


def without_links() -> dict[str, Any]:
    switch = "--ServerApp.jpserver_extensions={'nbgitpuller': False}"
    return {**WHOLE, "jupyterhub": {"config": {"Spawner": {"args": [switch]}}}}


def forget_pages() -> None:
    """Drop what the system remembers of the packages' files."""
    for path in Path(sys.prefix).rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


async def start_once(hub: StandingHub, options: dict[str, str]) -> float:
    async with signed_in(hub, "ada") as ada:
        began = time.perf_counter()
        await ada.start_server(options)
        seconds = time.perf_counter() - began
        await ada.stop_server()
    return seconds


async def measure(state: Path) -> dict[str, dict[str, list[float]]]:
    proxy = Proxy()
    proxy.start()
    variants = {"bare": bare(state / "homes"), "whole": WHOLE, "no_link": without_links()}
    with contextlib.ExitStack() as stack:
        stack.callback(proxy.stop)
        hubs = {}
        for name, values in variants.items():
            hubs[name] = StandingHub(state, proxy, f"{name.replace('_', '-')}/prod", **values)
            stack.callback(hubs[name].stop)
            hubs[name].start()
            await hubs[name].ready()
        found: dict[str, dict[str, list[float]]] = {n: {"warm": [], "cold": []} for n in hubs}
        for number in range(1 + WARM_ROUNDS + COLD_ROUNDS):
            for name, hub in hubs.items():
                kind = "warm" if number <= WARM_ROUNDS else "cold"
                if kind == "cold":
                    forget_pages()
                options = {} if name == "bare" else {"profile": "large", "size": "usual"}
                seconds = await start_once(hub, options)
                if number:
                    # The first round fills caches and makes homes.
                    found[name][kind].append(seconds)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder)))
    numbers: dict[str, Any] = {}
    for kind in ("warm", "cold"):
        seconds = {name: median(times[kind]) for name, times in found.items()}
        numbers[kind] = {
            **{f"{name}_seconds": value for name, value in seconds.items()},
            "over_bare_seconds": round(seconds["whole"] - seconds["bare"], 3),
            "over_bare_ratio": round(seconds["whole"] / seconds["bare"], 2),
            "nbgitpuller_seconds": round(seconds["whole"] - seconds["no_link"], 3),
            # On a busy machine only the fastest starts were disturbed by nobody.
            "over_bare_fastest_seconds": round(
                min(found["whole"][kind]) - min(found["bare"][kind]), 3
            ),
        }
    report(benchmark="server_start", rounds=[WARM_ROUNDS, COLD_ROUNDS], **numbers)


if __name__ == "__main__":
    main()
