"""What passes for a logo: pictures alone, by their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.logo import LARGEST, kind_of, svg_fault
from tests.fleets import write_fleet

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20)
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:i="http://www.inkscape.org/namespaces/inkscape"><i:grid/><defs><linearGradient id="a"/>'
    '</defs><style>.a{fill:url(#a)}</style><use xlink:href="#b"/><path class="a" d="M0 0"/>%s</svg>'
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0 jpeg", "jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
        ((DRAWING % "").encode(), "svg"),
        (b"GIF89a", None),
        (b"", None),
        (b"<html></html>", None),
    ],
)
def test_the_content_says_what_a_picture_is(data: bytes, kind: str | None) -> None:
    assert kind_of(data) == kind


def test_a_drawing_is_a_drawing():
    assert svg_fault((DRAWING % "").encode()) == ""


@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        ("<script>alert(1)</script>", "an element `script`"),
        ('<g onload="alert(1)"/>', "a program in `onload`"),
        ("<foreignObject/>", "an element `foreignObject`"),
        ('<a href="https://x.example"/>', "an element `a`"),
        ('<use href="https://x.example/y.svg#z"/>', "a link to elsewhere"),
        ('<use xlink:href=" javascript:alert(1)"/>', "a link to elsewhere"),
        ('<rect fill="url(https://x.example)"/>', "something loaded by `fill`"),
        ("<style>@import 'x.css';</style>", "a style that loads something"),
        ('<b:script xmlns:b="http://www.w3.org/1999/xhtml"/>', "an element `script`"),
        ('<animate attributeName="href" to="javascript:1"/>', "an element `animate`"),
        ("<image/>", "an element `image`"),
        ("&unknown;", "text that is not XML"),
    ],
)
def test_a_drawing_that_does_more_is_refused(inside: str, fault: str) -> None:
    assert svg_fault((DRAWING % inside).encode()) == fault


def test_entities_that_grow_without_end_are_not_even_read():
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + DRAWING % "&a;"
    assert svg_fault(bomb.encode()) == "a document type or a style sheet from elsewhere"
    assert svg_fault(b"<?xml-stylesheet href='x'?><svg/>") != ""
    assert svg_fault(b"<html><svg/></html>") == "something else around the drawing"


def test_a_logo_is_part_of_what_is_planned(tmp_path: Path):
    hubs = {"earth/prod": {"page": {"logo": "page/logo.png"}}}
    folder = tmp_path / "communities" / "earth" / "page"
    folder.mkdir(parents=True)
    (folder / "logo.png").write_bytes(PNG)
    before = write_fleet(tmp_path, hubs).hubs["earth/prod"]
    (folder / "logo.png").write_bytes(PNG + b"more")
    after = load_fleet(tmp_path).hubs["earth/prod"]
    assert before.logo is not None
    assert before.logo.name.endswith(".png")
    assert before.flat()["page.logo_content"] == before.logo.name
    changed = {key for key in after.flat() if after.flat()[key] != before.flat()[key]}
    assert changed == {"page.logo_content"}


def test_a_large_picture_and_a_way_out_of_the_folder_are_refused(tmp_path: Path):
    hubs = {"earth/prod": {"page": {"logo": "page/logo.png"}}}
    folder = tmp_path / "communities" / "earth" / "page"
    folder.mkdir(parents=True)
    (folder / "logo.png").write_bytes(PNG + bytes(LARGEST))
    with pytest.raises(FleetErrors, match=r"`page/logo\.png` is larger than 512 KiB"):
        write_fleet(tmp_path, hubs)
    (folder / "logo.png").unlink()
    (tmp_path / "secret.png").write_bytes(PNG)
    (folder / "logo.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(FleetErrors, match=r"there is no file `page/logo\.png`"):
        load_fleet(tmp_path)
