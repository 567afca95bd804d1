"""Kernels run in the hub's environment, even where it lies in the hidden state folder."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.integration.local.standing_hub import signed_in, standing_hub

pytestmark = pytest.mark.integration


def _environment(folder: Path) -> Path:
    """A Python of its own that finds ipykernel in ours, and its kernel."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    kernel = folder / "share" / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [str(folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    text = json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
    (kernel / "kernel.json").write_text(text)
    return folder


async def test_the_default_kernel_and_the_path_are_the_environments(tmp_path: Path) -> None:
    environment = _environment(tmp_path / "environments" / "abc")
    async with standing_hub(tmp_path) as hub:
        hub.end()
        hub.environment = str(environment)
        hub.declare()
        hub.start()
        await hub.ready()
        async with signed_in(hub, "ada") as ada:
            await ada.start_server()
            kernel = await ada.start_kernel()
            code = "import sys, shutil; print(sys.prefix, shutil.which('python'))"
            found = await ada.run(kernel, code)
            assert found == f"{environment} {environment}/bin/python\n"
            code = f"import os; print(os.listdir({str(tmp_path)!r}))"
            assert await ada.run(kernel, code) == "['environments']\n"
