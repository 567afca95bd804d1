"""Invitations whose ground has changed since they were made."""

from __future__ import annotations

import pytest

from hubfleet.fleet.model import Fleet
from tests.integration.accounts.test_invitations import NEW, invite, link_for
from tests.integration.accounts.walking import facts, send, words


def invite_staff(office, by: str, email: str) -> str:
    from hubfleet.office.accounts import invitations
    from hubfleet.office.accounts.facts import StaffRole
    from hubfleet.office.accounts.invitees import Invitee
    from hubfleet.office.accounts.rights import Standing
    from hubfleet.office.audit.record import Actor

    leads = Standing(by, staff=frozenset({StaffRole.LEADERSHIP}))
    given = invitations.Welcome(staff_roles=(StaffRole.LEADERSHIP,))
    invitations.invite(Actor(by), leads, [Invitee(email)], given, office.fleet)
    return link_for(email)


@pytest.mark.parametrize("how", ["withdraw", "close"])
def test_who_no_longer_leads_has_left_no_way_back(office, browser, how):
    from hubfleet.office.accounts import leaving
    from hubfleet.office.accounts.facts import StaffRole
    from hubfleet.office.accounts.models import Person
    from hubfleet.office.audit.record import Actor

    office.person("eve", "leadership")
    mallory = office.person("mallory", "leadership")
    link = invite_staff(office, "mallory", "again@example.org")
    if how == "withdraw":
        leaving.withdraw(Actor("eve"), mallory, StaffRole.LEADERSHIP)
    else:
        leaving.close(Actor("eve"), mallory)
    assert browser.get(link).status_code == 404
    assert not Person.objects.filter(login="uli").exists()


def test_a_login_that_another_community_has_named_meanwhile_is_not_made(
    office, browser, monkeypatch
):
    """The link was made while the name meant nothing; now it would open another community."""
    from hubfleet.office.accounts import welcoming
    from hubfleet.office.accounts.logins import reserved
    from hubfleet.office.accounts.models import Person

    invite(office, "uli@example.org", login="uli")
    link = link_for("uli@example.org")

    def named(fleet: Fleet) -> dict[str, frozenset[str]]:
        return {**reserved(fleet), "uli": frozenset({"bee"})}

    monkeypatch.setattr(welcoming, "reserved", named)
    answer = send(browser, link, {**NEW, "login": ""})
    assert answer.status_code == 422
    assert "ask for another invitation" in words(answer)
    assert not Person.objects.filter(login="uli").exists()


def test_facts_of_one_and_of_many_agree(office):
    from allauth.account.models import EmailAddress

    from hubfleet.kit.clock import now
    from hubfleet.office.accounts import people
    from hubfleet.office.accounts.models import CommunityRole, Group, Membership

    uli, other = office.person("uli", "engineer", "unheard-of"), office.person("bo", "leadership")
    for person, verified in ((uli, True), (other, True)):
        EmailAddress.objects.create(
            user=person, email=f"{person.login.title()}@x.org", verified=verified
        )
        EmailAddress.objects.create(user=person, email=f"{person.login}@y.org", verified=False)
    CommunityRole.objects.create(
        person=uli, community="ant", role="technical-contact", granted_by="t"
    )
    Membership.objects.create(person=uli, community="bee", hub="bee/prod", added_by="t")
    Membership.objects.create(person=uli, community="ant", hub="", until=now().date(), added_by="t")
    group = Group.objects.create(community="ant", name="course", made_by="t")
    group.people.add(uli)
    found = people.facts_of(uli)
    assert [found, people.facts_of(other)] == people.facts_of_all([uli, other])
    assert found.emails == {"uli@x.org"}
    assert len(found.memberships) == 2
    assert found == facts("uli")
