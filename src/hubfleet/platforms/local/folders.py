"""What lies where in the state folder. Everything in it is private to the account (0700)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HubFolder:
    """`hubs/<community>/<hub>`: all that one hub has and remembers."""

    path: Path

    @property
    def name(self) -> str:
        """`community/hub`."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def spec(self) -> Path:
        """What should run; written by `apply`."""
        return self.path / "spec.json"

    @property
    def run(self) -> Path:
        """What runs; written by the keeper when it forked the hub."""
        return self.path / "run.json"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def metrics_token(self) -> Path:
        """What Prometheus shows to read the hub's numbers, and nothing else."""
        return self.path / "metrics-token"

    @property
    def database(self) -> Path:
        return self.path / "hub.sqlite"

    @property
    def log(self) -> Path:
        return self.path / "hub.log"

    @property
    def homes(self) -> Path:
        return self.path / "homes"

    @property
    def shared(self) -> Path:
        return self.path / "shared"

    @property
    def identities(self) -> Path:
        """Whose each name is: the ids of a provider's people, by name."""
        return self.path / "identities.json"

    @property
    def page(self) -> Path:
        """The logo that the hub shows."""
        return self.path / "page"

    @property
    def revisions(self) -> Path:
        """Snapshots: what is needed to go back to an earlier revision."""
        return self.path / "revisions"

    @property
    def servers(self) -> Path:
        """One record and one log for each person's server."""
        return self.path / "servers"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The state folder of one machine."""

    path: Path

    @property
    def keeper_lock(self) -> Path:
        return self.path / "keeper.lock"

    @property
    def keeper_record(self) -> Path:
        return self.path / "keeper.json"

    @property
    def keeper_socket(self) -> Path:
        return self.path / "keeper.sock"

    @property
    def keeper_log(self) -> Path:
        return self.path / "keeper.log"

    @property
    def fleet_record(self) -> Path:
        """Which fleet lives here."""
        return self.path / "fleet.json"

    @property
    def apply_lock(self) -> Path:
        return self.path / "apply.lock"

    @property
    def lease(self) -> Path:
        """Who may change the fleet, where there is no ledger."""
        return self.path / "lease.json"

    @property
    def ledger(self) -> Path:
        """The memory of what was applied, where no database server keeps it."""
        return self.path / "office.sqlite"

    @property
    def open_rollout(self) -> Path:
        """Exists from the beginning of a rollout to its end; without it none was cut off."""
        return self.path / "rollout-open"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def proxy(self) -> Path:
        return self.path / "proxy"

    @property
    def environments(self) -> Path:
        return self.path / "environments"

    @property
    def console(self) -> Path:
        """What the console keeps beside its database: keys, clients, its process."""
        return self.path / "console"

    @property
    def console_run(self) -> Path:
        """Which process is the console."""
        return self.console / "run.json"

    @property
    def console_wanted(self) -> Path:
        """How the console is started; while it is there, the keeper starts one that ended again."""
        return self.console / "wanted.json"

    @property
    def console_minding(self) -> Path:
        """What the keeper did about a console that ended."""
        return self.console / "minding.json"

    @property
    def endings(self) -> Path:
        """The last day of each hub that is to end."""
        return self.console / "endings.json"

    @property
    def console_log(self) -> Path:
        return self.console / "console.log"

    @property
    def removed(self) -> Path:
        """Folders of removed hubs; people's files are kept until somebody deletes them."""
        return self.path / "removed"

    @property
    def hubs(self) -> Path:
        return self.path / "hubs"

    def hub(self, name: str) -> HubFolder:
        """The folder of `community/hub`, whether it exists or not."""
        community, hub = name.split("/")
        return HubFolder(self.hubs / community / hub)

    def known_hubs(self) -> Iterator[HubFolder]:
        """Every hub that was created here and not removed, in order of name."""
        for spec in sorted(self.hubs.glob("*/*/spec.json")):
            yield HubFolder(spec.parent)
