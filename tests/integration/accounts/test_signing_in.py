"""Signing in, second factors, recovery, sessions; and what an attacker tries."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.integration.accounts.walking import (
    PASSWORD,
    acts,
    link_in,
    mails,
    send,
    sign_in,
    token_in,
    words,
)
from tests.totp import totp

RIGHT = "correct horse battery"


def verified(office, login: str, *staff: str):
    from allauth.account.models import EmailAddress

    person = office.person(login, *staff)
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    return person


def another() -> Client:
    return Client(enforce_csrf_checks=True)


def add_totp(browser: Client) -> str:
    """Turn the authenticator app on as a person would; its secret."""
    shown = browser.get("/account/second-factor/totp/activate/")
    found = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', shown.content.decode())
    assert found, words(shown)
    # From this very page: to show it again makes another secret.
    values = {"code": totp(found[1]), "csrfmiddlewaretoken": token_in(shown)}
    answer = browser.post("/account/second-factor/totp/activate/", values)
    assert answer.status_code == 302, words(answer)
    return found[1]


# ---- Signing in --------------------------------------------------------------------------------
def test_by_login_in_any_case_and_by_address(office):
    verified(office, "mia")
    for name in ("mia", "MIA", "mia@example.org"):
        browser = another()
        answer = sign_in(browser, name)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        assert browser.get("/account/").status_code == 200
    assert ("mia", "sign-in", "done") in acts()


def test_a_wrong_password_and_an_unknown_login_look_alike(office):
    verified(office, "mia")
    wrong = sign_in(another(), "mia", "nonsense")
    unknown = sign_in(another(), "nobody", "nonsense")
    assert wrong.status_code == unknown.status_code == 200
    assert words(wrong) == words(unknown)
    assert "The username and/or password you specified are not correct." in words(wrong)


def test_what_was_typed_as_a_login_is_not_written_down(office):
    """People type their password into the wrong field."""
    from hubfleet.office.audit.models import Entry

    sign_in(another(), "my secret pass phrase", "mia")
    entry = Entry.objects.get(act="sign-in")
    assert entry.outcome == "refused"
    assert "secret" not in repr((entry.who, entry.what, entry.details))


def test_the_sixth_wrong_password_is_not_even_tried(office):
    verified(office, "mia")
    browser = another()
    for _ in range(5):
        assert "not correct" in words(sign_in(browser, "mia", "nonsense"))
    refused = sign_in(browser, "mia", RIGHT)
    assert "Too many failed login attempts. Try again later." in words(refused)
    assert browser.get("/account/").status_code == 302


def test_a_session_key_that_somebody_planted_is_not_the_one_after_signing_in(office):
    from django.contrib.sessions.backends.db import SessionStore

    verified(office, "mia")
    planted = SessionStore()
    planted["seen"] = True
    planted.create()
    browser = another()
    browser.cookies["hubfleet-session"] = str(planted.session_key)
    sign_in(browser, "mia")
    assert browser.cookies["hubfleet-session"].value != planted.session_key
    thief = another()
    thief.cookies["hubfleet-session"] = str(planted.session_key)
    assert thief.get("/account/").status_code == 302


def test_a_form_without_its_token_does_nothing(office):
    verified(office, "mia")
    browser = another()
    forged = browser.post("/account/login/", {"login": "mia", "password": RIGHT})
    assert forged.status_code == 403
    sign_in(browser, "mia")
    for path in (
        "/account/name/",
        "/account/sessions/end/",
        "/account/logout/",
        "/account/password/change/",
        "/account/second-factor/totp/activate/",
        "/people/invite/",
        "/people/account/mia/act/",
    ):
        assert (
            browser.post(path, {}, headers={"origin": "http://evil.localhost"}).status_code == 403
        )
    assert browser.get("/account/").status_code == 200, "still signed in"


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example.org/",
        "//evil.example.org/",
        "https:evil.example.org",
        "http://localhost:8010.evil.example.org/",
        "http://ant-prod.localhost:8000/",
        "\\\\evil.example.org",
        "javascript:alert(1)",
        "http:///evil.example.org",
        "/\\evil.example.org",
    ],
)
def test_signing_in_leads_nowhere_else(office, target):
    verified(office, "mia")
    answer = send(another(), "/account/login/", {"login": "mia", "password": RIGHT, "next": target})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"


def test_signing_in_leads_on_within_the_console(office):
    verified(office, "mia")
    path = "/identity/o/authorize?client_id=ant%2Fprod"
    answer = send(another(), "/account/login/", {"login": "mia", "password": RIGHT, "next": path})
    assert answer.headers["Location"] == path


def test_a_closed_account_does_not_get_in(office):
    from hubfleet.office.accounts import leaving
    from hubfleet.office.audit.record import Actor

    mia = verified(office, "mia")
    inside = another()
    sign_in(inside, "mia")
    leaving.close(Actor("eve"), mia)
    assert inside.get("/account/").status_code == 302
    answer = sign_in(another(), "mia")
    assert answer.headers["Location"] == "/account/inactive/"
    assert "This account is closed" in words(another().get("/account/inactive/"))


# ---- Second factors ------------------------------------------------------------------------------
def test_with_an_authenticator_app_the_password_alone_opens_nothing(office):
    verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    secret = add_totp(browser)
    stranger = another()
    answer = sign_in(stranger, "mia")
    assert answer.headers["Location"] == "/account/second-factor/authenticate/"
    assert stranger.get("/account/").status_code == 302
    wrong = send(stranger, "/account/second-factor/authenticate/", {"code": "000000"})
    assert "Incorrect code." in words(wrong)
    right = send(stranger, "/account/second-factor/authenticate/", {"code": totp(secret, later=1)})
    assert right.headers["Location"] == "/"
    assert stranger.get("/account/").status_code == 200
    assert ("mia", "add-second-factor", "done") in acts()


def test_a_code_is_good_once(office):
    verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    code = totp(add_totp(browser), later=1)
    first, second = another(), another()
    for one in (first, second):
        sign_in(one, "mia")
    path = "/account/second-factor/authenticate/"
    assert send(first, path, {"code": code}).status_code == 302
    replayed = send(second, path, {"code": code})
    assert replayed.status_code == 200
    assert "Incorrect code." in words(replayed)


def test_the_apps_secret_and_recovery_codes_are_encrypted_in_the_database(office):
    from allauth.mfa.models import Authenticator

    verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    secret = add_totp(browser)
    stored = repr(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert "gAAAA" in stored, "it is a token of Fernet"


def test_a_recovery_code_opens_once(office):
    verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    add_totp(browser)
    shown = browser.get("/account/second-factor/recovery-codes/")
    code = re.findall(r"^(\d{8})$|>(\d{8})$", shown.content.decode(), re.MULTILINE)[0]
    code = next(filter(None, code))
    path = "/account/second-factor/authenticate/"
    for expected in (302, 200):
        one = another()
        sign_in(one, "mia")
        assert send(one, path, {"code": code}).status_code == expected


def test_changing_a_second_factor_asks_for_the_password_again(office):
    from django.contrib.sessions.models import Session

    verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    session = browser.session
    for one in session["account_authentication_methods"]:
        one["at"] -= 301
    session.save()
    assert Session.objects.count() == 1
    answer = browser.get("/account/second-factor/totp/activate/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/reauthenticate/")


# ---- Recovery ------------------------------------------------------------------------------------
def test_a_forgotten_password_is_replaced_by_mail(office):
    verified(office, "mia")
    inside = another()
    sign_in(inside, "mia")
    browser = another()
    asked = send(browser, "/account/password/reset/", {"email": "mia@example.org"})
    assert asked.headers["Location"] == "/account/password/reset/sent/"
    [(to, subject, text)] = mails()
    assert (to, subject) == ("mia@example.org", "A new password for Test Hubs")
    assert "Your login is mia." in text
    path = browser.get(link_in(text)).headers["Location"]
    done = send(browser, path, {"password1": PASSWORD, "password2": PASSWORD})
    assert done.status_code == 302
    assert sign_in(another(), "mia", PASSWORD).headers["Location"] == "/"
    assert inside.get("/account/").status_code == 302, "older sessions ended"
    again = another().get(link_in(text), follow=True)
    assert "password1" not in again.content.decode()


def test_asking_for_a_password_tells_nobody_who_has_an_account(office):
    verified(office, "mia")
    known = send(another(), "/account/password/reset/", {"email": "mia@example.org"})
    unknown = send(another(), "/account/password/reset/", {"email": "nobody@example.org"})
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    assert [to for to, _, _ in mails()] == ["mia@example.org"]


def test_mails_lead_to_the_declared_address_whatever_the_request_says(office):
    verified(office, "mia")
    browser = Client(enforce_csrf_checks=True, headers={"host": "testserver"})
    send(browser, "/account/password/reset/", {"email": "mia@example.org"})
    [(_, _, text)] = mails()
    assert "http://localhost:8010/account/password/reset/key/" in text
    assert "testserver" not in text
    assert Client(headers={"host": "evil.example.org"}).get("/account/login/").status_code == 400


def test_a_new_address_counts_once_its_code_was_entered(office):
    from hubfleet.office.accounts import people

    mia = verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    add_totp(browser)
    asked = send(browser, "/account/email/", {"email": "new@example.org", "action_add": ""})
    assert asked.status_code == 302, words(asked)
    assert people.facts_of(mia).emails == {"mia@example.org"}
    [text] = [text for to, _, text in mails() if to == "new@example.org"]
    code = re.search(r"^\s*([A-Z0-9-]{6,12})$", text, re.MULTILINE)
    assert code, text
    done = send(browser, "/account/email/confirm/", {"code": code[1]})
    assert done.status_code == 302, words(done)
    mia.refresh_from_db()
    assert mia.email == "new@example.org"
    assert people.facts_of(mia).emails == {"new@example.org"}


# ---- Sessions ------------------------------------------------------------------------------------
def test_a_session_is_listed_and_ended_from_another_one(office):
    heard: list[str] = []
    from hubfleet.office.accounts.signals import signed_out

    def listen(login: str, why: str, **_more: object) -> None:
        heard.append(f"{login}: {why}")

    signed_out.connect(listen)
    verified(office, "mia")
    here = Client(enforce_csrf_checks=True, headers={"user-agent": "X Firefox/1 (Linux)"})
    lost = Client(enforce_csrf_checks=True, headers={"user-agent": "X Chrome/1 (Android 14)"})
    for one in (here, lost):
        sign_in(one, "mia")
    shown = here.get("/account/sessions/")
    assert "Firefox on Linux this one" in words(shown)
    assert "Chrome on Android" in words(shown)
    numbers = re.findall(r'name="id" value="(\d+)"', shown.content.decode())
    assert len(numbers) == 2
    values = {"id": numbers[0]}
    done = send(here, "/account/sessions/end/", values, page="/account/sessions/")
    assert done.headers["Location"] == "/account/sessions/"
    assert lost.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert heard == ["mia: "]


def test_somebody_elses_session_cannot_be_ended(office):
    from allauth.usersessions.models import UserSession

    verified(office, "mia")
    verified(office, "sly")
    mia, sly = another(), another()
    sign_in(mia, "mia")
    sign_in(sly, "sly")
    theirs = UserSession.objects.get(user__login="mia")
    answer = send(sly, "/account/sessions/end/", {"id": str(theirs.pk)}, page="/account/sessions/")
    assert answer.status_code == 404
    assert mia.get("/account/").status_code == 200


def test_signing_out_ends_the_session_and_is_told(office):
    verified(office, "mia")
    browser = another()
    sign_in(browser, "mia")
    key = browser.cookies["hubfleet-session"].value
    send(browser, "/account/logout/", {}, page="/account/")
    stolen = another()
    stolen.cookies["hubfleet-session"] = key
    assert stolen.get("/account/").status_code == 302
    assert ("mia", "sign-out", "done") in acts()


def test_a_login_cannot_be_changed_or_used_again(office):
    from django.db import DatabaseError, connection, transaction

    from hubfleet.office.accounts import leaving
    from hubfleet.office.accounts.models import Person
    from hubfleet.office.audit.record import Actor

    mia = verified(office, "mia")
    with pytest.raises(DatabaseError, match="keeps its login"), transaction.atomic():
        Person.objects.filter(pk=mia.pk).update(login="sly")
    with pytest.raises(DatabaseError, match="keeps its login"), transaction.atomic():
        mia.delete()
    leaving.erase(Actor("eve"), mia)
    mia.refresh_from_db()
    assert (mia.login, mia.name, mia.email, mia.is_active) == ("mia", "", "", False)
    with pytest.raises(DatabaseError), transaction.atomic():
        Person.objects.create_user("MIA")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM account_emailaddress")
        assert cursor.fetchone() == (0,)


def test_every_page_of_the_account_opens_and_has_no_inline_style(office):
    verified(office, "mia")
    browser = another()
    outside = ["/account/login/", "/account/password/reset/", "/account/inactive/"]
    inside = [
        "/account/",
        "/account/sessions/",
        "/account/email/",
        "/account/password/change/",
        "/account/second-factor/",
        "/account/second-factor/totp/activate/",
        "/account/second-factor/webauthn/",
        "/account/second-factor/webauthn/add/",
        "/account/elsewhere/",
        "/account/logout/",
    ]
    shown = [browser.get(path) for path in outside]
    sign_in(browser, "mia")
    shown += [browser.get(path) for path in inside]
    add_totp(browser)
    more = ["/account/second-factor/", "/account/second-factor/recovery-codes/"]
    more += ["/account/second-factor/totp/deactivate/", "/account/reauthenticate/"]
    shown += [browser.get(path) for path in more]
    for path, page in zip([*outside, *inside, *more], shown, strict=True):
        text = page.content.decode()
        assert page.status_code == 200, path
        assert "style=" not in text, path
        assert not re.search(r"\son\w+=", text), path
        inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", text)
        assert all('type="application/json"' in one for one in inline), path
        assert "<h1>" in text, path
