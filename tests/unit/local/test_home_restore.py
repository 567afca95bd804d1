"""Putting files back from a snapshot."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.homes import copying
from hubfleet.platforms.local.homes.restore import restore_beside, restore_in_place
from hubfleet.platforms.local.homes.taking import take_snapshot
from tests.unit.local.homes import make_homes, write
from tests.unit.local.nobody import reachable_folder, run_as_owner

NIGHT = datetime(2026, 3, 1, 1, tzinfo=UTC)
STAMP = "20260301T010000Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ada's home with a snapshot of the first of March, changed since."""
    folder = make_homes(
        tmp_path / "hub",
        {"ada": {"notes.txt": "old", "project/a.py": "old a", "project/b.py": "old b"}, "bo": {}},
    )
    home = folder / "homes/1"
    (home / "project/a.py").chmod(0o640)
    (home / "link").symlink_to("notes.txt")
    (home / "shared").mkdir()
    take_snapshot(folder, at=NIGHT)
    write(home / "notes.txt", "new")
    write(home / "project/c.py", "new c")
    (home / "project/a.py").unlink()
    return folder


def contents(home: Path) -> dict[str, str]:
    return {str(p.relative_to(home)): p.read_text() for p in home.rglob("*") if p.is_file()}


def test_a_home_comes_back_beside_and_nothing_is_overwritten(folder: Path) -> None:
    home = folder / "homes/1"
    restored = restore_beside(folder, "ada")
    assert (restored.folder, restored.files, restored.kept_in) == (f"restored-{STAMP}", 3, None)
    assert (home / "notes.txt").read_text() == "new"
    again = home / f"restored-{STAMP}"
    assert (again / "notes.txt").read_text() == "old"
    assert (again / "project/a.py").read_text() == "old a"
    assert stat.S_IMODE((again / "project/a.py").stat().st_mode) == 0o640
    assert (again / "project/a.py").stat().st_uid == home.stat().st_uid
    assert (again / "link").readlink() == Path("notes.txt")


def test_a_second_time_gets_another_folder(folder: Path) -> None:
    names = [restore_beside(folder, "ada", "notes.txt").folder for _ in range(3)]
    assert names == [f"restored-{STAMP}{end}" for end in ("", "-2", "-3")]
    assert (folder / "homes/1" / names[2] / "notes.txt").read_text() == "old"


def test_a_folder_may_be_chosen_and_must_be_new(folder: Path) -> None:
    assert restore_beside(folder, "ada", "project/a.py", to="back/here").files == 1
    assert (folder / "homes/1/back/here/a.py").read_text() == "old a"
    with pytest.raises(HubfleetError) as refused:
        restore_beside(folder, "ada", to="project")
    assert str(refused.value) == (
        "error[already-there]: 'project' is already in the home\n"
        "  why: files there could be overwritten\n"
        "  hint: give another name with --to, or leave it out"
    )


def test_writing_into_a_restored_file_does_not_change_the_snapshot(folder: Path) -> None:
    restored = restore_beside(folder, "ada", "notes.txt")
    with open(folder / "homes/1" / restored.folder / "notes.txt", "r+") as file:
        file.write("xxx")
    again = restore_beside(folder, "ada", "notes.txt")
    assert (folder / "homes/1" / again.folder / "notes.txt").read_text() == "old"


def test_a_folder_in_place_keeps_what_it_replaces(folder: Path) -> None:
    restored = restore_in_place(folder, "ada", "project", moment=NIGHT + timedelta(days=1))
    assert restored.kept_in == "replaced-20260302T010000Z"
    assert contents(folder / "homes/1") == {
        "notes.txt": "new",
        "link": "new",
        "project/a.py": "old a",
        "project/b.py": "old b",
        "replaced-20260302T010000Z/project/b.py": "old b",
        "replaced-20260302T010000Z/project/c.py": "new c",
    }


def test_a_lost_file_in_a_lost_folder_comes_back_to_its_place(folder: Path) -> None:
    home = folder / "homes/1"
    for path in (home / "project/b.py", home / "project/c.py"):
        path.unlink()
    (home / "project").rmdir()
    assert restore_in_place(folder, "ada", "project/a.py").kept_in is None
    assert (home / "project/a.py").read_text() == "old a"
    assert not list(home.glob(".restoring-*"))


