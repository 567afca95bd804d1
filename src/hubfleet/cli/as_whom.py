"""As whom a command acts in the office: an account there, or who runs it on this machine.

Whoever has a shell on this machine can do everything to it. What is asked here is what an account
may do, so that a record of two persons names two who could have done it.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.accounts.actions import Action
    from hubfleet.office.audit.record import Actor


def actor(by: str, action: Action, target: str, fleet: Fleet) -> Actor:
    """`by` is a login, or empty for who runs this; raises `unknown-login` and `not-allowed`.

    Somebody without an account acts as an engineer of this machine; an account has its own rights.
    """
    from hubfleet.kit.errors import failure
    from hubfleet.office.accounts import people
    from hubfleet.office.accounts.rights import decide
    from hubfleet.office.audit.record import Actor

    login = by or getpass.getuser()
    person = people.by_login(login)
    if person is None or not person.is_active:
        if by:
            raise failure(
                "unknown-login",
                f"nobody here has the login '{by}'",
                place="--by",
                hint="name an account of the console; `hubfleet who-can` shows who may do what",
            )
        return Actor(login=login, through="cli")
    decision = decide(people.standing(person, fleet), action, target, fleet)
    if not decision.allowed:
        could = "; ".join(decision.who_could) or "nobody"
        raise failure(
            "not-allowed",
            f"{person.login} may not do this to {target}",
            place="--by" if by else None,
            why=decision.why,
            hint=f"who can: {could}",
        )
    return Actor(login=person.login, id=str(person.pk), through="cli")
