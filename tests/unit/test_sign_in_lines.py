"""What `up` tells of the way in to a hub."""

from __future__ import annotations

from hubfleet.cli.up import sign_in_lines
from hubfleet.platforms.platform import SignIn


def test_a_password_is_told_with_whom_it_is_for():
    told = sign_in_lines(
        SignIn(
            "earth/prod",
            "shared-password",
            admins=("ada",),
            users=("bob", "cy"),
            password="for people",
            admin_password="for admins",
        )
    )
    assert told == [
        "admins: ada",
        "users: bob, cy",
        "password for people  "
        "(one for all users: whoever knows it can sign in under any of these names)",
        "password for admins for admins",
    ]


def test_a_provider_is_named_and_no_password_is_told():
    told = sign_in_lines(
        SignIn("earth/prod", "github", admins=("ada",), others=("members of reef-lab",))
    )
    assert told == ["people sign in with GitHub", "admins: ada", "users: members of reef-lab"]


def test_many_people_are_counted():
    users = tuple(f"user-{number}" for number in range(9))
    (line,) = sign_in_lines(SignIn("earth/prod", "cilogon", users=users))[1:]
    assert line == "users: user-0, user-1, user-2, user-3, user-4 and 4 more"
