"""Snapshots of homes: what is in them, what they cost, and what they leave out."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.homes import copying
from hubfleet.platforms.local.homes.copying import can_clone
from hubfleet.platforms.local.homes.retention import Keep
from hubfleet.platforms.local.homes.snapshots import only_one, reading, snapshots
from hubfleet.platforms.local.homes.taking import Taken, refuse_when_full, take_snapshot
from tests.unit.local.homes import make_homes, settled, write
from tests.unit.local.nobody import reachable_folder, run_as_owner

NIGHT = datetime(2026, 3, 1, 1, tzinfo=UTC)


def take(folder: Path, at: datetime | None = None) -> Taken:
    """One snapshot a night, so that none replaces another."""
    settled(folder / "homes")
    return take_snapshot(folder, at=at or NIGHT + timedelta(days=len(snapshots(folder))))


def copy_of(taken: Taken, number: int = 1) -> Path:
    return taken.snapshot.path / str(number)


def test_everything_of_every_home_is_there(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "1", "deep/er/b": "2"}, "bo": {"c": "3"}})
    (folder / "homes/1/empty").mkdir()
    taken = take(folder, at=NIGHT)
    assert taken.snapshot.stamp == "20260301T010000Z"
    assert (copy_of(taken) / "deep/er/b").read_text() == "2"
    assert (copy_of(taken) / "empty").is_dir()
    assert (copy_of(taken, 2) / "c").read_text() == "3"
    assert [(home.user, home.files) for home in taken.snapshot.homes.values()] == [
        ("ada", 2),
        ("bo", 1),
    ]


def test_a_home_that_the_map_does_not_know_is_kept_too(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}})
    write(folder / "homes/7/x", "x")
    taken = take(folder)
    assert (copy_of(taken, 7) / "x").read_text() == "x"
    assert taken.snapshot.homes[7].user is None


def test_what_did_not_change_is_linked_to_the_snapshot_before_and_never_to_the_live_file(
    tmp_path: Path,
) -> None:
    folder = make_homes(tmp_path, {"ada": {"same": "1", "in/place": "old"}})
    first = take(folder)
    with open(folder / "homes/1/in/place", "r+") as file:
        file.write("new")
    second = take(folder)
    assert (copy_of(first) / "in/place").read_text() == "old"
    assert (copy_of(second) / "in/place").read_text() == "new"
    live, one, two = (
        path.stat()
        for path in (folder / "homes/1/same", copy_of(first) / "same", copy_of(second) / "same")
    )
    assert one.st_ino == two.st_ino != live.st_ino
    assert second.snapshot.homes[1].copied == 1


def test_a_change_that_keeps_size_and_time_is_noticed(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "old"}})
    file = folder / "homes/1/a"
    before = file.stat()
    take(folder)
    file.write_text("new")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (copy_of(take(folder)) / "a").read_text() == "new"


def test_a_change_in_the_same_tick_of_the_clock_is_noticed(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "0"}})
    for text in "123456":
        (folder / "homes/1/a").write_text(text)
        assert (copy_of(take_snapshot(folder)) / "a").read_text() == text


def test_rights_times_links_and_hard_links_are_kept(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"run.sh": "x", "closed/a": "y"}})
    home = folder / "homes/1"
    (home / "run.sh").chmod(0o750)
    (home / "twin").hardlink_to(home / "run.sh")
    (home / "away").symlink_to("/etc/passwd")
    (home / "broken").symlink_to("\udcff nowhere")
    os.utime(home / "closed/a", ns=(1, 1_500_000_000_123_456_789))
    os.utime(home / "closed", ns=(1, 1_400_000_000_000_000_000))
    for copy in (copy_of(take(folder)), copy_of(take(folder))):
        assert stat.S_IMODE((copy / "run.sh").stat().st_mode) == 0o750
        assert (copy / "run.sh").stat().st_ino == (copy / "twin").stat().st_ino
        assert (copy / "away").readlink() == Path("/etc/passwd")
        assert os.fspath((copy / "broken").readlink()) == "\udcff nowhere"
        assert (copy / "closed/a").stat().st_mtime_ns == 1_500_000_000_123_456_789
        assert (copy / "closed").stat().st_mtime_ns == 1_400_000_000_000_000_000
        assert stat.S_IMODE(copy.stat().st_mode) == 0o700


def test_holes_stay_holes(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}})
    with open(folder / "homes/1/sparse", "wb") as file:
        file.truncate(200_000_000)
        file.seek(100_000_000)
        file.write(b"middle")
    copy = copy_of(take(folder)) / "sparse"
    assert copy.stat().st_size == 200_000_000
    assert copy.stat().st_blocks < 1000
    with open(copy, "rb") as file:
        file.seek(100_000_000)
        assert file.read(7) == b"middle\0"


def test_names_of_any_letters_and_length_are_kept(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}})
    names = [b"line\nbreak", b'tab\tand "quote"', b"\xff\xfe", b"n" * 255, "ä".encode(), b"-rf"]
    for name in names:
        write(folder / "homes/1" / os.fsdecode(name) / os.fsdecode(name), name)
    take(folder)
    second = take(folder)
    for name in names:
        assert (copy_of(second) / os.fsdecode(name) / os.fsdecode(name)).read_bytes() == name
    assert second.snapshot.homes[1].copied == 0


def test_sockets_and_pipes_are_left_out_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    monkeypatch.chdir(folder / "homes/1")
    os.mkfifo("pipe\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        taken = take(folder)
    assert sorted(path.name for path in copy_of(taken).iterdir()) == ["a"]
    assert taken.snapshot.notes == (
        "home 1: pipe\\n is a pipe, which is not kept",
        "home 1: socket is a socket, which is not kept",
    )


def test_a_home_that_is_a_link_is_noted_and_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/secret", "canary")
    folder = make_homes(tmp_path / "hub", {"ada": {}, "bo": {"b": "x"}})
    (folder / "homes/1").rmdir()
    (folder / "homes/1").symlink_to(tmp_path / "elsewhere")
    taken = take(folder)
    assert taken.snapshot.notes == ("home 1 is a link, which is not followed",)
    assert list(taken.snapshot.homes) == [2]
    assert not copy_of(taken).exists()


def test_what_its_owner_made_unreadable_is_noted_kept_apart_and_deleted_in_time() -> None:
    with reachable_folder() as place:
        folder = make_homes(
            place, {"ada": {"closed/x": "x", "fixed/y": "y", "z": "z", "secret": "s"}}
        )
        (folder / "homes/1/closed").chmod(0)
        (folder / "homes/1/fixed").chmod(0o500)
        (folder / "homes/1/secret").chmod(0)
        code = (
            "folder = Path(sys.argv[1])\n"
            "for _ in range(3):\n"
            "    taken = taking.take_snapshot(folder, taking.Keep(0, 0))\n"
            "for note in taken.snapshot.notes: print(note)\n"
            "print((taken.snapshot.path / '1/fixed/y').read_text(), len(taken.deleted))\n"
        )
        assert run_as_owner(code, folder).splitlines() == [
            "home 1: closed may not be read",
            "home 1: secret may not be read",
            "y 1",
        ]
        assert len(snapshots(folder)) == 1


def test_old_snapshots_are_deleted_and_the_newest_never(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    for day in range(5):
        taken = take_snapshot(folder, Keep(2, 0), at=NIGHT + timedelta(days=day))
    assert [one.stamp for one in snapshots(folder)] == ["20260304T010000Z", "20260305T010000Z"]
    assert taken.deleted == ("20260303T010000Z",)
    take_snapshot(folder, Keep(0, 0), at=NIGHT)
    assert [one.stamp for one in snapshots(folder)] == ["20260301T010000Z"]


def test_the_clock_may_go_backwards(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "old"}})
    take(folder, at=NIGHT)
    write(folder / "homes/1/a", "new")
    take(folder, at=NIGHT - timedelta(days=400))
    again = take(folder, at=NIGHT)
    assert again.snapshot.stamp == "20260301T010001Z"
    assert again.snapshot.homes[1].copied == 0
    made = [one.stamp for one in snapshots(folder)]
    assert made == ["20250125T010000Z", "20260301T010001Z"]


def test_nothing_is_deleted_while_somebody_restores(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    take_snapshot(folder)
    with reading(folder):
        assert take_snapshot(folder, Keep(0, 0)).deleted == ()
    assert len(take_snapshot(folder, Keep(0, 0)).deleted) == 2


def test_two_snapshots_of_one_hub_are_not_made_at_once(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {}})
    with only_one(folder), pytest.raises(HubfleetError) as refused:
        take_snapshot(folder)
    assert str(refused.value) == (
        "error[snapshot-running]: a snapshot of this hub's homes is being made already\n"
        f"  --> {folder / 'snapshots'}\n"
        "  hint: wait until it has ended; nothing needs to be mended"
    )


def test_a_full_disk_is_refused_before_anything_is_copied() -> None:
    G = 1024**3  # noqa: N806
    assert refuse_when_full(10 * G, 20 * G, 1000 * G, Path("/srv")) is None
    assert str(refuse_when_full(16 * G, 20 * G, 1000 * G, Path("/srv"))) == (
        "error[disk-nearly-full]: 16G would have to be copied, and only 20G are free\n"
        "  --> /srv\n"
        "  why: 5G must stay free, so that people can go on working\n"
        "  hint: make room on the disk, or keep fewer snapshots (--keep-daily, --keep-weekly)"
    )
    assert refuse_when_full(0, 2 * G, 20 * G, Path("/srv")) is None


def test_a_disk_that_is_too_small_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": b"x" * 100_000}})
    kept = take(folder).snapshot
    write(folder / "homes/1/b", b"y" * 100_000)
    little = shutil.disk_usage(folder)._replace(free=5 * 1024**3 + 50_000, total=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: little)
    with pytest.raises(HubfleetError, match="disk-nearly-full"):
        take(folder)
    assert snapshots(folder) == [kept]
    (folder / "homes/1/b").unlink()
    assert take(folder).snapshot.homes[1].copied == 0


def full(*arguments: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_up_meanwhile_leaves_the_snapshots_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    kept = take(folder).snapshot
    write(folder / "homes/1/b", "y")
    with monkeypatch.context() as patch:
        patch.setattr(os, "sendfile", full)
        patch.setattr(copying, "_share_blocks", lambda *files: False)
        with pytest.raises(HubfleetError) as refused:
            take(folder)
    assert str(refused.value) == (
        "error[disk-full]: the snapshot could not be finished; those made before are untouched\n"
        f"  --> {folder / 'snapshots'}\n"
        "  why: No space left on device\n"
        "  hint: make room on the disk, then run `hubfleet home snapshot` again"
    )
    assert snapshots(folder) == [kept]
    assert not (folder / "snapshots/.building").exists()


def test_half_a_snapshot_is_never_in_use_and_is_cleared_away(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    for name in (".building/1", ".deleting-20260101T010000Z/1", "20260102T010000Z/1"):
        write(folder / "snapshots" / name / "half", "x")
    (folder / "snapshots/20260103T010000Z").mkdir()
    (folder / "snapshots/20260103T010000Z/snapshot.json").write_text("{")
    assert snapshots(folder) == []
    taken = take(folder)
    assert taken.snapshot.serial == 1
    assert (
        sorted(p.name for p in (folder / "snapshots").iterdir() if p.name[0] == "." and p.is_dir())
        == []
    )


def test_lost_records_cost_a_copy_and_nothing_else(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    first = take(folder)
    first.snapshot.records(1).write_text('"\\u00')
    second = take(folder)
    assert second.snapshot.homes[1].copied == 1
    assert (copy_of(second) / "a").read_text() == "x"


def test_a_second_snapshot_of_the_same_is_quick_and_takes_no_room(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {f"f{n}": b"x" * 50_000 for n in range(500)}})
    take(folder)
    began = time.monotonic()
    second = take(folder)
    assert time.monotonic() - began < 5
    own = [p for p in second.snapshot.path.rglob("*") if p.lstat().st_nlink == 1]
    assert sum(path.lstat().st_blocks * 512 for path in own) < 100_000
    assert second.snapshot.homes[1].copied_bytes == 0


def test_whether_blocks_can_be_shared_is_found_out_without_a_trace(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert can_clone(descriptor) in {True, False}
    finally:
        os.close(descriptor)
    assert list(tmp_path.iterdir()) == []
