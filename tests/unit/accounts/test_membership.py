"""Who may use a hub: what git names, what the database remembers, and until when."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubfleet.fleet.model import HubValues
from hubfleet.office.accounts.facts import MembershipFact, PersonFacts, StaffRole
from hubfleet.office.accounts.membership import HubAccess, hub_access
from tests.unit.accounts.matrix import a_hub, fleet, with_hub

TODAY = date(2026, 3, 1)


def declared(access: dict[str, Any] | None = None, **more: Any):
    values = {"access": {"sign_in": "console", **(access or {})}, **more}
    return with_hub(fleet(), a_hub("ant/prod", HubValues.model_validate(values)))


def ask(person: PersonFacts, access: dict[str, Any] | None = None, **more: Any) -> HubAccess:
    return hub_access(person, "ant/prod", declared(access, **more), TODAY)


def person(login: str = "uli", **more: Any) -> PersonFacts:
    return PersonFacts("1", login, **more)


def test_a_stranger_is_told_who_could_let_them_in():
    found = ask(person(), {"admins": ["bo", "ada"]})
    assert found == HubAccess(
        False,
        why="uli is no user of ant/prod",
        who_could=("Ada Example, representative of Ant", "bo, admin of this hub"),
    )


def test_an_admin_is_named_by_git_and_by_nothing_else():
    assert ask(person("ada"), {"admins": ["ada"]}) == HubAccess(
        True, True, ("hub-admins", "hub-users"), why="named as an admin in the declaration"
    )
    for sly in ("hub-admins", "hub-users"):
        groups = frozenset({("ant", sly)})
        found = ask(
            person(groups=groups, memberships=(MembershipFact("ant"),)),
            {"allow": {"groups": [sly]}},
            groups={sly: ["uli"]},
        )
        assert found.allowed
        assert not found.admin
        assert found.groups == ("hub-users",)


def test_staff_are_no_users_of_hubs():
    assert not ask(person(staff=frozenset(StaffRole))).allowed


def test_a_membership_reaches_its_hub_or_all_of_its_community():
    of_all = (MembershipFact("ant"),)
    of_one = (MembershipFact("ant", "ant/staging"),)
    of_others = (MembershipFact("bee"), MembershipFact("bee", "bee/prod"))
    assert ask(person(memberships=of_all)).allowed
    assert not ask(person(memberships=of_one)).allowed
    assert not ask(person(memberships=of_others)).allowed


def test_a_membership_holds_on_its_last_day_and_not_on_the_next():
    last = (MembershipFact("ant", until=TODAY),)
    past = (MembershipFact("ant", until=date(2026, 2, 28)),)
    assert ask(person(memberships=last)) == HubAccess(
        True, False, ("hub-users",), TODAY, "a user of all hubs of the community"
    )
    assert not ask(person(memberships=past)).allowed


def test_the_longest_reason_counts():
    both = (MembershipFact("ant", until=TODAY), MembershipFact("ant", "ant/prod"))
    assert ask(person(memberships=both)).until is None


def test_everyone_means_everyone_until_its_day():
    open_to_all = {"everyone": True, "until": "2026-03-01"}
    assert ask(person(), open_to_all).until == TODAY
    over = {"everyone": True, "until": "2026-02-28"}
    assert not ask(person(), over).allowed


def test_groups_of_git_and_of_the_database_let_in_alike():
    access = {"allow": {"groups": ["researchers"]}}
    by_git = ask(person(), access, groups={"researchers": ["uli"]})
    by_database = ask(
        person(groups=frozenset({("ant", "researchers")})), access, groups={"researchers": []}
    )
    assert by_git.allowed
    assert by_git.groups == by_database.groups == ("hub-users", "researchers")
    elsewhere = person(groups=frozenset({("bee", "researchers")}))
    assert not ask(elsewhere, access, groups={"researchers": []}).allowed


def test_a_hub_is_told_only_of_groups_that_it_names():
    mine = frozenset({("ant", "researchers"), ("ant", "secret-club"), ("ant", "large")})
    found = ask(
        person(groups=mine, memberships=(MembershipFact("ant"),)),
        {"allow": {"groups": ["researchers"]}},
        groups={"researchers": []},
        profiles=[{"name": "Large", "groups": ["large"]}],
    )
    assert found.groups == ("hub-users", "large", "researchers")


def test_a_closed_account_and_the_probes_name_open_nothing():
    everyone = {"everyone": True, "admins": ["ada"]}
    assert not ask(person("ada", active=False), everyone).allowed
    assert not ask(person("hubfleet-probe"), everyone).allowed
    assert hub_access(person(), "ant/none", fleet(), TODAY).why == "there is no hub ant/none"


@settings(deadline=None)
@given(
    st.booleans(),
    st.lists(
        st.builds(
            MembershipFact,
            st.sampled_from(["ant", "bee"]),
            st.sampled_from(["", "ant/prod", "bee/prod"]),
            st.none() | st.dates(date(2026, 2, 1), date(2026, 4, 1)),
        ),
        max_size=4,
    ),
    st.sampled_from(["ada", "uli"]),
)
def test_whoever_is_admin_is_allowed_and_who_is_not_allowed_gets_no_group(active, members, login):
    facts = person(login, active=active, memberships=tuple(members))
    found = ask(facts, {"admins": ["ada"]})
    assert found.allowed or not found.admin
    assert found.allowed or found.groups == ()
    assert found.allowed == ("hub-users" in found.groups)
    assert bool(found.why)
    if found.until is not None:
        assert found.until >= TODAY
