"""The first account, an invitation, a second factor and a passkey, in a real browser."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.consoles import console_fleet
from tests.places import until
from tests.totp import totp

pytestmark = pytest.mark.browser

# Other tests keep the machine busy.
expect.set_options(timeout=30_000)
PASSWORD = "a long enough pass phrase"
HUBS = {"ant/prod": {"access": {"sign_in": "console", "admins": ["ada"], "allow": {"users": []}}}}


@dataclass
class Console:
    """`hubfleet serve` in a process of its own, and what it printed."""

    address: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def first_link(self) -> str:
        begin = "Begin here: "
        # The first start makes all tables.
        line = until(lambda: next((one for one in self.said if begin in one), None), begin, 120)
        return str(line).partition(begin)[2].strip()

    def mailed(self, words: str) -> str:
        """The first address of the console in the mail whose head has the words."""

        def found() -> str | None:
            text = "".join(self.said)
            letter = re.search(rf"--- mail to [^\n]*{re.escape(words)}.*?\n---\n", text, re.DOTALL)
            link = re.search(rf"{re.escape(self.address)}/\S+", letter[0]) if letter else None
            return link[0] if link else None

        return str(until(found, f"the mail {words}"))


@pytest.fixture
def console(tmp_path) -> Iterator[Console]:
    fleet, address = console_fleet(tmp_path / "fleet", HUBS)
    command = [sys.executable, "-m", "hubfleet", "serve"]
    where = ["--fleet", str(fleet), "--state", str(tmp_path / "state")]
    process = subprocess.Popen(
        [*command, *where], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    made = Console(address, process)
    reader = threading.Thread(target=_read, args=(made,), daemon=True)
    reader.start()
    try:
        yield made
    finally:
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM), "".join(made.said)
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def _read(console: Console) -> None:
    assert console.process.stdout is not None
    console.said.extend(iter(console.process.stdout.readline, ""))


@pytest.fixture
def somebody(browser: Browser) -> Iterator[Any]:
    """Makes browsers of further people."""
    made: list[BrowserContext] = []

    def another(**how: Any) -> Page:
        context = browser.new_context(viewport={"width": 1000, "height": 800}, **how)
        context.set_default_timeout(60_000)
        made.append(context)
        return context.new_page()

    yield another
    for context in made:
        context.close()


def is_accessible(page: Page) -> None:
    """Axe finds nothing, and nothing was refused by the page's own policy."""
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = Axe().run(page, options=rules)
    assert found.violations_count == 0, found.generate_report()


def begin(page: Page, console: Console, login: str = "ada") -> None:
    page.goto(console.first_link())
    page.get_by_label("Login").fill(login)
    page.get_by_label("Name").fill("Ada Example")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(re.compile(rf"{console.address}/(?!first)"))


def test_from_the_first_link_to_an_invited_colleague(console, somebody):
    complaints: list[str] = []
    ada: Page = somebody()
    ada.on("console", lambda message: complaints.append(message.text))
    ada.goto(console.first_link())
    expect(ada.get_by_role("heading", name="Make the first account")).to_be_visible()
    is_accessible(ada)
    begin(ada, console)
    expect(ada.get_by_text("This service is yours to run.")).to_be_visible()

    ada.goto(f"{console.address}/people/")
    expect(ada.get_by_role("link", name="ada", exact=True)).to_be_visible()
    is_accessible(ada)
    ada.get_by_role("link", name="Invite staff").click()
    ada.get_by_label("E-mail address").fill("eve@example.org")
    ada.get_by_label("engineer", exact=True).check()
    is_accessible(ada)
    ada.get_by_role("button", name="Send the invitation").click()
    expect(ada.get_by_text("An invitation is on its way to eve@example.org.")).to_be_visible()

    eve: Page = somebody(color_scheme="dark")
    eve.goto(console.mailed("eve@example.org"))
    expect(eve.get_by_role("heading", name="You are invited")).to_be_visible()
    is_accessible(eve)
    eve.get_by_label("Login").fill("ada")
    eve.get_by_label("Password").fill(PASSWORD)
    eve.get_by_role("button", name="Make the account").click()
    expect(eve.get_by_text("this login is taken; choose another one")).to_be_visible()
    eve.get_by_label("Login").fill("eve")
    eve.get_by_label("Password").fill(PASSWORD)
    eve.get_by_role("button", name="Make the account").click()
    expect(eve.get_by_text("Welcome, eve.")).to_be_visible()

    eve.goto(f"{console.address}/account/")
    expect(eve.get_by_text("engineer", exact=True)).to_be_visible()
    is_accessible(eve)
    ada.goto(f"{console.address}/people/account/eve/")
    is_accessible(ada)
    ada.get_by_role("button", name="Close the account").click()
    expect(ada.get_by_text("The account eve was closed.")).to_be_visible()
    eve.reload()
    expect(eve.get_by_role("heading", name="Sign in")).to_be_visible()
    refused = [text for text in complaints if "Content Security Policy" in text]
    assert refused == []


