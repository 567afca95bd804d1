"""What a server takes: by both versions of control groups, and by `/proc` without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.server_use import group_cpu, group_memory, use_of
from hubfleet.platforms.local.servers import ServerRecord

MIB = 1024**2
BUSY = """
import sys
held = bytearray(40 * 2**20)
while __import__("time").process_time() < 0.2:
    pass
print("ready", flush=True)
sys.stdin.read()
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {BUSY!r}])
child.wait()
"""


def written(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_version_2_counts_without_files_that_can_go(tmp_path: Path) -> None:
    group = written(
        tmp_path / "g",
        memory__current="300000000\n",
        memory__stat="anon 1\ninactive_file 100000000\n",
        cpu__stat="usage_usec 2500000\nuser_usec 1\n",
    )
    assert group_memory([group]) == 200_000_000
    assert group_cpu([group]) == 2.5


def test_version_1_has_a_group_for_each_controller(tmp_path: Path) -> None:
    cpu = written(tmp_path / "cpu", cpuacct__usage="1500000000\n")
    memory = written(
        tmp_path / "memory",
        memory__usage_in_bytes="300000000\n",
        memory__stat="cache 7\ntotal_inactive_file 400000000\n",
    )
    assert group_memory([cpu, memory]) == 0, "never less than nothing"
    assert group_cpu([cpu, memory]) == 1.5


def test_groups_that_count_nothing_say_nothing(tmp_path: Path) -> None:
    odd = written(tmp_path / "g", memory__current="max\n", cpu__stat="nr_periods 3\n")
    assert group_memory([odd, tmp_path / "gone"]) is None
    assert group_cpu([odd, tmp_path / "gone"]) is None


def test_without_groups_all_processes_of_the_server_count(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        began = start_time(parent.pid)
        assert began is not None
        (tmp_path / "servers").mkdir()
        ServerRecord("ada", 3, parent.pid, began, boot_id(), "now", server="gpu").write(tmp_path)
        (found,) = use_of(tmp_path)
        assert parent.stdin is not None
        parent.stdin.close()
    assert (found.user, found.server) == ("ada", "gpu")
    assert found.memory is not None
    assert 40 * MIB < found.memory < 200 * MIB
    assert found.cpu_seconds is not None
    assert found.cpu_seconds >= 0.2, "the child's"
    assert "ada" not in repr(found)
    assert use_of(tmp_path) == (), "a server that has ended takes nothing"
