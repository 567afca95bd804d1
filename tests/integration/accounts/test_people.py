"""The staff's pages of people, and what joining and leaving leave behind."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from hubfleet.kit.errors import HubfleetError
from tests.integration.accounts.walking import acts, facts, mails, send, sign_in, words


@pytest.fixture
def heard() -> Any:
    """What was told to who ends access on the hubs."""
    from hubfleet.office.accounts.signals import access_narrowed, signed_out

    told: list[tuple[Any, ...]] = []

    def narrowed(login: str, hubs: tuple[str, ...], everything: bool, **_more: Any) -> None:
        told.append((login, hubs, everything))

    def out(login: str, why: str, **_more: Any) -> None:
        told.append((login, why))

    access_narrowed.connect(narrowed)
    signed_out.connect(out)
    yield told
    access_narrowed.disconnect(narrowed)
    signed_out.disconnect(out)


def in_as(office, login: str, *staff: str, **more: Any) -> Client:
    from allauth.account.models import EmailAddress

    person = office.person(login, *staff, **more)
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    browser = Client(enforce_csrf_checks=True)
    assert sign_in(browser, login).status_code == 302
    return browser


# ---- Who may see them -------------------------------------------------------------------------
@pytest.mark.parametrize("staff", [(), ("support-agent",), ("partnerships",), ("finance-host",)])
def test_people_are_a_matter_of_engineers_and_leadership(office, staff):
    browser = in_as(office, "mia", *staff)
    for path in ("/people/", "/people/invite/", "/people/account/mia/"):
        answer = browser.get(path)
        assert answer.status_code == 403, path
    assert "engineers of Test Foundation" in words(browser.get("/people/"))
    assert ("mia", "manage-people", "refused") in acts()


def test_whoever_is_not_signed_in_is_sent_to_sign_in(office):
    answer = Client().get("/people/")
    assert answer.headers["Location"] == "/account/login/?next=/people/"


def test_people_are_found_by_any_of_their_words_in_pages_of_fifty(office):
    browser = in_as(office, "eve", "engineer")
    for number in range(60):
        office.person(f"uli{number:02}", name=f"Person {number:02}")
    assert words(browser.get("/people/?q=person 42")).count("uli42") >= 1
    first = words(browser.get("/people/"))
    assert "page 1 of 2" in first
    assert "uli59" not in first
    assert "uli59" in words(browser.get("/people/?page=2"))
    assert "Nobody found" in words(browser.get("/people/?q=<b>"))


def test_reading_people_takes_the_same_queries_however_many_there_are(office):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = in_as(office, "eve", "engineer")

    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/people/")
        return len(queries)

    counted()  # what is read once for a session is read now
    few = counted()
    for number in range(40):
        office.person(f"uli{number}")
    assert counted() == few


# ---- Roles ------------------------------------------------------------------------------------
def test_leadership_grants_and_withdraws_roles(office):
    browser = in_as(office, "lea", "leadership")
    office.person("mia", "support-agent")
    path = "/people/account/mia/"
    done = send(browser, f"{path}roles/", {"roles": ["engineer"]}, page=path)
    assert done.headers["Location"] == path
    assert facts("mia").staff == {"engineer"}
    assert acts().count(("lea", "manage-staff", "done")) == 2


def test_an_engineer_may_not_make_engineers(office):
    browser = in_as(office, "eve", "engineer")
    office.person("mia")
    path = "/people/account/mia/"
    answer = send(browser, f"{path}roles/", {"roles": ["leadership"]}, page=path)
    assert answer.status_code == 403
    assert "the leadership of Test Foundation" in words(answer)
    assert facts("mia").staff == frozenset()


def test_an_engineer_may_not_take_over_the_account_of_somebody_of_staff(office):
    """Taking a second factor away and asking for a new password would be enough."""
    browser = in_as(office, "eve", "engineer")
    office.person("lea", "leadership")
    office.person("mia")
    page = "/people/account/mia/"
    lea = "/people/account/lea/act/"
    for act in ("close", "erase", "forget-second-factor", "end-sessions"):
        assert send(browser, lea, {"act": act}, page=page).status_code == 403
    assert facts("lea").active
    done = send(browser, f"{page}act/", {"act": "close"}, page=page)
    assert done.status_code == 302
    assert not facts("mia").active


def test_the_last_leader_stays(office):
    browser = in_as(office, "lea", "leadership")
    page = "/people/account/lea/"
    answer = send(browser, f"{page}roles/", {"roles": ["engineer"]}, page=page)
    assert "lea is the last one of the leadership: nobody could grant staff roles any more." in (
        words(browser.get(answer.headers["Location"]))
    )
    closing = send(browser, f"{page}act/", {"act": "close"}, page=page)
    assert "is the last one of the leadership" in words(browser.get(closing.headers["Location"]))
    assert facts("lea").staff == {"engineer", "leadership"}
    assert facts("lea").active


def test_staff_are_invited_with_their_roles(office):
    browser = in_as(office, "lea", "leadership")
    values = {"email": "new@example.org", "name": "New", "roles": ["community-guide"]}
    assert send(browser, "/people/invite/", values).headers["Location"] == "/people/"
    [(to, subject, _)] = mails()
    assert (to, subject) == ("new@example.org", "Invitation to Test Hubs")
    assert "new@example.org the console lea" in words(browser.get("/people/"))
    wrong = send(browser, "/people/invite/", {"email": "a@b", "roles": ["king"]})
    assert wrong.status_code == 422


def test_names_with_markup_are_shown_as_text(office):
    browser = in_as(office, "eve", "engineer", name="<script>alert(1)</script>")
    for path in ("/people/", "/people/account/eve/", "/account/"):
        text = browser.get(path).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


# ---- Joining and leaving ----------------------------------------------------------------------
def test_a_member_is_added_once_and_removed_once(office, heard):
    from hubfleet.office.accounts import joining, leaving
    from hubfleet.office.audit.record import Actor

    mia, actor = office.person("mia"), Actor("ada")
    assert joining.add_member(actor, mia, "ant", "ant/prod")
    assert not joining.add_member(actor, mia, "ant", "ant/prod")
    assert not joining.add_member(actor, mia, "ant", "ant/prod", date(2030, 1, 1))
    assert facts("mia").memberships[0].until == date(2030, 1, 1)
    assert leaving.remove_member(actor, mia, "ant", "ant/prod", fleet=office.fleet)
    assert not leaving.remove_member(actor, mia, "ant", "ant/prod", fleet=office.fleet)
    assert heard == [("mia", ("ant/prod",), False)]
    assert acts() == [("ada", "manage-users", "done")] * 3


def test_leaving_a_community_concerns_all_its_hubs(office, heard):
    from hubfleet.office.accounts import joining, leaving
    from hubfleet.office.audit.record import Actor

    mia, actor = office.person("mia"), Actor("ada")
    joining.add_member(actor, mia, "ant")
    leaving.remove_member(actor, mia, "ant", fleet=office.fleet)
    assert heard == [("mia", ("ant/prod", "ant/staging"), False)]


def test_what_is_told_is_rolled_back_with_the_change(office):
    """Who listens writes its own rows in the same transaction."""
    from django.db import transaction

    from hubfleet.office.accounts import joining
    from hubfleet.office.audit.models import Entry
    from hubfleet.office.audit.record import Actor

    mia = office.person("mia")
    with pytest.raises(RuntimeError), transaction.atomic():
        joining.add_member(Actor("ada"), mia, "ant")
        raise RuntimeError
    assert not Entry.objects.exists()
    assert facts("mia").memberships == ()


def test_groups_are_joined_and_left(office, heard):
    from hubfleet.office.accounts import joining, leaving
    from hubfleet.office.audit.record import Actor

    mia, actor = office.person("mia"), Actor("ada")
    assert joining.join_group(actor, mia, "ant", "large")
    assert not joining.join_group(actor, mia, "ant", "large")
    assert facts("mia").groups == {("ant", "large")}
    assert leaving.leave_group(actor, mia, "ant", "large", fleet=office.fleet)
    assert not leaving.leave_group(actor, mia, "ant", "large", fleet=office.fleet)
    assert heard == [("mia", ("ant/prod", "ant/staging"), False)]


def test_a_membership_ends_by_itself_the_day_after_its_last(office, heard):
    from hubfleet.office.accounts import chores, joining, people
    from hubfleet.office.audit.record import Actor

    today = people.day_of(office.fleet)
    mia = office.person("mia")
    joining.add_member(Actor("ada"), mia, "ant", "ant/prod", today)
    joining.add_member(Actor("ada"), mia, "bee", "bee/prod", today - timedelta(days=1))
    chores.work()
    assert [one.hub for one in facts("mia").memberships] == ["ant/prod"]
    assert heard == [("mia", ("bee/prod",), False)]
    assert acts()[-1] == ("hubfleet", "manage-users", "done")


def test_closing_an_account_ends_everything_and_opening_gives_it_back(office, heard):
    from hubfleet.office.accounts import joining, leaving
    from hubfleet.office.audit.record import Actor

    browser = in_as(office, "mia")
    mia, actor = facts("mia"), Actor("eve")
    person = _person("mia")
    joining.add_member(actor, person, "ant")
    heard.clear()
    assert leaving.close(actor, person)
    assert heard == [("mia", "the account was closed"), ("mia", (), True)]
    assert browser.get("/account/").status_code == 302
    with pytest.raises(HubfleetError, match="account-closed"):
        joining.add_member(actor, person, "bee")
    assert leaving.open_again(actor, person)
    assert facts("mia").memberships != mia.memberships
    assert sign_in(Client(enforce_csrf_checks=True), "mia").headers["Location"] == "/"


def test_an_erased_account_stays_closed(office):
    from hubfleet.office.accounts import leaving
    from hubfleet.office.audit.record import Actor

    person = office.person("mia")
    assert leaving.erase(Actor("eve"), person)
    assert not leaving.erase(Actor("eve"), person)
    with pytest.raises(HubfleetError) as error:
        leaving.open_again(Actor("eve"), person)
    assert str(error.value) == (
        "error[account-erased]: the account mia was erased\n"
        "  why: nothing but its login was kept, which nobody else may have\n"
        "  hint: invite the person again under another login"
    )


def test_a_lost_second_factor_is_taken_away_by_staff(office):
    from allauth.mfa.models import Authenticator

    browser = in_as(office, "eve", "engineer")
    mia = office.person("mia")
    Authenticator.objects.create(user=mia, type="totp", data={"secret": "x"})
    page = "/people/account/mia/"
    assert "Take the second factors away" in words(browser.get(page))
    send(browser, f"{page}act/", {"act": "forget-second-factor"}, page=page)
    assert not Authenticator.objects.exists()
    assert ("eve", "manage-people", "done") in acts()


def _person(login: str) -> Any:
    from hubfleet.office.accounts import people

    return people.by_login(login)


# ---- The record -------------------------------------------------------------------------------
def test_the_record_only_grows(office):
    from django.db import DatabaseError, transaction

    from hubfleet.office.audit.models import Entry
    from hubfleet.office.audit.record import Actor, record

    entry = record(Actor("ada", address="192.0.2.7"), "probe", hub="ant/prod", what="tried")
    for change in (
        lambda: Entry.objects.update(who="sly"),
        lambda: Entry.objects.all().delete(),
        entry.delete,
    ):
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
            change()
    assert (entry.community, str(entry)[-15:]) == ("ant", " ada probe done")


def test_the_record_is_filtered_and_exported(office):
    from hubfleet.office.audit.entries import Wanted, entries, exported
    from hubfleet.office.audit.record import Actor, record

    record(Actor("ada"), "probe", hub="ant/prod")
    record(Actor("bo"), "roll-back", hub="bee/prod", outcome="refused")
    record(Actor("ada"), "see-fleet")
    assert [one.act for one in entries(Wanted())] == ["see-fleet", "roll-back", "probe"]
    assert [one.act for one in entries(Wanted(who="ada", hub="ant/prod"))] == ["probe"]
    assert [one.act for one in entries(Wanted(communities=["bee"]))] == ["roll-back"]
    assert [one.act for one in entries(Wanted(communities=[]))] == []
    [row] = exported(Wanted(outcome="refused"))
    assert (row["who"], row["hub"], row["through"]) == ("bo", "bee/prod", "product")


def test_guessed_names_fit_into_the_record(office):
    from hubfleet.office.audit.record import Actor, record

    entry = record(Actor("x" * 500), "y" * 500, hub="z/" * 500, outcome="hidden")
    assert (len(entry.who), len(entry.act), len(entry.hub)) == (150, 60, 80)
