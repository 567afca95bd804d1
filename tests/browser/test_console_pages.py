"""The console's pages in a real browser: axe finds nothing, nothing is blocked or too wide, a live
rollout moves by itself, and everything can be read without scripts.

With `HUBFLEET_TEST_IMAGES=FOLDER` the pictures of the documentation are written there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from hubfleet.kit.clock import timestamp
from hubfleet.rollout.ports import ActEnded, HubSettled, RolloutEnded
from tests.integration.console.test_served import FLEET, Served, written
from tests.places import until
from tests.scripted import PASSWORD

pytestmark = pytest.mark.browser

IMAGES = os.environ.get("HUBFLEET_TEST_IMAGES")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "fleet": "/fleet/",
    "hub": "/hubs/earth-lab/prod/",
    "waiting": "/hubs/brain-atlas/prod/",
    "revisions": "/hubs/earth-lab/prod/revisions/",
    "values": "/hubs/earth-lab/prod/values/",
    "logs": "/hubs/earth-lab/prod/logs/",
    "objectives": "/objectives/",
    "use": "/hubs/earth-lab/prod/use/",
    "community-use": "/communities/earth-lab/use/",
    "fleet-use": "/fleet/use/",
    "plan": "/plan/",
    "rollouts": "/rollouts/",
    "rollout": "/rollouts/r-20260302-memory/",
    "live": "/rollouts/r-20260303-now/",
    "oncall": "/oncall/",
    "page": "/oncall/pages/2/",
    "status": "/status/",
    "community-status": "/status/of/earth-lab/",
    "announce": "/status/announce/",
    "audit": "/audit/",
    "incidents": "/incidents/",
    "incident": "/incidents/2/",
    "declare-incident": "/incidents/declare/",
    "report": "/incidents/1/report/",
    "debt": "/incidents/debt/",
    "silences": "/incidents/silences/",
    "public-incident": "/status/incidents/2/",
    "schedules": "/schedules/?kind=all",
    "ailing": "/hubs/brain-atlas/staging/",
    "nothing": "/nothing/",
}
SHOWN = {
    "fleet",
    "hub",
    "use",
    "plan",
    "live",
    "status",
    "audit",
    "incident",
    "incidents",
    "report",
}
"""Those of which the documentation has a picture."""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("pages") / "state"
    command = [sys.executable, "-m", "tests.scripted", str(FLEET), str(state), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        made = Served(process, process.stdout.readline().strip(), state)
        until(lambda: made.get("/healthz")[0] == 200, "the console to answer")
        until(lambda: b"seen" in made.get("/status/")[2], "the first look at the fleet")
        yield made
        process.terminate()


def signed_in(context: BrowserContext, served: Served, login: str = "eve") -> Page:
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{served.address}/account/login/?next=/rollouts/")
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/rollouts/")
    return page


VIEWS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


@pytest.mark.parametrize("view", VIEWS)
def test_pages_are_open_to_everybody_and_fit_their_screen(browser: Browser, served, view):
    context = browser.new_context(**VIEWS[view])
    try:
        page = signed_in(context, served)
        said: list[str] = []

        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and "404" not in message.text:
                said.append(message.text)

        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(str(error)))
        for name, path in PAGES.items():
            page.goto(served.address + path)
            found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
            assert not found, (name, [(one["id"], one["nodes"][0]["html"]) for one in found])
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name} is {wide} px too wide"
            if IMAGES and name in SHOWN and view != "dark":
                picture = Path(IMAGES) / f"{name}{'-phone' if view == 'phone' else ''}.png"
                page.screenshot(path=str(picture))
        assert not said, "nothing was blocked by the policy, no script failed"
    finally:
        context.close()


def test_a_rollout_is_followed_as_it_goes_on(browser: Browser, served):
    context = browser.new_context()
    try:
        page = signed_in(context, served)
        page.goto(f"{served.address}{PAGES['live']}")
        row = page.get_by_role("row", name="commons/demo")
        expect(row).to_contain_text("under way")
        page.evaluate("window.notLoadedAgain = true")
        name, hub = "r-20260303-now", "commons/demo"
        written(served, ActEnded(name, timestamp(), hub, "update", True, True, 4, 3.1))
        written(served, HubSettled(name, timestamp(), hub, "done"))
        expect(row).to_contain_text("done")
        expect(page.get_by_text("6 of 10 hubs done with")).to_be_visible()
        written(served, RolloutEnded(name, timestamp(), True))
        expect(page.get_by_role("status")).to_have_text("done")
        assert page.evaluate("window.notLoadedAgain"), "the page moved without being loaded again"
    finally:
        context.close()


def test_the_filter_works_while_typing(browser: Browser, served):
    context = browser.new_context()
    try:
        page = signed_in(context, served)
        page.goto(f"{served.address}/fleet/")
        expect(page.get_by_role("button", name="Show", exact=True)).to_be_hidden()
        page.get_by_label("Search").press_sequentially("workshop")
        expect(page.get_by_role("link", name="earth-lab/workshop")).to_be_visible()
        expect(page.get_by_role("link", name="night-sky/prod")).to_be_hidden()
        assert "q=workshop" in page.url
        page.reload()
        expect(page.get_by_role("link", name="night-sky/prod")).to_be_hidden()
    finally:
        context.close()


def test_everything_can_be_read_and_filtered_without_scripts(browser: Browser, served):
    context = browser.new_context(java_script_enabled=False)
    try:
        page = signed_in(context, served)
        for path in PAGES.values():
            page.goto(served.address + path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto(f"{served.address}/fleet/")
        page.get_by_label("Search").fill("workshop")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_role("link", name="earth-lab/workshop")).to_be_visible()
        expect(page.get_by_role("link", name="night-sky/prod")).to_be_hidden()
        page.get_by_text("eve", exact=True).click()
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{served.address}/fleet/")
        expect(page).to_have_url(f"{served.address}/account/login/?next=/fleet/")
    finally:
        context.close()


def test_the_keyboard_reaches_the_content_and_the_menu(browser: Browser, served):
    context = browser.new_context()
    try:
        page = signed_in(context, served)
        page.goto(f"{served.address}/fleet/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#content")).to_be_focused()
        page.locator("details.me > summary").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    finally:
        context.close()
