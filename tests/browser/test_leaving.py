"""A representative takes a hub along and ends it, with an engineer, in a real browser.

With `HUBFLEET_TEST_IMAGES=FOLDER` pictures of the pages are written there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from hubfleet.fleet.load import load_fleet
from tests.browser.test_console_pages import RULES, VIEWS, signed_in
from tests.built import lay_out
from tests.integration.console.test_served import FLEET, Served
from tests.offices import in_git
from tests.places import until

pytestmark = pytest.mark.browser

IMAGES = os.environ.get("HUBFLEET_TEST_IMAGES")
HUB = "/hubs/earth-lab/prod"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A console of its own: a fleet in git that may be changed, and hubs that are made up."""
    folder = tmp_path_factory.mktemp("leaving")
    shutil.copytree(FLEET, folder / "fleet")
    in_git(folder / "fleet")
    said = {
        "closed-kit": "License-Expression: LicenseRef-Proprietary",
        "silent": "",
        "six": "License: MIT",
    }
    for wanted in load_fleet(folder / "fleet").hubs["earth-lab/prod"].environments:
        lay_out(folder / "s/environments", wanted, said)
    command = [
        sys.executable,
        "-m",
        "tests.scripted",
        str(folder / "fleet"),
        str(folder / "s"),
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        made = Served(process, process.stdout.readline().strip(), folder / "s")
        until(lambda: made.get("/healthz")[0] == 200, "the console to answer")
        yield made
        process.terminate()


def fits(page: Page, name: str) -> None:
    """In light and dark, wide and on a phone: axe finds nothing, and nothing is too wide."""
    for view, options in VIEWS.items():
        page.emulate_media(color_scheme=options["color_scheme"])
        page.set_viewport_size(options["viewport"])
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        assert not found, (name, [(one["id"], one["nodes"][0]["html"]) for one in found])
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px too wide in {view}"
        if IMAGES:
            page.screenshot(path=str(Path(IMAGES) / f"{name}-{view}.png"), full_page=True)
    page.set_viewport_size(VIEWS["wide"]["viewport"])


def test_a_hub_is_taken_along_and_ends(browser: Browser, served: Served, tmp_path: Path) -> None:
    ada = signed_in(browser.new_context(), served, "ada")
    ada.goto(f"{served.address}{HUB}/leaving/")
    fits(ada, "leaving-empty")
    ada.get_by_role("button", name="Make a bundle").click()
    expect(ada.get_by_role("status").first).to_contain_text("The bundle is being made")
    expect(ada.locator("#take")).not_to_contain_text("begun", timeout=60_000)
    ada.reload()
    expect(ada.locator("#findings")).to_contain_text("under a licence that is not free")
    fits(ada, "leaving")
    with ada.expect_download() as download:
        ada.get_by_role("link", name="Fetch the bundle").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "earth-lab-prod.tar.zst"
    assert file.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"

    ada.get_by_role("button", name="Ask that earth-lab/prod ends").click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("The end of")
    expect(ada.locator("#people")).to_contain_text("ada")
    address = ada.url
    eve = signed_in(browser.new_context(), served, "eve")
    eve.goto(address)
    fits(eve, "ending")
    eve.get_by_role("button", name="Confirm that it ends").click()
    expect(eve.get_by_role("status").first).to_contain_text("Everybody concerned is told.")
    eve.goto(f"{served.address}{HUB}/")
    expect(eve.locator(".notice.warn").first).to_contain_text("This hub ends on")
    eve.goto(f"{served.address}/endings/")
    fits(eve, "endings")
    for page in (ada, eve):
        page.context.close()