def test_a_whole_home_in_place_leaves_what_the_snapshot_does_not_have(folder: Path) -> None:
    home = folder / "homes/1"
    write(home / "later.txt", "later")
    place_of_shared = (home / "shared").stat().st_ino
    restored = restore_in_place(folder, "ada")
    assert (home / "notes.txt").read_text() == "old"
    assert (home / "later.txt").read_text() == "later"
    assert (home / "shared").stat().st_ino == place_of_shared
    assert (home / str(restored.kept_in) / "notes.txt").read_text() == "new"
    assert not (home / str(restored.kept_in) / "shared").exists()


def test_folders_that_their_owner_made_read_only_are_moved_too() -> None:
    with reachable_folder() as place:
        folder = make_homes(place, {"ada": {"fixed/y": "y"}})
        (folder / "homes/1/fixed").chmod(0o500)
        code = (
            "folder = Path(sys.argv[1])\n"
            "taking.take_snapshot(folder)\n"
            "restored = restore.restore_in_place(folder, 'ada', 'fixed')\n"
            "for name in ('fixed', restored.kept_in + '/fixed'):\n"
            "    path = folder / 'homes/1' / name\n"
            "    print((path / 'y').read_text(), oct(path.stat().st_mode & 0o777))\n"
        )
        assert run_as_owner(code, folder) == "y 0o500\ny 0o500\n"


def test_a_lost_home_comes_back(folder: Path) -> None:
    home = folder / "homes/1"
    home.rename(folder / "gone")
    restore_in_place(folder, "ada")
    assert contents(home)["project/a.py"] == "old a"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("path", ["../2/x", "project/../../2", "/etc/passwd", "a\0b"])
def test_a_path_cannot_climb_out(folder: Path, path: str) -> None:
    for act in (
        lambda: restore_beside(folder, "ada", path),
        lambda: restore_in_place(folder, "ada", path),
        lambda: restore_beside(folder, "ada", to=path),
    ):
        with pytest.raises(HubfleetError, match="path-outside-home"):
            act()


def test_a_link_in_the_home_does_not_lead_a_restored_file_out(folder: Path, tmp_path: Path) -> None:
    home, elsewhere = folder / "homes/1", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (home / "project").rename(home / "kept")
    (home / "project").symlink_to(elsewhere)
    (home / "way").symlink_to(elsewhere)
    for act in (
        lambda: restore_in_place(folder, "ada", "project/a.py"),
        lambda: restore_beside(folder, "ada", "notes.txt", to="way/new"),
    ):
        with pytest.raises(HubfleetError, match="is a link, which is not followed"):
            act()
    assert list(elsewhere.iterdir()) == []
    restore_in_place(folder, "ada", "project")
    assert (home / "project/a.py").read_text() == "old a"
    assert list(elsewhere.iterdir()) == []


def test_a_home_that_is_a_link_gets_nothing(folder: Path, tmp_path: Path) -> None:
    home, elsewhere = folder / "homes/1", tmp_path / "elsewhere"
    elsewhere.mkdir()
    home.rename(folder / "aside")
    home.symlink_to(elsewhere)
    with pytest.raises(HubfleetError, match="home-not-entered"):
        restore_beside(folder, "ada")
    assert list(elsewhere.iterdir()) == []


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(HubfleetError, match="not-in-snapshot"):
        restore_beside(folder, "ada", "project/c.py")
    with pytest.raises(HubfleetError, match="not-in-snapshot"):
        restore_beside(folder, "ada", "link/x")
    with pytest.raises(HubfleetError, match="nobody called 'cy' has a home here"):
        restore_beside(folder, "cy")
    with pytest.raises(HubfleetError, match=f"choose one of {STAMP}"):
        restore_beside(folder, "ada", at="../../x")


def test_a_full_home_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    before = contents(folder / "homes/1")
    with monkeypatch.context() as patch:
        patch.setattr(os, "sendfile", full)
        patch.setattr(copying, "_share_blocks", lambda *files: False)
        for path in ("", "project", "notes.txt"):
            with pytest.raises(HubfleetError, match="not-restored"):
                restore_in_place(folder, "ada", path)
    assert before.items() <= contents(folder / "homes/1").items()


def test_without_a_snapshot_nothing_comes_back(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    with pytest.raises(HubfleetError, match="there is no snapshot of this hub's homes"):
        restore_beside(folder, "ada")


def test_an_older_snapshot_may_be_chosen(folder: Path) -> None:
    take_snapshot(folder, at=NIGHT + timedelta(days=1))
    restored = restore_beside(folder, "ada", "notes.txt")
    assert (folder / "homes/1" / restored.folder / "notes.txt").read_text() == "new"
    restored = restore_beside(folder, "ada", "notes.txt", at=STAMP)
    assert (folder / "homes/1" / restored.folder / "notes.txt").read_text() == "old"
