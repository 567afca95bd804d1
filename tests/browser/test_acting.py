"""Acting from the console in a real browser, on a real hub: people, responsibilities, a rollout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.consoles import PASSWORD, ConsolePlace, console_fleet
from tests.offices import git, in_git
from tests.places import local_place, until

pytestmark = pytest.mark.browser

HUBS = {"ant/prod": {"access": {"sign_in": "console", "admins": ["ada"], "allow": {"users": []}}}}
IMAGES = os.environ.get("HUBFLEET_TEST_IMAGES")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsolePlace]:
    folder = tmp_path_factory.mktemp("acting")
    fleet, address = console_fleet(folder / "fleet", HUBS)
    community = fleet / "communities/ant/community.yaml"
    text = community.read_text().replace("name: Ada Example\n", "name: Ada Example  # since 2021\n")
    community.write_text(text + "responsibilities:\n  deploy-hubs: shared  # they know how\n")
    in_git(fleet)
    with local_place(folder / "state") as place:
        made = ConsolePlace(place, fleet, address)
        done = made.up()
        assert done.returncode == 0, done.stderr + done.stdout
        made.account("ada", "bo", "cy", "lea")
        made.in_the_office(
            """
from hubfleet.office.accounts.models import StaffRole
lea = Person.objects.get(login="lea")
StaffRole.objects.create(person=lea, role="leadership", granted_by="test")
"""
        )
        yield made


@pytest.fixture
def somebody(browser: Browser, console: ConsolePlace) -> Iterator[object]:
    """Browsers of people who are signed in."""
    contexts = []

    def another(login: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{console.address}/account/login/")
        page.get_by_label("Login", exact=False).first.fill(login)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page).not_to_have_url(re.compile("/login/"))
        return page

    yield another
    for context in contexts:
        context.close()


def accessible(page: Page, name: str) -> None:
    """No finding of axe for WCAG 2.2 AA; a picture for the documentation where that is asked."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    if IMAGES:
        page.screenshot(path=str(Path(IMAGES) / f"{name}.png"))


def test_a_user_is_added_and_removed(console: ConsolePlace, somebody) -> None:
    page = somebody("ada")
    page.goto(f"{console.address}/hubs/ant/prod/people/")
    page.locator("#add").get_by_label("Login").fill("bo")
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_role("status")).to_contain_text("bo may use the hub.")
    expect(page.locator("#users")).to_contain_text("Bo")
    page.get_by_label("Addresses").fill("uli@example.org, Uli\nnot an address")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("there is no e-mail address in it")
    page.get_by_label("Addresses").fill("uli@example.org, Uli")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.locator("#invited")).to_contain_text("uli@example.org")
    accessible(page, "hub-people")
    page.get_by_role("button", name="Remove bo").click()
    expect(page.get_by_role("status")).to_contain_text("bo was removed.")


def test_a_responsibility_turns_a_button_on_and_off(console: ConsolePlace, somebody) -> None:
    ada, lea = somebody("ada"), somebody("lea")
    ada.goto(f"{console.address}/hubs/ant/prod/change/")
    button = ada.get_by_role("button", name="Change the limits")
    expect(button).to_have_count(0)
    expect(ada.locator("#limits")).to_contain_text("engineers of Test Foundation")
    lea.goto(f"{console.address}/communities/ant/")
    accessible(lea, "community")
    lea.get_by_role("link", name="Change manage-configuration").click()
    lea.get_by_label("the community").check()
    lea.get_by_label("What was agreed").fill("Since the workshop in May.")
    lea.get_by_label("Why").fill("They asked for it")
    lea.get_by_role("button", name="Change it").click()
    expect(lea.get_by_role("status")).to_contain_text("committed")
    accessible(lea, "responsibility")
    ada.reload()
    expect(button).to_have_count(1)
    accessible(ada, "hub-change")
    lea.get_by_label("the operator").check()
    lea.get_by_role("button", name="Change it").click()
    expect(lea.get_by_role("status")).to_contain_text("committed")
    ada.reload()
    expect(button).to_have_count(0)
    text = (console.fleet / "communities/ant/community.yaml").read_text()
    assert "name: Ada Example  # since 2021\n" in text
    assert "  deploy-hubs: shared  # they know how\n" in text


def test_an_admin_is_made_planned_and_rolled_out(console: ConsolePlace, somebody) -> None:
    page = somebody("ada")
    page.goto(f"{console.address}/hubs/ant/prod/people/")
    page.locator("#make-admin").get_by_label("Login").fill("cy")
    page.locator("#make-admin").get_by_label("Why").fill("Cy teaches with it")
    page.locator("#make-admin").get_by_role("button", name="Make admin").click()
    expect(page.get_by_role("status")).to_contain_text("Make cy an admin of ant/prod: committed.")
    head = git(console.fleet, "log", "-1", "--format=%an <%ae>|%cn|%s").strip()
    assert head == "Ada <ada@example.org>|hubfleet|Make cy an admin of ant/prod"
    waiting = page.locator("#waiting")
    expect(waiting).to_contain_text("ant/prod")
    accessible(page, "hub-waiting")
    waiting.get_by_label("Why", exact=True).fill("The new admin")
    waiting.get_by_role("button", name="Apply this plan").click()
    expect(page).to_have_url(re.compile("/runs/"))
    accessible(page, "run")
    expect(page.locator(".state.good")).to_have_text("done", timeout=180_000)
    assert console.place.run("plan", "--exit-code", fleet=console.fleet).returncode == 0
    told = console.place.run("history", "ant/prod", "--json")
    newest = json.loads(told.stdout)["revisions"][0]
    assert (newest["who"], newest["why"]) == ("ada", "The new admin")


def test_a_terminal_signs_in_asks_and_signs_out(
    console: ConsolePlace, somebody, tmp_path: Path
) -> None:
    page = somebody("ada")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "hubfleet"]
    with subprocess.Popen(
        [*command, "login", console.address],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as login:
        assert login.stderr is not None
        link = login.stderr.readline().removeprefix("Open ").strip()
        code = login.stderr.readline().rpartition(" ")[2].strip()
        page.goto(link)
        expect(page.locator("main")).to_contain_text(code)
        accessible(page, "device")
        page.get_by_role("button", name="It is me: sign it in").click()
        out, _ = login.communicate(timeout=60)
    assert out == f"You are signed in to {console.address} as ada.\n"
    kept = tmp_path / "hubfleet" / "sign-ins.json"
    assert kept.stat().st_mode & 0o777 == 0o600

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words], env=environment, capture_output=True, text=True, check=False
        )

    def running() -> bool:
        found = json.loads(ask("status", "--remote", "localhost", "--json").stdout)["hubs"]
        return [(one["hub"], one["state"]) for one in found] == [("ant/prod", "running")]

    until(running, "the hub is running")
    assert ask("plan", "--remote", "localhost").stdout.startswith("Nothing to do")
    assert ask("history", "ant/prod", "--remote", "localhost").returncode == 0
    assert ask("logs", "ant/prod", "--remote", "localhost").stdout
    wrong = ask("logs", "bee/prod", "--remote", "localhost")
    assert wrong.returncode == 1
    assert "error[refused-there]: there is nothing here" in wrong.stderr
    gone = ask("logout")
    assert gone.stdout == f"You are signed out of {console.address}.\n"
    assert kept.read_text() == "{}\n"
    assert "error[not-signed-in]" in ask("status", "--remote", console.address).stderr
