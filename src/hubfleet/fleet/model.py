"""What can be declared, typed. One class for each mapping in the files.

`HubValues` holds every field that a hub may have; all of them have a product default or are
optional, because any layer (fleet, cluster, community, hub) may set any of them. What must be
there in the end is `checks`' business. `Hub` is one hub with its effective values and, for each
of them, where it came from. Sources: design of the product §3; names follow Zero to JupyterHub
and KubeSpawner where they have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hubfleet.fleet.fields import (
    CELL_PATTERN,
    INTERFACE_PATTERN,
    PYTHON_PATTERN,
    WEBSITE_PATTERN,
    Count,
    Day,
    Domain,
    Duration,
    Email,
    Flag,
    Memory,
    Name,
    Number,
    Text,
    UserName,
)
from hubfleet.kit.errors import Place

SignInMethod = Literal["console", "github", "google", "cilogon", "oidc", "shared-password"]
Stage = Literal["staging", "production"]
Layer = Literal["product", "fleet", "cluster", "community", "hub", "computed"]
Owner = Literal["community", "operator", "shared"]


class Declared(BaseModel):
    """A mapping in a file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Limits(Declared):
    """The most that one person's server may use."""

    memory: Memory | None = "1G"
    """Memory of all of a person's processes together."""
    cpu: Number | None = Field(default=1.0, gt=0, le=1024)
    """CPUs; 0.5 is half of one."""


class ProfileLimits(Declared):
    """What a profile changes of the hub's limits; what it leaves out stays."""

    memory: Memory | None = None
    """Memory of all of a person's processes together."""
    cpu: Number | None = Field(default=None, gt=0, le=1024)
    """CPUs; 0.5 is half of one."""


class Profile(Declared):
    """A choice that people make when they start their server."""

    name: Text
    """What people read."""
    description: str = ""
    """A line below the name."""
    default: Flag = False
    """Chosen unless a person chooses another; at most one, else the first."""
    limits: ProfileLimits = ProfileLimits()
    """Overrides the hub's limits."""
    groups: tuple[Name, ...] = ()
    """Only members of these groups may use it; empty: everybody."""


class Allow(Declared):
    """Who may sign in beside the admins."""

    users: tuple[UserName, ...] = ()
    """User names."""
    groups: tuple[Name, ...] = ()
    """Groups, declared in the hub's `groups`."""


class Access(Declared):
    """Who may come in, and how."""

    sign_in: SignInMethod = "shared-password"
    """How people prove who they are."""
    admins: tuple[UserName, ...] = ()
    """Hub admins: they manage users and servers in JupyterHub's admin panel."""
    allow: Allow = Allow()
    """Who may sign in beside the admins."""
    everyone: Flag = False
    """Whoever knows the way in may use the hub."""
    until: Day | None = None
    """The last day on which `everyone` holds (in the service's time zone)."""


class Environment(Declared):
    """The software that people's notebooks run with."""

    packages: tuple[Text, ...] = ()
    """Python packages, as pip would take them (`numpy`, `pandas>=2`)."""
    python: str | None = Field(default=None, pattern=PYTHON_PATTERN)
    """The Python version, such as `"3.12"`; default: the one that hubfleet runs on."""


class Storage(Declared):
    """People's files."""

    shared: Flag = True
    """Give everyone a read-only folder `shared`."""


class Culling(Declared):
    """When servers that nobody uses are stopped."""

    idle: Duration = "1h"
    """Stop a server after this time without activity; `0s`: never."""
    max_age: Duration = "7d"
    """Stop a server this old even when it is in use; `0s`: never."""


class JupyterHub(Declared):
    """Pass-through to JupyterHub's own configuration."""

    config: dict[str, dict[str, Any]] = {}
    """Traitlets by class, the same keys as the chart's `hub.config`."""


class HubValues(Declared):
    """Every field of a hub. Any of them may also stand under `defaults:` of a lower layer."""

    cluster: Name | None = None
    """The cluster on which the hub runs."""
    stage: Stage = "production"
    """A staging hub is changed first; a production hub waits for its gate."""
    gate: str | None = None
    """The hub that must be healthy first (`hub` or `community/hub`), or `none`; default: the
    community's only staging hub."""
    domain: Domain | None = None
    """The hub's host name; default `<hub>-<community>.<service domain>`."""
    title: Text | None = None
    """What people read on the sign-in page; default: the community's name and the hub's."""
    access: Access = Access()
    """Who may come in, and how."""
    groups: dict[Name, tuple[UserName, ...]] = {}
    """Groups and their members."""
    environment: Environment = Environment()
    """The software that people's notebooks run with."""
    interface: str = Field(default="lab", pattern=INTERFACE_PATTERN)
    """What opens first: `lab`, `notebook`, or a path such as `/lab/tree/welcome.ipynb`."""
    limits: Limits = Limits()
    """The most that one person's server may use."""
    profiles: tuple[Profile, ...] = ()
    """Choices at the start of a server; none: the hub's limits for all."""
    storage: Storage = Storage()
    """People's files."""
    culling: Culling = Culling()
    """When servers that nobody uses are stopped."""
    jupyterhub: JupyterHub = JupyterHub()
    """Pass-through to JupyterHub's own configuration."""