def test_an_authenticator_app_asks_for_its_code_at_the_next_sign_in(console, somebody):
    ada: Page = somebody()
    begin(ada, console)
    ada.goto(f"{console.address}/account/second-factor/totp/activate/")
    is_accessible(ada)
    secret = ada.get_by_label("Authenticator secret").input_value()
    ada.get_by_label("Authenticator code").fill(totp(secret))
    ada.get_by_role("button", name="Activate").click()
    expect(ada.get_by_role("heading", name="Recovery codes")).to_be_visible()
    is_accessible(ada)

    elsewhere: Page = somebody()
    elsewhere.goto(f"{console.address}/account/login/")
    is_accessible(elsewhere)
    elsewhere.get_by_label("Login or e-mail address").fill("ada")
    elsewhere.get_by_label("Password").fill(PASSWORD)
    elsewhere.get_by_role("button", name="Sign in", exact=True).click()
    expect(elsewhere.get_by_role("heading", name="Two-Factor Authentication")).to_be_visible()
    is_accessible(elsewhere)
    elsewhere.get_by_label("Code").fill(totp(secret, later=1))
    elsewhere.get_by_role("button", name="Sign In", exact=True).click()
    expect(elsewhere.locator(".me summary")).to_have_text("ada")
    elsewhere.goto(f"{console.address}/account/sessions/")
    expect(elsewhere.get_by_role("rowheader", name="Chrome on Linux")).to_have_count(2)
    is_accessible(elsewhere)


def test_a_passkey_signs_in_without_a_password(console, somebody):
    ada: Page = somebody()
    key = ada.context.new_cdp_session(ada)
    key.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    key.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    begin(ada, console)
    ada.goto(f"{console.address}/account/second-factor/webauthn/add/")
    is_accessible(ada)
    ada.get_by_label("Name").fill("Laptop")
    ada.get_by_label("Passwordless").check()
    ada.get_by_role("button", name="Add", exact=True).click()
    expect(ada.get_by_role("heading", name="Recovery codes")).to_be_visible()
    ada.goto(f"{console.address}/account/second-factor/webauthn/")
    expect(ada.get_by_role("row", name=re.compile("Laptop passkey"))).to_be_visible()
    is_accessible(ada)

    ada.locator(".me summary").click()
    ada.get_by_role("button", name="Sign out").click()
    expect(ada.get_by_role("heading", name="Sign in")).to_be_visible()
    ada.get_by_role("button", name="Sign in with a passkey").click()
    expect(ada.locator(".me summary")).to_have_text("ada")


def test_pages_read_and_work_without_javascript(console, somebody):
    ada: Page = somebody(java_script_enabled=False)
    begin(ada, console)
    ada.goto(f"{console.address}/account/")
    ada.get_by_text("Change your name").click()
    ada.get_by_label("Name").fill("Ada Lovelace")
    ada.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("Your name was changed.")).to_be_visible()
