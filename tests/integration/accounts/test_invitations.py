"""Invitations: for one address, once, and for nothing that the inviter may not give."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hubfleet.kit.errors import HubfleetError
from tests.integration.accounts.walking import (
    PASSWORD,
    acts,
    facts,
    link_in,
    mails,
    send,
    sign_in,
    words,
)

NEW = {"login": "uli", "name": "Uli", "password": PASSWORD}


def invite(office, *emails: str, hub: str = "ant/prod", login: str = "", by=None, **welcome):
    from hubfleet.office.accounts import invitations
    from hubfleet.office.accounts.invitees import Invitee
    from hubfleet.office.accounts.rights import Standing
    from hubfleet.office.audit.record import Actor

    people = [Invitee(email, login=login) for email in emails]
    given = invitations.Welcome(hub.partition("/")[0], hub, **welcome)
    return invitations.invite(Actor("ada"), by or Standing("ada"), people, given, office.fleet)


def link_for(email: str) -> str:
    return next(link_in(text) for to, _, text in mails() if to == email)


def with_address(office, login: str, *staff: str):
    from allauth.account.models import EmailAddress

    person = office.person(login, *staff)
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    return person


def test_an_invitation_makes_an_account_that_may_use_the_hub(office, browser):
    from hubfleet.office.accounts.membership import hub_access

    invite(office, "uli@example.org", until=date(2099, 1, 1))
    [(to, subject, text)] = mails()
    assert (to, subject) == ("uli@example.org", "Invitation to Ant (prod)")
    assert "ada invites you to Ant (prod)." in text
    shown = browser.get(link_in(text))
    assert "ada invites uli@example.org to Ant (prod)." in words(shown)
    done = send(browser, link_in(text), NEW)
    assert (done.status_code, done.headers["Location"]) == (302, "/")
    uli = facts("uli")
    assert uli.emails == {"uli@example.org"}
    access = hub_access(uli, "ant/prod", office.fleet, date(2026, 1, 1))
    assert (access.allowed, access.until) == (True, date(2099, 1, 1))
    assert not hub_access(uli, "ant/staging", office.fleet, date(2026, 1, 1)).allowed
    assert ("uli", "accept-invitation", "done") in acts()


def test_it_works_once(office, browser):
    from django.test import Client

    invite(office, "uli@example.org")
    path = link_for("uli@example.org")
    assert send(browser, path, NEW).status_code == 302
    other = Client(enforce_csrf_checks=True)
    again = other.get(path)
    assert again.status_code == 404
    assert "an invitation works once, for two weeks" in words(again)


def test_two_who_are_quick_make_one_account(office, browser):
    """Both have the page open; the second one's form comes too late."""
    from django.test import Client

    from hubfleet.office.accounts.models import Person

    invite(office, "uli@example.org")
    path = link_for("uli@example.org")
    second = Client(enforce_csrf_checks=True)
    token = second.get(path).cookies["hubfleet-csrf"].value
    assert send(browser, path, NEW).status_code == 302
    late = second.post(path, {**NEW, "login": "sly", "csrfmiddlewaretoken": token})
    assert late.status_code == 404
    assert list(Person.objects.values_list("login", flat=True)) == ["uli"]


def test_the_account_has_the_invited_address_and_no_other(office, browser):

    invite(office, "uli@example.org")
    path = link_for("uli@example.org")
    sly = {**NEW, "email": "sly@example.org", "email_address": "sly@example.org"}
    assert send(browser, path, sly).status_code == 302
    assert facts("uli").emails == {"uli@example.org"}


def test_an_invitation_for_another_address_is_not_accepted(office, browser):
    from hubfleet.office.accounts.models import Membership

    with_address(office, "mia")
    invite(office, "uli@example.org")
    path = link_for("uli@example.org")
    sign_in(browser, "mia")
    shown = browser.get(path)
    assert "You are signed in as mia , who does not have this address." in words(shown)
    answer = send(browser, path, {}, page="/account/")
    assert answer.status_code == 422
    assert (
        "This invitation is for uli@example.org: the account mia does not have this address"
        in words(answer)
    )
    assert not Membership.objects.exists()
    invite(office, "uli2@example.org")
    assert browser.get(path).status_code == 200, "the invitation is still good"


def test_somebody_with_an_account_accepts_after_signing_in(office, browser):
    from hubfleet.office.accounts.models import Membership

    with_address(office, "mia")
    invite(office, "mia@example.org")
    path = link_for("mia@example.org")
    shown = browser.get(path)
    assert "Sign in to it to accept." in words(shown)
    answer = send(
        browser,
        "/account/login/",
        {"login": "mia", "password": "correct horse battery", "next": path},
    )
    assert answer.headers["Location"] == path
    assert send(browser, path, {}).status_code == 302
    assert Membership.objects.get().person.login == "mia"
    assert browser.get(path).status_code == 404


def test_a_login_that_the_declaration_names_cannot_be_chosen(office, browser):
    invite(office, "uli@example.org")
    path = link_for("uli@example.org")
    office.person("mia")
    reserved = send(browser, path, {**NEW, "login": "bo"})
    taken = send(browser, path, {**NEW, "login": "mia"})
    assert reserved.status_code == taken.status_code == 422
    assert "this login is taken; choose another one" in words(reserved)
    assert words(reserved).replace("bo", "mia") == words(taken).replace("bo", "mia")
    assert "choose letters a to z" in words(send(browser, path, {**NEW, "login": "Mr Uli"}))


