"""Trees as archives: everything comes back as it was, in bytes that depend on nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hubfleet.platforms.archives.tree import SMALL, TreeArchive, leads_out
from hubfleet.replicate.bundle.manifest import Held
from hubfleet.replicate.bundle.unpacking import look_through, unpack

NAMES = some.text("abcäß .-_", min_size=1, max_size=12).filter(lambda n: n not in (".", ".."))
CONTENTS = some.binary(max_size=1500)
TREES = some.recursive(
    some.dictionaries(NAMES, CONTENTS, max_size=4),
    lambda inner: some.dictionaries(NAMES, some.one_of(CONTENTS, inner), max_size=4),
    max_leaves=12,
)


def archived(tree: Path) -> tuple[bytes, TreeArchive]:
    sink = BytesIO()
    made = TreeArchive(sink)
    root = os.open(tree, os.O_RDONLY)
    try:
        made.write(root)
    finally:
        os.close(root)
    return sink.getvalue(), made


def unpacked(data: bytes, made: TreeArchive, target: Path) -> Path:
    held = Held(entries=made.entries, bytes=made.read)
    look_through(BytesIO(data), held, "here")
    target.mkdir()
    unpack(BytesIO(data), str(target), held, "here")
    return target


def plant(folder: Path, tree: object) -> None:
    folder.mkdir()
    assert isinstance(tree, dict)
    for name, inner in tree.items():
        if isinstance(inner, bytes):
            (folder / name).write_bytes(inner)
        else:
            plant(folder / name, inner)


@settings(max_examples=40, deadline=None)
@given(tree=TREES)
def test_a_tree_that_was_unpacked_has_the_same_archive(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("trees")
    plant(folder / "one", tree)
    data, made = archived(folder / "one")
    again, _ = archived(unpacked(data, made, folder / "two"))
    assert hashlib.sha256(again).digest() == hashlib.sha256(data).digest()


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """One of everything that may be in a home."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / ("long-" * 40)).mkdir()
    (home / ("long-" * 40) / ("name-" * 30)).write_text("deep")
    os.close(os.open(os.fsencode(home) + b"/not-\xff-utf8", os.O_CREAT | os.O_WRONLY, 0o640))
    (home / "script.sh").write_text("#!/bin/sh\n")
    (home / "script.sh").chmod(0o750)
    os.utime(home / "script.sh", (1_500_000_000, 1_500_000_000))
    os.utime(home / ("long-" * 40), (-100, -100))
    (home / "first").write_text("one file, two names")
    os.link(home / "first", home / "second")
    (home / "inner").symlink_to("first")
    (home / "locked").mkdir(mode=0o500)
    with (home / "sparse").open("wb") as file:
        file.seek(3 * 1024 * 1024)
        file.write(b"in the middle")
        file.truncate(9 * 1024 * 1024)
    (home / "large").write_bytes(os.urandom(SMALL + 1000))
    return home


def test_rights_times_links_holes_and_odd_names_are_kept(odd, tmp_path):
    data, made = archived(odd)
    back = unpacked(data, made, tmp_path / "back")
    assert archived(back)[0] == data
    assert stat.S_IMODE((back / "script.sh").stat().st_mode) == 0o750
    assert (back / "script.sh").stat().st_mtime == 1_500_000_000
    assert (back / "first").stat().st_ino == (back / "second").stat().st_ino
    assert str((back / "inner").readlink()) == "first"
    assert (back / os.fsdecode(b"not-\xff-utf8")).exists()
    sparse = (back / "sparse").stat()
    assert (sparse.st_size, sparse.st_blocks * 512 < 1024 * 1024) == (9 * 1024 * 1024, True)
    assert made.notes == []
    assert len(data) < 2 * 1024 * 1024, "holes were written out"


def test_other_programs_read_the_archives(odd, tmp_path):
    data, _ = archived(odd)
    (tmp_path / "home.tar").write_bytes(data)
    (tmp_path / "theirs").mkdir()
    subprocess.run(["tar", "xf", "home.tar", "-C", "theirs"], cwd=tmp_path, check=True)
    assert archived(tmp_path / "theirs")[0] == data
    with tarfile.open(tmp_path / "home.tar") as archive:
        archive.extractall(tmp_path / "python", filter="data")
    assert (tmp_path / "python" / "sparse").read_bytes() == (odd / "sparse").read_bytes()
    assert (tmp_path / "python" / "first").read_text() == "one file, two names"


def test_what_is_no_file_and_links_that_lead_out_are_told_and_left(tmp_path):
    home = tmp_path / "home"
    (home / "below").mkdir(parents=True)
    os.mkfifo(home / "pipe")
    (home / "out").symlink_to("/etc/passwd")
    (home / "below" / "up").symlink_to("../../other/notes")
    (home / "below" / "in").symlink_to("../file")
    (home / "file").write_text("kept")
    data, made = archived(home)
    assert made.notes == [
        "out is a link that leads out, which is not taken along",
        "pipe is a pipe, which is not taken along",
        "below/up is a link that leads out, which is not taken along",
    ]
    back = unpacked(data, made, tmp_path / "back")
    assert sorted(path.name for path in back.rglob("*")) == ["below", "file", "in"]


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        (b"a", b"b", False),
        (b"a/b", b"../c", False),
        (b"a/b", b"../../c", True),
        (b"a", b"/etc", True),
        (b"a", b"..", True),
        (b"a/b/c", b"x/../../../..", True),
        (b"a/b/c", b"./x/../..", False),
        (b"a", b"", True),
    ],
)
def test_where_a_link_leads(path, target, out):
    assert leads_out(path, target) is out


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "growing").write_bytes(b"x" * 100)
    real = os.pread

    def grows(descriptor, size, position):
        data = real(descriptor, size, position)
        with (home / "growing").open("ab") as file:
            file.write(b"y" * 10)
        return data

    monkeypatch.setattr(os, "pread", grows)
    data, made = archived(home)
    monkeypatch.undo()
    assert made.notes == ["growing changed while it was read: the copy may be mixed"]
    back = unpacked(data, made, tmp_path / "back")
    assert (back / "growing").read_bytes().startswith(b"x" * 100)
