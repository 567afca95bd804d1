"""One sign-in for all hubs, in a real browser: in, on to a second hub, to work, and out again."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.consoles import PASSWORD, ConsolePlace, console_fleet
from tests.places import local_place, until

pytestmark = pytest.mark.browser
# Kernels start while other tests have the machine.
expect.set_options(timeout=60_000)

NOBODY = {"sign_in": "console", "admins": [], "allow": {"users": []}}
HUBS = {
    "ant/prod": {"access": {**NOBODY, "admins": ["ada"]}},
    "bee/prod": {"access": NOBODY},
}


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one-sign-in")
    fleet, address = console_fleet(folder / "fleet", HUBS)
    with local_place(folder / "state") as place:
        made = ConsolePlace(place, fleet, address)
        done = made.up()
        assert done.returncode == 0, done.stderr + done.stdout
        assert f"console  {address}" in done.stdout
        made.account("ada", "bo", "cy", "dee")
        made.member("bo", "ant/prod")
        made.member("bo", "bee/prod")
        made.member("cy", "ant/prod")
        yield made


def sign_in_at_console(page: Page, login: str) -> None:
    """The page to which a hub sent the browser."""
    expect(page).to_have_url(re.compile(r"/account/login/"))
    page.get_by_label("Login", exact=False).first.fill(login)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def to_jupyterlab(page: Page, url: str, login: str) -> None:
    page.goto(url)
    sign_in_at_console(page, login)
    page.wait_for_url(f"**/user/{login}/lab**")
    expect(page.locator(".jp-Launcher, .jp-Notebook").first).to_be_visible()


def run_a_cell(page: Page, code: str, printed: str) -> None:
    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-editor").first.click()
    page.keyboard.type(code)
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output pre").first).to_have_text(f"{printed}\n")


def test_a_person_signs_in_at_the_console_works_and_reaches_a_second_hub_unasked(console, page):
    to_jupyterlab(page, console.hub("ant/prod"), "bo")
    run_a_cell(page, "print(6 * 7)", "42")
    page.goto(console.hub("bee/prod"))
    # Nobody asked anything.
    page.wait_for_url(f"{console.hub('bee/prod')}**/user/bo/lab**")
    cookies = page.context.cookies(console.hub("bee/prod"))
    assert {cookie["domain"] for cookie in cookies} == {"prod-bee.localhost"}


def test_an_admin_of_one_hub_is_none_elsewhere(console, page):
    page.goto(f"{console.hub('ant/prod')}hub/home")
    sign_in_at_console(page, "ada")
    expect(page.get_by_role("link", name="Admin", exact=True)).to_be_visible()
    page.goto(console.hub("bee/prod"))
    expect(page.get_by_role("heading", name="This hub is not open to you")).to_be_visible()
    expect(page.get_by_text("Ada Example, representative of Bee")).to_be_visible()


def test_who_is_no_member_reads_whom_to_ask(console, page):
    page.goto(console.hub("ant/prod"))
    sign_in_at_console(page, "dee")
    expect(page.get_by_role("heading", name="This hub is not open to you")).to_be_visible()
    expect(page.get_by_text("dee is no user of Ant (prod)")).to_be_visible()
    expect(page.get_by_text("Ada Example, representative of Ant")).to_be_visible()


def test_who_loses_access_has_no_page_no_kernel_and_no_server_within_a_minute(console, page):
    url = console.hub("ant/prod")
    to_jupyterlab(page, url, "cy")
    run_a_cell(page, "print(6 * 7)", "42")
    platform = console.place.platform()
    assert "ant/prod: cy" in platform.working_people()
    console.remove("cy", "ant/prod")
    began = time.monotonic()
    until(lambda: "ant/prod: cy" not in platform.working_people(), "the server's end", 60)
    # The page that was open hears of it, too: its kernel is gone.
    state = re.compile("Disconnected|Unknown|Connecting")
    expect(page.get_by_role("button", name=state)).to_be_visible()
    refused = page.get_by_role("heading", name="This hub is not open to you")
    for path in ("hub/home", "user/cy/lab"):
        page.goto(url + path)
        until(lambda: refused.is_visible() or page.reload() is None, f"{path} closing", 60)
    assert time.monotonic() - began < 60
    # Let in again, cy finds the files.
    console.member("cy", "ant/prod")
    page.goto(url)
    page.wait_for_url("**/user/cy/lab**")
    files = page.locator(".jp-DirListing-itemText")
    expect(files.filter(has_text="Untitled.ipynb")).to_be_visible()


def test_signing_out_of_the_console_signs_out_of_the_hubs(console, page):
    url = console.hub("ant/prod")
    to_jupyterlab(page, url, "bo")
    page.goto(f"{console.address}/account/")
    page.locator("details.me summary").click()
    page.get_by_role("button", name="Sign out").click()
    began = time.monotonic()

    def closed() -> bool:
        page.goto(f"{url}user/bo/lab")
        return "/account/login/" in page.url

    until(closed, "the server's pages closing", 60)
    page.goto(f"{url}hub/home")
    expect(page).to_have_url(re.compile(r"/account/login/"))
    assert time.monotonic() - began < 60
    # The server itself goes on: what was begun is finished.
    assert "ant/prod: bo" in console.place.platform().working_people()


def test_a_console_that_is_away_is_said_at_the_hub_and_people_at_work_go_on(console, page, browser):
    from hubfleet.platforms.local.console_process import stop_console

    url = console.hub("ant/prod")
    to_jupyterlab(page, url, "bo")
    stop_console(console.place.state)
    try:
        status = console.place.json("status", fleet=console.fleet)
        assert status["console"]["state"] == "stopped"
        page.reload()
        expect(page.locator(".jp-Launcher, .jp-Notebook").first).to_be_visible()
        other = browser.new_context()
        newcomer = other.new_page()
        newcomer.goto(url)
        expect(newcomer.get_by_role("heading", name="The console does not answer")).to_be_visible()
        expect(newcomer.get_by_text("Try again in some minutes.")).to_be_visible()
        other.close()
        [probe] = console.place.json("probe", "ant/prod", fleet=console.fleet)["probes"]
        assert probe["verdict"] == "degraded"
        assert "the console" in probe["cause"]
    finally:
        done = console.up()
        assert done.returncode == 0, done.stderr