def test_a_reserved_login_is_given_by_a_representative_or_staff_to_the_declared_address(office):
    from hubfleet.office.accounts.rights import StaffRole, Standing

    rep = Standing("ada", representative_of=frozenset({"ant", "bee"}))
    admin = Standing("al", admin_of=frozenset({"ant/prod"}))
    staff = Standing("eve", staff=frozenset({StaffRole.SUPPORT_AGENT}))
    refused = invite(office, "bo@example.org", login="bo", by=admin)
    assert [one.why for one in refused.refused] == [
        "the declaration reserves `bo`; a representative or staff may invite it"
    ]
    assert invite(office, "bo@example.org", login="bo", by=rep).invitations
    wrong = invite(office, "sly@example.org", login="ada", by=staff)
    assert [one.why for one in wrong.refused] == ["the declaration gives `ada` another address"]
    assert invite(office, "ada@example.org", login="ada", by=staff).invitations


def test_an_invitation_that_carries_a_login_makes_that_one(office, browser):
    from hubfleet.office.accounts import people
    from hubfleet.office.accounts.rights import StaffRole, Standing

    office.person("ada", "engineer")
    staff = Standing("ada", staff=frozenset({StaffRole.ENGINEER}))
    invite(office, "bo@example.org", login="bo", by=staff)
    path = link_for("bo@example.org")
    assert 'name="login"' not in browser.get(path).content.decode()
    assert send(browser, path, {**NEW, "login": "sly"}).status_code == 302
    assert people.by_login("bo") is not None
    assert people.by_login("sly") is None


def test_the_inviter_cannot_see_whether_an_address_has_an_account(office):
    with_address(office, "mia")
    sent = invite(office, "mia@example.org", "new@example.org")
    assert [one.email for one in sent.invitations] == ["mia@example.org", "new@example.org"]
    known, unknown = (text for _, _, text in mails())
    assert known.replace(link_in(known), "") == unknown.replace(link_in(unknown), "")


def test_the_same_place_is_not_mailed_to_twice_within_an_hour(office):
    from hubfleet.kit.clock import now
    from hubfleet.office.accounts.models import Invitation

    invite(office, "uli@example.org")
    again = invite(office, "uli@example.org")
    assert [one.why for one in again.refused] == [
        "this address got an invitation less than an hour ago"
    ]
    elsewhere = invite(office, "uli@example.org", hub="ant/staging")
    assert len(elsewhere.invitations) == 1
    Invitation.objects.update(made_at=now() - timedelta(hours=2))
    assert invite(office, "uli@example.org").invitations
    assert Invitation.objects.filter(hub="ant/prod", revoked_at=None).count() == 1


def test_a_withdrawn_and_an_expired_invitation_are_void(office, browser):
    from hubfleet.kit.clock import now
    from hubfleet.office.accounts import invitations
    from hubfleet.office.accounts.models import Invitation
    from hubfleet.office.audit.record import Actor

    [first, second] = invite(office, "uli@example.org", "bea@example.org").invitations
    assert invitations.revoke(Actor("ada"), first)
    assert not invitations.revoke(Actor("ada"), first)
    Invitation.objects.filter(pk=second.pk).update(expires_at=now() - timedelta(seconds=1))
    for email in ("uli@example.org", "bea@example.org"):
        assert browser.get(link_for(email)).status_code == 404


def test_using_a_void_invitation_gives_nothing(office):
    from hubfleet.office.accounts import invitations
    from hubfleet.office.accounts.models import Membership
    from hubfleet.office.audit.record import Actor

    [invitation] = invite(office, "uli@example.org").invitations
    person = office.person("uli")
    invitations.revoke(Actor("ada"), invitation)
    with pytest.raises(HubfleetError, match="invitation-over"):
        invitations.use(invitation, person, Actor("uli"))
    assert not Membership.objects.exists()


def test_an_invitation_gives_groups_and_roles(office, browser):
    from hubfleet.office.accounts.facts import CommunityRole, StaffRole

    invite(
        office,
        "uli@example.org",
        groups=("researchers",),
        staff_roles=(StaffRole.SUPPORT_AGENT,),
        community_roles=(CommunityRole.TECHNICAL_CONTACT,),
    )
    assert send(browser, link_for("uli@example.org"), NEW).status_code == 302
    uli = facts("uli")
    assert uli.groups == {("ant", "researchers")}
    assert uli.staff == {StaffRole.SUPPORT_AGENT}
    assert uli.community_roles == {("ant", CommunityRole.TECHNICAL_CONTACT)}


def test_ten_thousand_at_once(office):
    """Each has one row, one mail and a link of its own; nothing takes a query for each."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from hubfleet.office.accounts.models import Invitation
    from hubfleet.office.post.models import Message

    emails = [f"u{number}@example.org" for number in range(10_000)]
    with CaptureQueriesContext(connection) as queries:
        sent = invite(office, *emails)
    assert len(sent.invitations) == Invitation.objects.count() == 10_000
    assert Message.objects.count() == 10_000
    assert len(set(sent.links)) == 10_000
    assert len(queries) < 500, "some for each thousand, none for each person"


def test_a_link_and_a_mail_are_nowhere_in_clear(office):
    sent = invite(office, "uli@example.org")
    token = sent.links[0].split("/")[-2].encode()
    for file in office.state.glob("office.sqlite*"):
        assert token not in file.read_bytes()
        assert b"invites you to" not in file.read_bytes()
    assert token.decode() not in repr(sent)


def test_nobody_signs_up_without_an_invitation(office, browser):
    answer = browser.get("/account/signup/")
    assert answer.status_code == 403
    assert "Accounts are made by invitation" in words(answer)
    assert browser.post("/account/signup/", NEW).status_code in (403, 405)


def test_whoever_tries_invitations_is_slowed_down(office, browser):
    answers = [browser.get(f"/invitation/{number}/").status_code for number in range(22)]
    assert answers == [404] * 20 + [429] * 2
