from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hubfleet.platforms.local.limits import (
    Limiter,
    empty_group,
    find_limiter,
    group_name,
    make_group,
    memory_events,
    memory_kills,
)

CONTROLLERS = ("memory", "cpu", "pids")


def _version_1(root: Path) -> str:
    lines = []
    for controller in CONTROLLERS:
        (root / controller / "user").mkdir(parents=True)
        lines.append(f"30 25 0:26 / {root}/{controller} rw - cgroup cgroup rw,{controller}")
    return "\n".join(lines)


def _version_2(root: Path, enabled: str = "") -> str:
    folder = root / "service"
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text("cpu memory pids io\n")
    (folder / "cgroup.subtree_control").write_text(enabled)
    (folder / "cgroup.procs").write_text("")
    return f"30 25 0:26 / {root} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"


def test_version_1_groups_are_made_below_our_own(tmp_path: Path) -> None:
    mounts = _version_1(tmp_path)
    own = "3:memory:/user\n2:cpu:/user\n1:pids:/elsewhere\n"
    limiter = find_limiter(mounts=mounts, own=own)
    assert limiter.version == 1
    assert limiter.parents["memory"] == tmp_path / "memory/user"
    assert limiter.parents["pids"] == tmp_path / "pids", "a path of another view of the tree"
    assert limiter.remark is None


def test_version_1_limits_are_written_in_the_kernels_units(tmp_path: Path) -> None:
    limiter = find_limiter(mounts=_version_1(tmp_path), own="3:memory:/\n2:cpu:/\n1:pids:/\n")
    group = make_group(limiter, "ada", memory=2**30, cpu=0.5)
    assert len(group.paths) == 3
    assert (tmp_path / "memory/ada/memory.limit_in_bytes").read_text() == str(2**30)
    assert (tmp_path / "cpu/ada/cpu.cfs_quota_us").read_text() == "50000"
    make_group(limiter, "ada", memory=None, cpu=None)
    assert (tmp_path / "memory/ada/memory.limit_in_bytes").read_text() == "-1"
    assert (tmp_path / "cpu/ada/cpu.cfs_quota_us").read_text() == "-1"


def test_a_version_2_tree_that_was_handed_over_is_made_ready(tmp_path: Path) -> None:
    mounts = _version_2(tmp_path)
    limiter = find_limiter(mounts=mounts, own="0::/service\n", handed=lambda _: True)
    assert limiter == Limiter(2, dict.fromkeys(CONTROLLERS, tmp_path / "service"))
    control = tmp_path / "service/cgroup.subtree_control"
    assert control.read_text() == "+memory +cpu +pids"
    own = "0::/service/hubfleet-own\n"
    assert find_limiter(mounts=mounts, own=own, handed=lambda _: True) == limiter


def test_a_version_2_tree_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    mounts = _version_2(tmp_path)
    limiter = find_limiter(mounts=mounts, own="0::/service\n", handed=lambda _: False)
    assert limiter.version == 0
    assert (tmp_path / "service/cgroup.subtree_control").read_text() == ""
    assert not (tmp_path / "service/hubfleet-own").exists()


def test_version_2_limits_are_written_in_the_kernels_units(tmp_path: Path) -> None:
    mounts = _version_2(tmp_path, "cpu memory pids")
    limiter = find_limiter(mounts=mounts, own="0::/service\n", handed=lambda _: False)
    make_group(limiter, "ada", memory=2**30, cpu=1.5)
    group = tmp_path / "service/ada"
    assert (group / "memory.max").read_text() == str(2**30)
    assert (group / "memory.swap.max").read_text() == "0"
    assert (group / "cpu.max").read_text() == "150000 100000"
    assert int((group / "pids.max").read_text()) > 1000


def test_a_machine_without_control_groups_says_so() -> None:
    limiter = find_limiter(mounts="", own="")
    assert limiter.version == 0
    assert limiter.remark is not None
    assert make_group(limiter, "ada", memory=1, cpu=1).paths == ()
    assert empty_group(())


def test_without_control_groups_a_single_process_cannot_take_more() -> None:
    group = make_group(Limiter(0), "ada", memory=200 * 2**20, cpu=1)
    for amount, ended in ((20, 0), (400, 1)):
        code = f"bytearray({amount} * 2**20)"
        done = subprocess.run(
            [sys.executable, "-c", code], preexec_fn=group.join, capture_output=True, check=False
        )
        assert done.returncode == ended
        assert (b"MemoryError" in done.stderr) is bool(ended)


def test_missing_controllers_are_named(tmp_path: Path) -> None:
    remark = Limiter(1, {"memory": tmp_path}).remark
    assert remark == "This machine has no control groups for cpu, pids: no such limit holds."


def test_two_state_folders_never_share_a_group(tmp_path: Path) -> None:
    names = {group_name(tmp_path / state, "earth/prod", "1") for state in ("a", "b")}
    assert len(names) == 2
    assert all("/" not in name for name in names)


def test_guarantees_are_written_where_the_kernel_takes_them(tmp_path: Path) -> None:
    one = find_limiter(mounts=_version_1(tmp_path / "1"), own="3:memory:/\n2:cpu:/\n1:pids:/\n")
    make_group(one, "ada", memory=2**30, cpu=2, memory_guarantee=2**28, cpu_guarantee=0.5)
    assert (tmp_path / "1/memory/ada/memory.soft_limit_in_bytes").read_text() == str(2**28)
    assert (tmp_path / "1/cpu/ada/cpu.shares").read_text() == "512"
    mounts = _version_2(tmp_path / "2")
    two = find_limiter(mounts=mounts, own="0::/service\n", handed=lambda _: True)
    make_group(two, "ada", memory=2**30, cpu=2, memory_guarantee=2**28, cpu_guarantee=0.5)
    assert (tmp_path / "2/service/ada/memory.low").read_text() == str(2**28)
    assert (tmp_path / "2/service/ada/cpu.weight").read_text() == "50"
    make_group(two, "ada", memory=2**30, cpu=2)
    assert (tmp_path / "2/service/ada/memory.low").read_text() == "0"
    assert (tmp_path / "2/service/ada/cpu.weight").read_text() == "100"


def test_those_killed_for_memory_are_counted_in_both_versions(tmp_path: Path) -> None:
    one, two, none = tmp_path / "1", tmp_path / "2", tmp_path / "0"
    for folder in (one, two, none):
        folder.mkdir()
    (one / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    (two / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\n")
    assert memory_kills((none, one)) == 3
    assert memory_kills((two,)) == 1
    assert memory_events((two,)) == two / "memory.events"
    assert (memory_kills((none,)), memory_events((none,))) == (0, None)
