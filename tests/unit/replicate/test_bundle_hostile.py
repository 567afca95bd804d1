"""Bundles that somebody damaged or made on purpose: refused before anything is written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from io import BytesIO
from pathlib import Path

import pytest
import zstandard

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.archives.headers import END, FOLDER, LINK, SYMLINK, header, padding
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.adopting import Wish, adopt
from hubfleet.replicate.bundle.container import check
from tests.fleets import write_fleet
from tests.unit.replicate.bundles import (
    NEW_FLEET,
    decompressed,
    exported,
    with_parts,
    write_hub,
)

HOME = "hubs/prod/homes/1.tar"
ROOT = header(b"./", mode=0o700, kind=FOLDER)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same bundle in all three shapes."""
    folder = tmp_path_factory.mktemp("bundles")
    fleet = write_fleet(folder / "fleet", {"reef/prod": {}})
    state = StateFolder(folder / "state")
    write_hub(state, "reef/prod", {"bo": {"notes.txt": b"written by bo"}})
    for name in ("folder", "one.tar", "one.tar.zst"):
        exported(fleet, ("reef/prod",), folder / name, state)
    return folder


@pytest.fixture
def bundle(made, tmp_path):
    """A copy in a folder, to be spoilt."""
    return Path(shutil.copytree(made / "folder", tmp_path / "bundle"))


@pytest.fixture
def new_fleet(tmp_path):
    root = tmp_path / "new"
    root.mkdir()
    (root / "fleet.yaml").write_text(NEW_FLEET)
    return root


def code_of(error: pytest.ExceptionInfo[HubfleetError]) -> str:
    return error.value.problems[0].code


def refused(bundle: Path, new_fleet: Path, code: str, why: str = "") -> None:
    """Import refuses it, and nothing was written, neither to the fleet nor to the state."""
    state = new_fleet.parent / "new-state"
    with pytest.raises(HubfleetError) as error:
        adopt(bundle, Wish(new_fleet, "here", state=StateFolder(state)))
    assert code_of(error) == code, str(error.value)
    assert why in str(error.value)
    assert sorted(path.name for path in new_fleet.iterdir()) == ["fleet.yaml"]
    assert not state.exists()


def test_all_shapes_are_sound(made):
    manifests = [check(made / name) for name in ("folder", "one.tar", "one.tar.zst")]
    assert manifests[0] == manifests[1] == manifests[2]


def test_a_refused_bundle_is_let_go_of_at_once(bundle):
    (bundle / "README.md").write_bytes(b"x" * (bundle / "README.md").stat().st_size)

    with pytest.raises(HubfleetError) as error:
        check(bundle)

    assert code_of(error) == "bundle-altered"
    # The error, which is still at hand, holds on to all that was done before it.
    assert [path for path in still_open() if path.startswith(str(bundle))] == []


def still_open() -> list[str]:
    return [os.path.realpath(one) for one in Path("/proc/self/fd").iterdir()]


