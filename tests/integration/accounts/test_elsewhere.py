"""Signing in with an account elsewhere, against a real OpenID Connect provider on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from html import unescape
from re import search
from typing import Any

import pytest
import requests
from django.test import Client

from hubfleet.fleet.console import Console
from tests.integration.accounts.test_invitations import invite, link_for
from tests.integration.accounts.walking import PASSWORD, facts, send, sign_in, words
from tests.integration.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider

CALLBACK = "http://testserver/account/oidc/campus/login/callback/"


@pytest.fixture
def campus(office) -> Iterator[Provider]:
    """A provider in a thread of its own, declared as the fleet would declare it."""
    from django.test import override_settings

    from hubfleet.office.accounts.elsewhere import provider_settings

    people: dict[str, dict[str, Any]] = {
        "uli": {"preferred_username": "u123", "email": "ada@example.org", "email_verified": True},
        "sly": {"preferred_username": "ada", "email": "mia@example.org", "email_verified": True},
    }
    running = Provider(people=people, callback=CALLBACK)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(running.start(), loop).result(20)
    declared = Console.model_validate(
        {
            "providers": {
                "campus": {
                    "name": "Campus",
                    "issuer": running.url,
                    "client": {"id": CLIENT_ID, "secret": CLIENT_SECRET},
                }
            }
        }
    )
    service = office.fleet.service.model_copy(update={"console": declared})
    with override_settings(**provider_settings(service, {"campus": CLIENT_SECRET})):
        yield running
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


def through(browser: Client, page: Any, who: str) -> Any:
    """From the page that leads to the provider, as this person, and back; where it ends."""
    found = search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.content.decode())
    assert found, words(page)
    there = requests.get(
        unescape(found[1]), headers={"X-Person": who}, allow_redirects=False, timeout=20
    )
    back = there.headers["Location"]
    assert back.startswith(CALLBACK), there.text
    return browser.get(back.removeprefix("http://testserver"), follow=True)


def by_campus(browser: Client, who: str) -> Any:
    page = send(browser, "/account/oidc/campus/login/", {})
    return through(browser, page, who)


def accepted(browser: Client, who: str = "uli") -> Any:
    """An invitation taken up with the account elsewhere."""
    values = {"login": "uli", "name": "Uli", "with": "campus"}
    page = send(browser, link_for("uli@example.org"), values)
    return through(browser, page, who)


def test_an_invitation_is_taken_up_with_an_account_elsewhere(office, campus, browser):
    invite(office, "uli@example.org")
    assert "Continue with Campus" in words(browser.get(link_for("uli@example.org")))
    done = accepted(browser)
    assert done.wsgi_request.user.login == "uli"
    found = facts("uli")
    assert found.emails == {"uli@example.org"}, "the invited address, not the provider's"
    assert found.memberships[0].hub == "ant/prod"
    again = Client(enforce_csrf_checks=True)
    assert by_campus(again, "uli").wsgi_request.user.login == "uli"


def test_an_address_that_the_provider_tells_opens_nobodys_account(office, campus, browser):
    """`sly` says to be mia@example.org, and calls themselves ada."""
    from allauth.account.models import EmailAddress

    from hubfleet.office.accounts.models import Person

    mia = office.person("mia")
    EmailAddress.objects.create(user=mia, email=mia.email, primary=True, verified=True)
    answer = by_campus(browser, "sly")
    assert "Accounts are made by invitation" in words(answer)
    assert not answer.wsgi_request.user.is_authenticated
    assert [one.login for one in Person.objects.all()] == ["mia"]


def test_an_account_elsewhere_makes_no_representative(office, campus, browser):
    """The provider says that uli is ada@example.org, who speaks for both communities."""
    from hubfleet.office.accounts import people

    invite(office, "uli@example.org")
    accepted(browser)
    uli = people.by_login("uli")
    assert people.standing(uli, office.fleet).representative_of == frozenset()


def test_a_reserved_login_is_not_had_this_way_either(office, campus, browser):
    invite(office, "uli@example.org")
    values = {"login": "ada", "name": "", "with": "campus"}
    answer = send(browser, link_for("uli@example.org"), values)
    assert answer.status_code == 422
    assert "this login is taken; choose another one" in words(answer)


def test_an_invitation_that_was_used_meanwhile_is_not_used_again(office, campus, browser):
    from hubfleet.office.accounts.models import Person

    invite(office, "uli@example.org")
    page = send(browser, link_for("uli@example.org"), {"login": "uli", "with": "campus"})
    other = Client(enforce_csrf_checks=True)
    values = {"login": "quick", "name": "", "password": PASSWORD}
    assert send(other, link_for("uli@example.org"), values).status_code == 302
    answer = through(browser, page, "uli")
    assert "Accounts are made by invitation" in words(answer)
    assert [one.login for one in Person.objects.all()] == ["quick"]


def test_an_account_elsewhere_is_connected_on_ones_own_page(office, campus, browser):
    from allauth.account.models import EmailAddress

    mia = office.person("mia")
    EmailAddress.objects.create(user=mia, email=mia.email, primary=True, verified=True)
    sign_in(browser, "mia")
    page = send(browser, "/account/oidc/campus/login/?process=connect", {})
    through(browser, page, "sly")
    again = Client(enforce_csrf_checks=True)
    assert by_campus(again, "sly").wsgi_request.user.login == "mia"
    assert facts("mia").emails == {"mia@example.org"}


def test_an_unknown_provider_and_a_forged_return_lead_nowhere(office, campus, browser):
    invite(office, "uli@example.org")
    answer = send(browser, link_for("uli@example.org"), {"login": "uli", "with": "nobody"})
    assert answer.status_code == 404
    forged = browser.get("/account/oidc/campus/login/callback/?code=x&state=y", follow=True)
    assert not forged.wsgi_request.user.is_authenticated


def test_the_settings_of_known_providers():
    from hubfleet.fleet.model import Service
    from hubfleet.office.accounts.elsewhere import provider_settings

    service = Service.model_validate(
        {
            "name": "Hubs",
            "operator": "Op",
            "contact": "a@b.org",
            "domain": "localhost",
            "console": {"providers": {"github": {"client": {"id": "i"}}, "google": {}}},
        }
    )
    made = provider_settings(service, {"github": "s"})["SOCIALACCOUNT_PROVIDERS"]
    app = {"client_id": "i", "secret": "s", "name": "GitHub"}
    assert made["github"] == {"APPS": [app], "OAUTH_PKCE_ENABLED": False}
    assert list(made) == ["github", "google"]


def test_somebody_elses_address_at_the_provider_is_not_in_the_way(office, campus, browser):
    """`sly` has mia's address there; that neither helps nor hinders, and tells mia nothing."""
    from allauth.account.models import EmailAddress

    from tests.integration.accounts.walking import mails

    mia = office.person("mia")
    EmailAddress.objects.create(user=mia, email=mia.email, primary=True, verified=True)
    invite(office, "uli@example.org")
    done = accepted(browser, "sly")
    assert done.wsgi_request.user.login == "uli"
    assert facts("uli").emails == {"uli@example.org"}
    assert [to for to, _, _ in mails()] == ["uli@example.org"]
