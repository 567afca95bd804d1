"""The first administrator: a link that works once."""

from __future__ import annotations

import pytest

from hubfleet.kit.errors import HubfleetError
from tests.integration.accounts.walking import PASSWORD, acts, facts, send, words

NEW = {
    "login": "ada",
    "name": "Ada",
    "email_address": "ada@example.org",
    "password": PASSWORD,
}


def test_the_link_makes_an_account_that_runs_the_service(office, browser):
    from hubfleet.office.accounts import first_link
    from hubfleet.office.accounts.facts import StaffRole

    path = first_link.make()
    shown = browser.get(path)
    assert shown.status_code == 200
    assert "Make the first account" in words(shown)
    done = send(browser, path, NEW)
    assert (done.status_code, done.headers["Location"]) == (302, "/")
    ada = facts("ada")
    assert ada.staff == {StaffRole.ENGINEER, StaffRole.LEADERSHIP}
    assert ada.emails == {"ada@example.org"}
    assert browser.get("/people/").status_code == 200
    assert ("ada", "first-administrator", "done") in acts()


def test_the_link_works_once_and_only_while_nobody_leads(office, browser):
    from hubfleet.office.accounts import first_link

    path = first_link.make()
    assert send(browser, path, NEW).status_code == 302
    again = browser.get(path)
    assert again.status_code == 404
    assert "This link does not work" in words(again)
    assert not first_link.wanted()
    with pytest.raises(HubfleetError) as error:
        first_link.make()
    assert str(error.value) == (
        "error[first-administrator-exists]: this service has an administrator already\n"
        "  why: the one-time link is for a service in which nobody may grant staff roles\n"
        "  hint: ask somebody of the leadership for an invitation"
    )


def test_a_later_link_makes_an_earlier_one_void(office, browser):
    from hubfleet.office.accounts import first_link

    earlier, later = first_link.make(), first_link.make()
    assert browser.get(earlier).status_code == 404
    assert browser.get(later).status_code == 200


def test_an_expired_link_and_a_guessed_one_look_alike(office, browser):
    from datetime import timedelta

    from hubfleet.kit.clock import now
    from hubfleet.office.accounts import first_link
    from hubfleet.office.accounts.models import FirstLink

    path = first_link.make()
    FirstLink.objects.update(expires_at=now() - timedelta(seconds=1))
    expired, guessed = browser.get(path), browser.get("/first/AAAA/")
    assert expired.status_code == guessed.status_code == 404
    assert words(expired) == words(guessed)


def test_a_weak_password_is_refused_with_its_reason(office, browser):
    from hubfleet.office.accounts import first_link
    from hubfleet.office.accounts.models import Person

    answer = send(browser, first_link.make(), {**NEW, "password": "password12"})
    assert answer.status_code == 422
    assert "This password is too common." in words(answer)
    assert not Person.objects.exists()


def test_the_link_is_stored_hashed(office):
    from hubfleet.office.accounts import first_link

    token = first_link.make().split("/")[2]
    assert token.encode() not in (office.state / "office.sqlite").read_bytes()
    assert token.encode() not in (office.state / "office.sqlite-wal").read_bytes()


def test_whoever_tries_links_is_slowed_down(office, browser):
    answers = [browser.get(f"/first/{number}/").status_code for number in range(12)]
    assert answers == [404] * 10 + [429] * 2
