"""A declared face and a last day, from the fleet's folder to the hub that runs."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleets import write_fleet
from tests.places import LocalPlace, local_place

pytestmark = pytest.mark.integration

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4" cx="4"/></svg>'


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LocalPlace]:
    with local_place(tmp_path / "state") as found:
        yield found


def test_a_logo_and_a_last_day_reach_people(place: LocalPlace, tmp_path: Path) -> None:
    root = tmp_path / "fleet"
    page = root / "communities" / "earth" / "page"
    page.mkdir(parents=True)
    (page / "logo.svg").write_bytes(SVG)
    access = {"everyone": True, "until": "2020-01-01", "admins": ["ada"]}
    hub = {"access": access, "page": {"logo": "page/logo.svg", "about": "For **all**."}}
    write_fleet(root, {"earth/prod": hub})
    done = place.run("apply", "--yes", fleet=root)
    assert done.returncode == 0, done.stderr
    assert read(place, "hub/logo") == SVG
    assert b"For <strong>all</strong>." in read(place, "hub/login")
    (row,) = place.json("status", fleet=root)["hubs"]
    assert row["note"] == "open to everyone until 2020-01-01, which has passed: no new sign-in"
    assert "which has passed: no new sign-in" in place.run("validate", fleet=root).stderr
    (page / "logo.svg").write_bytes(SVG.replace(b"4", b"3"))
    (step,) = place.json("plan", fleet=root)["steps"]
    assert [reason["key"] for reason in step["reasons"]] == ["page.logo_content"]


def read(place: LocalPlace, path: str) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{place.port}/{path}",
        headers={"Host": f"prod-earth.localhost:{place.port}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())
