"""Who may do what: the whole matrix, and the laws that hold whatever is in it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.model import Contact, Representative
from hubfleet.fleet.responsibilities import BY_SLUG, RESPONSIBILITIES
from hubfleet.office.accounts.actions import COMMUNITY_SIDE, RULES, STAFF, Action, Grant, Role
from hubfleet.office.accounts.facts import CommunityRole, MembershipFact, PersonFacts, StaffRole
from hubfleet.office.accounts.rights import Standing, decide, standing_of, who_can
from tests.unit.accounts.matrix import fleet, rows, standing

APPROVED = Path(__file__).parents[2] / "cases" / "rights.tsv"
TODAY = date(2026, 3, 1)

actions = st.sampled_from(list(Action))
roles = st.sampled_from(list(Role))
owners = st.sampled_from(["community", "shared", "operator"])
splits = st.dictionaries(st.sampled_from([item.slug for item in RESPONSIBILITIES]), owners)


def together(*several: Standing) -> Standing:
    """Somebody who is all of it."""
    names = [field.name for field in fields(Standing) if field.name != "login"]
    parts = {name: frozenset().union(*(getattr(s, name) for s in several)) for name in names}
    return Standing("sam", **parts)


def test_the_whole_matrix_is_the_approved_one():
    assert list(rows()) == APPROVED.read_text().splitlines()


def test_every_act_has_a_rule_and_every_item_exists():
    assert set(RULES) == set(Action)
    assert {rule.item for rule in RULES.values() if rule.item} <= set(BY_SLUG)


def test_every_role_may_do_something_and_nobody_everything():
    for role in Role:
        grants = [rule.grants.get(role) for rule in RULES.values()]
        assert any(grants)
        assert not all(grants), role


@settings(deadline=None)
@given(actions, splits, st.sampled_from(["", "ant", "ant/prod", "bee/prod", "no/hub", "../x", "/"]))
def test_nobody_may_do_nothing(action, split, target):
    decision = decide(Standing(), action, target, fleet(split))
    assert decision.answer in ("no", "hidden")
    assert not decision.offered


@settings(deadline=None)
@given(actions, splits, st.sets(st.sampled_from(COMMUNITY_SIDE)), st.booleans())
def test_another_community_is_hidden_from_all_who_are_not_staff(action, split, some, hub):
    somebody = together(Standing(), *(standing(role, "ant/prod") for role in some))
    target = "bee/prod" if hub else "bee"
    decision = decide(somebody, action, target, fleet(split))
    expected = "no" if RULES[action].where == "service" else "hidden"
    assert decision.answer == expected


@settings(deadline=None)
@given(actions, splits, roles, st.sets(roles))
def test_a_further_role_never_takes_anything_away(action, split, role, others):
    order = ["yes", "with-approval", "request", "no", "hidden"]
    declared = fleet(split)
    fewer = together(standing(role))
    more = together(standing(role), *(standing(other) for other in others))
    before = decide(fewer, action, "ant/prod", declared).answer
    after = decide(more, action, "ant/prod", declared).answer
    assert order.index(after) <= order.index(before)


@settings(deadline=None)
@given(actions, st.sampled_from(STAFF), splits)
def test_staff_are_asked_to_wait_for_approval_only_where_the_community_owns_the_item(
    action, role, split
):
    decision = decide(standing(role), action, "ant/prod", fleet(split))
    item = RULES[action].item
    granted = RULES[action].grants.get(role)
    if granted is Grant.DRIVEN:
        assert item is not None
        owner = split.get(item, BY_SLUG[item].default_owner)
        assert decision.answer == ("with-approval" if owner == "community" else "yes")


@settings(deadline=None)
@given(actions, roles, splits)
def test_who_could_is_told_whenever_somebody_may_not(action, role, split):
    decision = decide(standing(role), action, "ant/prod", fleet(split))
    assert bool(decision.why) == (decision.answer != "yes")
    if decision.answer == "yes":
        assert decision.who_could == ()
    if decision.who_could:
        assert all(decision.who_could)


def test_a_driven_item_turns_both_sides():
    declared = {owner: fleet({"provide-access": owner}) for owner in ("community", "operator")}
    ada, eve = standing(Role.REPRESENTATIVE), standing(Role.ENGINEER)
    act = Action.MANAGE_USERS
    assert decide(ada, act, "ant/prod", declared["community"]).answer == "yes"
    assert decide(eve, act, "ant/prod", declared["community"]).answer == "with-approval"
    assert decide(ada, act, "ant/prod", declared["operator"]).answer == "request"
    assert decide(eve, act, "ant/prod", declared["operator"]).answer == "yes"


def test_words_of_a_refusal():
    refused = decide(standing(Role.USER), Action.ROLL_BACK, "ant/prod", fleet())
    assert refused.answer == "no"
    assert refused.why == (
        "you may not roll the hub back: `deploy-hubs` is owned by Test Foundation"
    )
    assert refused.who_could == ("engineers of Test Foundation",)
    asked = decide(standing(Role.HUB_ADMIN), Action.CHANGE_ACCESS, "ant/prod", fleet())
    assert asked.answer == "request"
    assert asked.why == (
        "you may ask somebody to change how people sign in: "
        "`provide-access` is owned by the community"
    )
    assert asked.who_could == (
        "Ada Example, representative of Ant",
        "partner engineers of Ant",
    )


def test_in_an_emergency_an_engineer_need_not_wait():
    eve = standing(Role.ENGINEER)
    waits = decide(eve, Action.MANAGE_USERS, "ant/prod", fleet())
    hurries = decide(eve, Action.MANAGE_USERS, "ant/prod", fleet(), emergency="stolen laptop")
    assert (waits.answer, waits.emergency) == ("with-approval", False)
    assert (hurries.answer, hurries.emergency) == ("yes", True)
    assert not decide(eve, Action.MANAGE_USERS, "ant/prod", fleet(), emergency="  ").allowed


@settings(deadline=None)
@given(actions, roles)
def test_an_emergency_helps_nobody_else(action, role):
    if role is Role.ENGINEER:
        return
    calm = decide(standing(role), action, "ant/prod", fleet())
    hurried = decide(standing(role), action, "ant/prod", fleet(), emergency="it burns")
    assert calm == hurried


def test_an_act_on_all_hubs_needs_an_admin_of_all_of_them():
    one = standing(Role.HUB_ADMIN, "ant/prod")
    both = together(one, standing(Role.HUB_ADMIN, "ant/staging"))
    assert decide(one, Action.MANAGE_USERS, "ant", fleet()).answer == "no"
    assert decide(both, Action.MANAGE_USERS, "ant", fleet()).answer == "yes"
    assert decide(one, Action.SEE_COST, "ant", fleet()).answer == "yes"


def test_an_admin_of_one_hub_does_not_see_its_neighbour():
    one = standing(Role.HUB_ADMIN, "ant/prod")
    assert decide(one, Action.SEE_HUB, "ant/staging", fleet()).hidden
    assert decide(one, Action.SEE_COMMUNITY, "ant/staging", fleet()).allowed


def person(**more) -> PersonFacts:
    return PersonFacts("1", more.pop("login", "ada"), **more)


def test_a_standing_is_made_of_what_git_declares_and_the_database_remembers():
    found = standing_of(
        person(
            login="pat",
            community_roles=frozenset({("bee", CommunityRole.PARTNER_ENGINEER)}),
            memberships=(MembershipFact("ant", "ant/prod"),),
            staff=frozenset({StaffRole.SUPPORT_AGENT}),
        ),
        fleet(),
        TODAY,
    )
    assert found.partner_engineer_of == {"bee"}
    assert found.user_of == {"ant/prod"}
    assert found.staff == {StaffRole.SUPPORT_AGENT}
    assert found.communities == {"ant", "bee"}
    assert standing_of(person(), fleet(), TODAY).representative_of == {"ant"}


def test_a_representative_without_a_login_is_known_by_a_verified_address_only():
    declared = fleet()
    ant = declared.communities["ant"]
    nameless = Representative(name="Ada", email="Ada@Example.org")
    file = ant.file.model_copy(update={"representatives": (nameless,)})
    changed = replace(
        declared, communities={**declared.communities, "ant": replace(ant, file=file)}
    )
    verified = person(login="x", emails=frozenset({"ada@example.org"}))
    claimed = person(login="x", email="ada@example.org")
    assert standing_of(verified, changed, TODAY).representative_of == {"ant"}
    assert standing_of(claimed, changed, TODAY).representative_of == frozenset()


def test_a_declared_contact_is_known_by_a_verified_address():
    declared = fleet()
    bee = declared.communities["bee"]
    contact = Contact(name="Tec", email="tec@example.org", role="technical")
    file = bee.file.model_copy(update={"contacts": (contact,)})
    changed = replace(
        declared, communities={**declared.communities, "bee": replace(bee, file=file)}
    )
    found = standing_of(person(login="t", emails=frozenset({"tec@example.org"})), changed, TODAY)
    assert found.technical_contact_of == {"bee"}


def test_a_closed_account_is_nobody():
    closed = person(active=False, staff=frozenset({StaffRole.ENGINEER}))
    found = standing_of(closed, fleet(), TODAY)
    assert found == Standing("ada")


def test_who_can_lists_the_freest_first():
    people = [
        person(login="eve", staff=frozenset({StaffRole.ENGINEER})),
        person(login="ada"),
        person(login="zoe"),
        person(login="uli", memberships=(MembershipFact("ant"),)),
    ]
    found = who_can(Action.MANAGE_USERS, "ant/prod", people, fleet(), TODAY)
    assert [(facts.login, decision.answer) for facts, decision in found] == [
        ("ada", "yes"),
        ("eve", "with-approval"),
    ]


@pytest.mark.parametrize("pair", list(combinations(["community", "shared", "operator"], 2)))
def test_only_its_own_item_drives_an_act(pair):
    for action, rule in RULES.items():
        others = {item.slug: pair[0] for item in RESPONSIBILITIES if item.slug != rule.item}
        turned = dict.fromkeys(others, pair[1])
        for role in Role:
            one = decide(standing(role), action, "ant/prod", fleet(others)).answer
            two = decide(standing(role), action, "ant/prod", fleet(turned)).answer
            assert one == two, (action, role)