class Service(Declared):
    """The operator's offering."""

    name: Text
    """What people call it."""
    operator: Text
    """The organisation that runs it."""
    contact: Email
    """Where people write to."""
    domain: Domain
    """Hubs are `<hub>-<community>.<domain>`; `localhost` on one machine."""
    timezone: str = "UTC"
    """An IANA name; dates in the declaration mean days of this zone."""


class Rollout(Declared):
    """How much is changed at once."""

    max_parallel: Count = Field(default=8, ge=1, le=256)
    """Hubs that are changed at the same time."""
    stop_after_failures: Count = Field(default=1, ge=1)
    """After so many failed hubs nothing new is begun."""


class FleetFile(Declared):
    """`fleet.yaml`."""

    service: Service
    """The operator's offering."""
    rollout: Rollout = Rollout()
    """How much is changed at once."""
    defaults: dict[str, Any] = {}
    """Any hub field, for all hubs."""


class ClusterFile(Declared):
    """`clusters/<cluster>.yaml`."""

    platform: Literal["local", "kubernetes"]
    """What runs the hubs."""
    region: Text | None = None
    """Where it is."""
    tenancy: Literal["shared", "dedicated"] = "shared"
    """`dedicated`: for one community only."""
    kubernetes: dict[str, Any] | None = None
    """How to reach it, for `platform: kubernetes`."""
    defaults: dict[str, Any] = {}
    """Any hub field, for the hubs on this cluster."""


class Representative(Declared):
    """Who speaks for a community."""

    name: Text
    """The person's name."""
    email: Email
    """Where they are reached."""
    login: UserName | None = None
    """Their user name on the community's hubs."""


class Contact(Declared):
    """Somebody to tell."""

    name: Text
    """A person or a list."""
    email: Email
    """Where they are reached."""
    role: Literal["technical", "billing", "support"] = "technical"
    """What they are told."""


class Agreement(Declared):
    """The terms under which the community is served."""

    price_list: Text
    """The price list by name."""
    cell: str | None = Field(default=None, pattern=CELL_PATTERN)
    """The cell of a matrix price list, `use/tenancy`, such as `research/shared`."""
    start: Day
    """First day."""
    end: Day | None = None
    """Last day."""


class CommunityFile(Declared):
    """`communities/<community>/community.yaml`."""

    name: Text
    """What people call it."""
    website: str | None = Field(default=None, pattern=WEBSITE_PATTERN)
    """Where it tells about itself."""
    representatives: tuple[Representative, ...] = Field(min_length=1, max_length=2)
    """One or two people who speak for the community."""
    contacts: tuple[Contact, ...] = ()
    """Whom else to tell."""
    responsibilities: dict[str, Owner] = {}
    """Who owns which of the 20 items, where it differs from the default split."""
    agreement: Agreement | None = None
    """The terms under which the community is served."""
    defaults: dict[str, Any] = {}
    """Any hub field, for the community's hubs."""


@dataclass(frozen=True, slots=True)
class Effective:
    """One effective value and where it came from; none of a product default's or computed."""

    value: Any
    layer: Layer
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """One declared hub after layering.

    `effective` is flat: `limits.memory` -> Effective("2G", "cluster", place). It holds every
    field, in canonical spelling, with `domain`, `title` and `gate` computed where nobody set them,
    and the service's `timezone`, in which the hub's days begin and end.
    """

    name: str
    community: str
    cluster: str
    domain: str
    gate: str | None
    place: Place
    values: HubValues
    effective: Mapping[str, Effective]
    timezone: str = "UTC"

    @property
    def stage(self) -> Stage:
        return self.values.stage

    def flat(self) -> dict[str, Any]:
        """The effective values alone, as JSON values."""
        return {key: effective.value for key, effective in self.effective.items()}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One declared cluster."""

    name: str
    file: ClusterFile
    place: Place


@dataclass(frozen=True, slots=True)
class Community:
    """One declared community; `hubs` are names `community/hub`."""

    name: str
    file: CommunityFile
    place: Place
    hubs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything declared, in one consistent value. Names sort alike on every machine."""

    root: Path
    service: Service
    rollout: Rollout
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    communities: Mapping[str, Community] = field(default_factory=dict)
    hubs: Mapping[str, Hub] = field(default_factory=dict)
