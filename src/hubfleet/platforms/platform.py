"""The protocol between what is decided and what is done.

Everything above `platforms/` speaks to hubs only through these few calls, so that a fleet on one
laptop and a fleet on many clusters are the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import Problem
from hubfleet.planning.observation import Observation
from hubfleet.planning.steps import Step

Report = Callable[[str], None]
"""Called with a few words whenever the act enters another phase (`waiting for its page`)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `perform` did.

    `changed` is False when the platform looked and found nothing to do.
    """

    changed: bool
    revision: int
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """How to reach a hub as a person does, and the token with which a probe may act.

    `url` is the public address, with a trailing slash. `connect_to` is the host and port to open
    when the name in `url` is one that only browsers resolve (`*.localhost`). `token` is a secret:
    `repr` leaves it out.
    """

    hub: str
    url: str
    connect_to: tuple[str, int] | None
    user: str
    token: str

    def __repr__(self) -> str:
        return f"Door(hub={self.hub!r}, url={self.url!r}, user={self.user!r})"


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in to a hub; the passwords are secrets and `repr` leaves them out."""

    hub: str
    method: str
    admins: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    everyone: bool = False
    password: str = ""
    admin_password: str = ""

    def __repr__(self) -> str:
        return f"SignIn(hub={self.hub!r}, method={self.method!r})"


class Platform(Protocol):
    """Runs hubs on clusters. Every call may raise `HubfleetError`, and nothing else by design."""

    def clusters(self) -> frozenset[str]:
        """The clusters that hold hubs now, declared or not."""
        ...

    def observe(self, cluster: str) -> Observation:
        """What the cluster holds now; never from memory, and changes nothing."""
        ...

    def objections(self, hubs: Sequence[Hub]) -> tuple[Problem, ...]:
        """Why the platform refuses to run these hubs as they are declared; asked before a plan."""
        ...

    def prepare(self, hubs: Sequence[Hub], report: Callable[[str, str], None]) -> None:
        """Do what can fail before any hub is touched: build environments, fetch parts.

        `report` gets the name of the thing prepared and what happens to it.
        The second call finds everything in place and does nothing.
        """
        ...

    def perform(self, step: Step, report: Report) -> Outcome:
        """Act, then wait until the hub answers people.

        Looks before it acts: a step whose result is already there changes nothing.
        """
        ...

    def door(self, hub: str) -> Door:
        """Where and as whom a probe acts."""
        ...

    def sign_in(self, hub: str) -> SignIn:
        """What to tell people (and, when asked for, their passwords)."""
        ...

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        """The last lines of the hub's log, oldest first; then new ones as they come."""
        ...

    def remarks(self) -> Iterable[str]:
        """What this machine cannot do that the declaration may ask for, in full sentences."""
        ...
