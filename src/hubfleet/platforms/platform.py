"""The protocol between what is decided and what is done.

Everything above `platforms/` speaks to hubs only through these few calls, so that a fleet on one
laptop and a fleet on many clusters are the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import Problem
from hubfleet.planning.observation import Observation
from hubfleet.planning.steps import Reason, Step

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
    """How people sign in to a hub; the passwords are secrets and `repr` leaves them out.

    `others` are people who are not named, in words (`members of reef-lab`). Passwords are empty
    for every method but `shared-password`.
    """

    hub: str
    method: str
    admins: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    password: str = ""
    admin_password: str = ""

    def __repr__(self) -> str:
        return f"SignIn(hub={self.hub!r}, method={self.method!r})"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is needed to go back to one revision of a hub.

    `at` is the UTC time at which it was made, `size` its bytes on disk. `database_schema` names
    JupyterHub's own schema; empty for a hub that had no database yet.
    """

    hub: str
    id: str
    revision: int
    at: str
    size: int
    database_schema: str


OtherSoftware = Literal["refuse", "migrate", "leave-down"]
"""What a rollback does when the snapshot's database is of an older JupyterHub than the installed:
have the installed one migrate it again (people are back at once, with all that they had), refuse
(`software-differs`), or put everything back and leave the hub down until the older one is
installed."""


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """What a rollback will do, before it does anything.

    `changes` are the effective values that will differ, `database` tells whether the hub database
    is put back, `keeps` and `loses` say in full sentences what becomes of people's things.
    """

    snapshot: Snapshot
    changes: tuple[Reason, ...]
    database: bool
    keeps: tuple[str, ...]
    loses: tuple[str, ...]


@runtime_checkable
class Drains(Protocol):
    """A platform that can tell people before their hub goes away."""

    def close(self, hub: str, seconds: float, report: Report = ...) -> float:
        """Tell people that the hub closes in so many seconds, and start no server any more.

        `report` hears what of this cannot be done for this hub. Returns the seconds that are left:
        the second call keeps the time that people were told, unless it is made earlier. A hub that
        is placed again is open again.
        """
        ...

    def reopen(self, hub: str) -> None:
        """The hub stays after all."""
        ...

    def people(self, hub: str) -> tuple[str, ...]:
        """Who has a server there, but for the probe."""
        ...


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

    def snapshot(self, hub: str) -> Snapshot:
        """Make it possible to go back to what the hub runs now; changes nothing of the hub.

        Raises `snapshot-not-written` or `database-damaged`; then the hub must not be changed.
        """
        ...

    def snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        """All that can be gone back to, in the order in which they were made."""
        ...

    def discard_snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        """Delete those that are too many or too old, and say which."""
        ...

    def preview_rollback(
        self, hub: str, snapshot: str, *, put_database_back: bool = False
    ) -> RollbackPreview:
        """What `roll_back` to the snapshot of this id would do; changes nothing."""
        ...

    def roll_back(
        self,
        hub: str,
        snapshot: str,
        report: Report,
        *,
        other_software: OtherSoftware = "migrate",
        put_database_back: bool = False,
    ) -> Outcome:
        """Restore configuration, environment and, when its schema changed or when asked, the
        hub database.

        People's servers and kernels go on. Everything is checked before anything is touched; a
        rollback that was cut off is finished by the same call. The result is a new revision.
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
