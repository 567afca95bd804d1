"""What one hub process is to run, and what one does run, as files beside its database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Self, TypeVar, get_args, get_origin, get_type_hints

from hubfleet.kit.digest import digest
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.kit.files import write_atomically

Record = TypeVar("Record", bound="HubSpec | RunRecord | HubSecrets")


class DamagedFileError(HubfleetError, ValueError):
    """A file that does not hold what it should, for whoever cannot go on without it."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(
            Problem(
                "damaged-file",
                f"{path.name} of {path.parent.parent.name}/{path.parent.name} cannot be used",
                place=str(path),
                why=why,
                hint=_CURES.get(path.name, "delete the file, then run `hubfleet apply`"),
            )
        )


_CURES = {
    "spec.json": "run `hubfleet apply`, which writes it anew; "
    "where `apply` itself says this, delete the file first",
    "secrets.json": "put it back from a copy; or delete it and run `hubfleet apply`, "
    "which makes new passwords",
}


@dataclass(frozen=True, slots=True)
class HubSpec:
    """Everything that a hub process needs to start, but for secrets.

    `flat` are the flat effective values that the planner compares; `values` the same as the nested
    mapping of `HubValues`. `port` is the hub's own loopback port: it stays the same for life,
    because people's running servers call it. `environment` is the folder of the environment,
    None for the plain one; `environments` are the further ones by name, and `kernels` is the
    folder that tells Jupyter of them. `logo` is a file in the hub's folder `page`. `console` is
    the address at which people sign in, and `console_nearby` how the hub itself reaches it; None
    for another way to sign in.
    """

    name: str
    cluster: str
    revision: int
    domain: str
    title: str
    url: str
    port: int
    proxy_api: str
    proxy_port: int
    flat: dict[str, Any]
    values: dict[str, Any]
    software: dict[str, str] = field(default_factory=dict)
    environment: str | None = None
    environments: dict[str, str] = field(default_factory=dict)
    kernels: str | None = None
    timezone: str = "UTC"
    logo: str | None = None
    console: str | None = None
    console_nearby: str | None = None

    def digest(self) -> str:
        """Equal for equal specs; the revision number alone makes a difference too."""
        return digest(asdict(self))

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises FileNotFoundError, or DamagedFileError for a file that is not a spec."""
        return _read(cls, path)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What another version added is left out; ValueError for a mapping that is not a spec."""
        return _made(cls, value)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A process that was started: who it is, since when, and what it was started with.

    `start_time` is field 22 of /proc/<pid>/stat (clock ticks since boot) and `boot` the machine's
    boot id: together they tell the process from a later one with the same pid. `spec` is the whole
    spec as JSON for hubs, None for the proxy and the keeper.
    """

    pid: int
    start_time: int
    boot: str
    since: str
    spec: dict[str, Any] | None = None

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises FileNotFoundError, or DamagedFileError for a file that is not a record."""
        return _read(cls, path)


@dataclass(frozen=True, slots=True)
class HubSecrets:
    """Secrets of one hub, kept 0600, never printed by `repr`.

    All but `declared` are made once for the hub's life; `declared` are the values that stand for
    the declaration's marks (`fleet.secrets`), written anew at every change. `office_token` lets the
    console end people's access; `metrics_token` lets Prometheus read the hub's numbers, and
    `meter_token` lets the console read whose servers run;
    `console_secret` is the hub's own as a client of the console, which is read anew at every
    sign-in, so that a rotation restarts no hub.
    """

    cookie_secret: str
    password: str
    admin_password: str
    probe_token: str
    culler_token: str
    proxy_token: str
    declared: dict[str, Any] = field(default_factory=dict)
    office_token: str = ""
    metrics_token: str = ""
    meter_token: str = ""
    console_secret: str = ""

    def __repr__(self) -> str:
        return "HubSecrets(...)"

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises FileNotFoundError, or DamagedFileError for a file that is not one of secrets."""
        return _read(cls, path)


def _read(kind: type[Record], path: Path) -> Record:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it does not hold a mapping")
        return _made(kind, value)
    except ValueError as error:
        raise DamagedFileError(path, str(error)) from None


def _made(kind: type[Record], value: Mapping[str, Any]) -> Record:
    """Values are never part of the error: they may be secrets."""
    known = {field.name: value[field.name] for field in fields(kind) if field.name in value}
    hints = get_type_hints(kind)
    for name, found in known.items():
        hint = hints[name]
        kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if not isinstance(found, tuple(get_origin(one) or one for one in kinds)):
            raise ValueError(f"`{name}` is a {type(found).__name__}")
    try:
        return kind(**known)
    except TypeError as error:
        raise ValueError(str(error).partition("() ")[2] or str(error)) from None
