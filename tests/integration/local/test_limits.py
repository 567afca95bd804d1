"""Limits bite where they should, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.platforms.local.limits import find_limiter
from hubfleet.platforms.local.servers import running_servers
from tests.integration.local.standing_hub import signed_in, standing_hub, until

LIMITER = find_limiter()

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(LIMITER.version == 0, reason=f"{LIMITER.remark}"),
]

FILL = """
import subprocess, sys
code = "held = []\\nwhile True: held.append(bytearray(16 * 1024**2))"
print(subprocess.run([sys.executable, "-c", code]).returncode)
"""
SPIN = """
import time
cpu, began = time.process_time(), time.monotonic()
while time.monotonic() - began < 2: pass
print(time.process_time() - cpu)
"""


@pytest.mark.skipif("memory" not in LIMITER.parents, reason="no control group for memory")
async def test_too_much_memory_ends_the_eater_and_not_the_neighbour(tmp_path: Path) -> None:
    async with (
        standing_hub(tmp_path, limits={"memory": "400M", "cpu": 2}) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
    ):
        await ada.start_server()
        await bob.start_server()
        kernels = await ada.start_kernel(), await bob.start_kernel()
        assert await bob.run(kernels[1], "y = 1; print(y)") == "1\n"
        assert await ada.run(kernels[0], FILL) == "-9\n"
        assert await bob.run(kernels[1], "print(y)") == "1\n"


@pytest.mark.skipif("cpu" not in LIMITER.parents, reason="no control group for CPU")
async def test_a_server_gets_its_share_of_cpu_and_no_more(tmp_path: Path) -> None:
    async with (
        standing_hub(tmp_path, limits={"memory": "1G", "cpu": 0.25}) as hub,
        signed_in(hub, "ada") as ada,
    ):
        await ada.start_server()
        kernel = await ada.start_kernel()
        used = float(await ada.run(kernel, SPIN))
        assert used < 0.8, "a quarter of two seconds is half a second"


async def test_no_empty_group_is_left_behind(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        (record,) = running_servers(hub.folder.path)
        assert record.groups
        assert all(Path(group).is_dir() for group in record.groups)
        await ada.stop_server()
        await until(lambda: not any(Path(g).exists() for g in record.groups), 5, "the groups")