@pytest.mark.parametrize("name", ["one.tar", "one.tar.zst"])
def test_a_truncated_bundle_is_refused_wherever_it_was_cut(made, name, tmp_path):
    data = (made / name).read_bytes()
    for share in (0, 1, 300, 5_000, len(data) // 2, len(data) - 600, len(data) - 1):
        (tmp_path / name).write_bytes(data[:share])
        with pytest.raises(HubfleetError) as error:
            check(tmp_path / name)
        assert code_of(error) in ("bundle-altered", "not-a-bundle")


@pytest.mark.parametrize("name", ["one.tar", "one.tar.zst"])
def test_one_byte_that_was_altered_is_found_wherever_it_is(made, name, tmp_path):
    data = (made / name).read_bytes()
    for position in range(0, len(data), max(1, len(data) // 150)):
        spoilt = bytearray(data)
        spoilt[position] ^= 0x01
        (tmp_path / name).write_bytes(spoilt)
        if name.endswith(".zst") and unpacked(bytes(spoilt)) == unpacked(data):
            continue  # a frame's header also says how much memory it takes to read it
        with pytest.raises(HubfleetError) as error:
            check(tmp_path / name)
        assert code_of(error) in ("bundle-altered", "not-a-bundle", "bundle-too-new"), position


def unpacked(data: bytes) -> bytes | None:
    """What a reader gets out of it; None where it cannot be read to its end."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            return reader.read()
    except zstandard.ZstdError:
        return None


def test_one_byte_that_was_altered_in_a_folder_is_found(bundle, new_fleet):
    data = bytearray((bundle / HOME).read_bytes())
    data[700] ^= 0x01
    (bundle / HOME).write_bytes(data)
    refused(bundle, new_fleet, "bundle-altered")


def test_a_file_that_the_manifest_does_not_list_is_refused(bundle, new_fleet):
    (bundle / "fleet" / "more.yaml").write_text("a: 1")
    refused(bundle, new_fleet, "bundle-altered", "is not in its manifest")


def test_what_follows_the_end_is_refused(made, tmp_path, new_fleet):
    longer = tmp_path / "one.tar"
    longer.write_bytes((made / "one.tar").read_bytes() + b"more")
    refused(longer, new_fleet, "bundle-altered", "goes on after its end")


def test_a_newer_version_is_refused_with_a_cure(bundle, new_fleet):
    with_parts(bundle, {}, bundle=2)
    state = StateFolder(new_fleet.parent / "new-state")
    with pytest.raises(HubfleetError) as error:
        adopt(bundle, Wish(new_fleet, "here", state=state))
    assert str(error.value) == (
        "error[bundle-too-new]: the bundle is of version 2\n"
        f"  --> {bundle}\n"
        "  why: This hubfleet reads versions up to 1.\n"
        "  hint: install the latest hubfleet, or follow the bundle's README without it"
    )


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/cron.d/x", "a/../../b", "fleet//x", "a\\b", "fleet/./x", "a\nb"]
)
def test_paths_of_parts_that_climb_out_are_refused(bundle, new_fleet, path):
    manifest = json.loads((bundle / "manifest.json").read_text())
    entry = {"sha256": "0" * 64, "size": 0, "archive": None, "executable": False}
    with_parts(bundle, {}, files={**manifest["files"], path: entry})
    refused(bundle, new_fleet, "bundle-unsafe")


def archive(*entries: bytes) -> bytes:
    return ROOT + b"".join(entries) + END


def file(name: bytes, data: bytes = b"x", **more: object) -> bytes:
    head = header(name, mode=0o644, size=len(data), **more)  # type: ignore[arg-type]
    return head + data + padding(len(data))


def device(name: bytes, kind: bytes) -> bytes:
    return header(name, mode=0o644, kind=kind)


CLIMBS = {
    "up": archive(file(b"../up")),
    "absolute": archive(file(b"/tmp/absolute")),
    "through": archive(file(b"a/../../up")),
    "no folder": archive(file(b"missing/file")),
    "below a file": archive(file(b"a"), file(b"a/b")),
    "link out": archive(header(b"a", mode=0o777, kind=SYMLINK, link=b"/etc")),
    "link up": archive(header(b"a", mode=0o777, kind=SYMLINK, link=b"../b")),
    "below a link": archive(header(b"a", mode=0o777, kind=SYMLINK, link=b"b"), file(b"a/passwd")),
    "twice": archive(header(b"a", mode=0o777, kind=SYMLINK, link=b"b"), file(b"a")),
    "character device": archive(device(b"zero", b"3")),
    "block device": archive(device(b"disk", b"4")),
    "pipe": archive(device(b"pipe", b"6")),
    "other file": archive(device(b"other", b"7")),
}


@pytest.mark.parametrize("name", sorted(CLIMBS))
def test_archives_that_would_write_elsewhere_are_refused(bundle, new_fleet, name):
    spoil(bundle, HOME, CLIMBS[name], entries=10, size=10)
    refused(bundle, new_fleet, "bundle-unsafe")


def spoil(bundle: Path, path: str, data: bytes, *, entries: int, size: int) -> None:
    """Another archive, with a manifest that fits it."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"][path] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "archive": {"entries": entries, "bytes": size},
        "executable": False,
    }
    with_parts(bundle, {}, files=manifest["files"])
    (bundle / path).write_bytes(data)


def test_a_hard_link_to_what_is_not_in_the_archive_is_refused(bundle, new_fleet):
    data = archive(header(b"a", mode=0o644, kind=LINK, link=b"../../../secrets.json"))
    spoil(bundle, HOME, data, entries=2, size=0)
    refused(bundle, new_fleet, "bundle-unsafe")


@pytest.mark.parametrize("where", ["link", "device"])
def test_links_and_pipes_in_a_folder_are_refused(bundle, new_fleet, where):
    victim = bundle / "README.md"
    victim.unlink()
    if where == "link":
        victim.symlink_to("/etc/passwd")
    else:
        os.mkfifo(victim)
    refused(bundle, new_fleet, "bundle-unsafe")


def test_more_in_an_archive_than_the_manifest_says_is_refused(bundle, new_fleet):
    spoil(bundle, HOME, archive(*(file(b"%d" % n) for n in range(5))), entries=3, size=100)
    refused(bundle, new_fleet, "bundle-altered", "more in it than")


def test_ten_gigabytes_of_zeros_in_one_megabyte_cost_nothing(made, tmp_path, new_fleet):
    """A part that is larger than its manifest says is not read on."""
    bomb = tmp_path / "bomb.tar.zst"
    whole = decompressed(made / "one.tar.zst")
    head = zstandard.ZstdCompressor(write_checksum=True).compress(whole[: len(whole) // 2])
    zeros = BytesIO()
    with zstandard.ZstdCompressor(level=3).stream_writer(zeros, closefd=False) as writer:
        for _ in range(10 * 1024):
            writer.write(bytes(1 << 20))
    assert len(zeros.getvalue()) < 1 << 20
    bomb.write_bytes(head + zeros.getvalue())
    refused(bomb, new_fleet, "bundle-altered")


def test_holes_of_half_a_petabyte_are_refused_for_want_of_room(bundle, new_fleet):
    size = 1 << 49
    told = b"1\n%d\n0\n" % size
    told += padding(len(told))
    records = ((b"GNU.sparse.name", b"vast"), (b"GNU.sparse.realsize", b"%d" % size))
    head = header(b"vast", mode=0o600, size=len(told), extended=records)
    spoil(bundle, HOME, archive(head + told), entries=2, size=size)
    refused(bundle, new_fleet, "no-room-for-bundle")


def test_a_manifest_that_is_too_large_is_not_read(tmp_path, new_fleet):
    bundle = tmp_path / "large.tar"
    bundle.write_bytes(header(b"manifest.json", mode=0o644, size=7 << 30) + b"{}")
    refused(bundle, new_fleet, "not-a-bundle", "too large")


def test_two_hubs_of_one_name_are_refused(bundle, new_fleet):
    text = (bundle / "manifest.json").read_text()
    again = text.replace('"hubs": {\n', '"hubs": {\n  "prod": {},\n', 1)
    assert again != text
    (bundle / "manifest.json").write_text(again)
    refused(bundle, new_fleet, "bundle-says-twice", "the manifest says `prod` twice")


def test_a_home_of_nobody_or_of_a_name_that_leads_out_is_refused(bundle, new_fleet):
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["hubs"]["prod"]["homes"] = {"../root": 1}
    with_parts(bundle, {}, hubs=manifest["hubs"])
    refused(bundle, new_fleet, "bad-person-in-bundle")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a zip", b"{}", bytes(5000)])
def test_something_else_is_no_bundle(tmp_path, new_fleet, data):
    (tmp_path / "thing").write_bytes(data)
    refused(tmp_path / "thing", new_fleet, "not-a-bundle")


def test_nothing_is_no_bundle(tmp_path, new_fleet):
    refused(tmp_path / "nothing", new_fleet, "not-a-bundle", "No such file or directory.")
