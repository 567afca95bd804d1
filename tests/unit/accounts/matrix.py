"""The whole matrix of rights as text: every act, every owner, every role, own and other community.

`python -m tests.unit.accounts.matrix > tests/cases/rights.tsv` writes the approved copy anew; what
it changes is what a review must read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from hubfleet.fleet.model import (
    Cluster,
    ClusterFile,
    Community,
    CommunityFile,
    Fleet,
    Hub,
    HubValues,
    Owner,
    Representative,
    Rollout,
    Service,
)
from hubfleet.kit.errors import Place
from hubfleet.office.accounts.actions import RULES, STAFF, Action, Role
from hubfleet.office.accounts.facts import StaffRole
from hubfleet.office.accounts.rights import Standing, decide

OWNERS: tuple[Owner, ...] = ("community", "shared", "operator")
LETTERS = {"yes": "y", "with-approval": "a", "request": "r", "no": "-", "hidden": "h"}


def fleet(owners: Mapping[str, Owner] | None = None) -> Fleet:
    """Two communities, `ant` with two hubs and `bee` with one."""
    return _fleet(frozenset((owners or {}).items()))


@cache
def _fleet(owners: frozenset[tuple[str, Owner]]) -> Fleet:
    place = Place("x.yaml")
    service = Service(
        name="Test Hubs", operator="Test Foundation", contact="a@b.org", domain="localhost"
    )
    people = {"ant": ("Ada Example", "ada"), "bee": ("Zoe Example", "zoe")}
    communities = {
        name: Community(
            name,
            CommunityFile(
                name=name.title(),
                representatives=(
                    Representative(name=title, email=f"{login}@example.org", login=login),
                ),
                responsibilities=dict(owners),
            ),
            place,
            tuple(hub for hub in ("ant/prod", "ant/staging", "bee/prod") if hub[:3] == name),
        )
        for name, (title, login) in people.items()
    }
    hubs = {hub: a_hub(hub) for c in communities.values() for hub in c.hubs}
    cluster = Cluster("reef", ClusterFile(platform="local"), place)
    return Fleet(Path("/fleet"), service, Rollout(), {"reef": cluster}, communities, hubs)


def a_hub(name: str, values: HubValues | None = None) -> Hub:
    community = name.partition("/")[0]
    found = values or HubValues.model_validate({"access": {"sign_in": "console"}})
    domain = f"{name.replace('/', '-')}.localhost"
    return Hub(name, community, "reef", domain, None, Place("x.yaml"), found, {})


def with_hub(found: Fleet, hub: Hub) -> Fleet:
    return replace(found, hubs={**found.hubs, hub.name: hub})


def standing(role: Role, hub: str = "ant/prod") -> Standing:
    """Somebody who is this and nothing else, at this hub and its community."""
    community = hub.partition("/")[0]
    if role in STAFF:
        return Standing("sam", staff=frozenset({StaffRole(role.value)}))
    of = frozenset({community})
    match role:
        case Role.USER:
            return Standing("sam", user_of=frozenset({hub}))
        case Role.HUB_ADMIN:
            return Standing("sam", user_of=frozenset({hub}), admin_of=frozenset({hub}))
        case Role.REPRESENTATIVE:
            return Standing("sam", representative_of=of)
        case Role.TECHNICAL_CONTACT:
            return Standing("sam", technical_contact_of=of)
        case Role.BILLING_CONTACT:
            return Standing("sam", billing_contact_of=of)
        case _:
            return Standing("sam", partner_engineer_of=of)


def rows() -> Iterator[str]:
    """One line for each act, place and owner: a letter for each role."""
    yield "\t".join(("act", "where", "owner", *(role.value for role in Role)))
    for action in Action:
        rule = RULES[action]
        for where in ("own", "other"):
            for owner in OWNERS if rule.item else ("-",):
                declared = fleet({rule.item: owner} if rule.item else None)  # type: ignore[dict-item]
                hub = "ant/prod" if where == "own" else "bee/prod"
                letters = [
                    LETTERS[decide(standing(role), action, hub, declared).answer] for role in Role
                ]
                yield "\t".join((action.value, where, owner, *letters))


if __name__ == "__main__":
    sys.stdout.write("\n".join(rows()) + "\n")
