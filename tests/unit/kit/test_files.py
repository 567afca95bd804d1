"""Files are whole and private."""

from __future__ import annotations

import pytest

from hubfleet.kit.files import make_private_folder, write_atomically


def test_a_file_is_replaced_whole_and_is_private(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_is_private_and_made_private_again(tmp_path):
    path = tmp_path / "a" / "b"
    make_private_folder(path)
    assert path.stat().st_mode & 0o777 == 0o700
    path.chmod(0o755)
    make_private_folder(path)
    assert path.stat().st_mode & 0o777 == 0o700
