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

from pydantic import Field

from hubfleet.fleet.access import Access
from hubfleet.fleet.console import Console, ConsolePlace
from hubfleet.fleet.declared import Declared as Declared  # noqa: PLC0414, theirs too
from hubfleet.fleet.ending import Ending
from hubfleet.fleet.fields import (
    CELL_PATTERN,
    IMAGE_PATTERN,
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
    ServerMemory,
    Text,
    UserName,
)
from hubfleet.fleet.incidents import Incidents
from hubfleet.fleet.kubernetes import Chart, HelmValues, Kubernetes
from hubfleet.fleet.mail import Mail
from hubfleet.fleet.monitoring import Checks, Monitoring, Objectives
from hubfleet.fleet.oncall import OnCallFile
from hubfleet.fleet.page import Logo, Page
from hubfleet.fleet.policy import Rollout as Rollout  # noqa: PLC0414, theirs too
from hubfleet.fleet.software import HubEnvironment
from hubfleet.fleet.use import Use
from hubfleet.kit.errors import Place

Stage = Literal["staging", "production"]
Layer = Literal["product", "fleet", "cluster", "community", "hub", "computed"]
Owner = Literal["community", "operator", "shared"]


class Limits(Declared):
    """The most that one person's server may use."""

    memory: ServerMemory | None = "1G"
    """Memory of all of a person's processes together."""
    cpu: Number | None = Field(default=1.0, gt=0, le=1024)
    """CPUs; 0.5 is half of one."""


class Guarantees(Declared):
    """What one person's server has even when others want it too."""

    memory: Memory | None = None
    """Memory that is taken away last when the machine runs short; at most the limit."""
    cpu: Number | None = Field(default=None, gt=0, le=1024)
    """CPUs that are shared out by when all are busy; at most the limit."""


class ProfileLimits(Declared):
    """What a profile changes of the hub's limits; what it leaves out stays."""

    memory: ServerMemory | None = None
    """Memory of all of a person's processes together."""
    cpu: Number | None = Field(default=None, gt=0, le=1024)
    """CPUs; 0.5 is half of one."""


class Choice(Declared):
    """One answer to a question that a profile asks."""

    name: Text
    """What people read."""
    default: Flag = False
    """Chosen unless a person chooses another; exactly one for each option."""
    limits: ProfileLimits = ProfileLimits()
    """Overrides the profile's limits."""
    guarantees: Guarantees = Guarantees()
    """Overrides the profile's guarantees."""
    environment: Name | None = None
    """One of the hub's `environments`, instead of the profile's."""


class Option(Declared):
    """A question that a profile asks, such as how much memory."""

    name: Text
    """What people read."""
    choices: tuple[Choice, ...] = Field(min_length=1)
    """The answers, in the order in which people see them."""


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
    guarantees: Guarantees = Guarantees()
    """Overrides the hub's guarantees."""
    environment: Name | None = None
    """One of the hub's `environments`, which new notebooks run with."""
    interface: str | None = Field(default=None, pattern=INTERFACE_PATTERN)
    """What opens first, instead of the hub's `interface`."""
    groups: tuple[Name, ...] = ()
    """Only members of these groups may use it; empty: everybody."""
    options: tuple[Option, ...] = ()
    """Questions that people answer when they have chosen this profile."""


class Environment(Declared):
    """The software that people's notebooks run with."""

    packages: tuple[Text, ...] = ()
    """Python packages, as pip would take them (`numpy`, `pandas>=2`)."""
    python: str | None = Field(default=None, pattern=PYTHON_PATTERN)
    """The Python version, such as `"3.12"`; default: the one that hubfleet runs on."""
    repository: Text | None = None
    """Instead of packages: a Binder-style repository, as a folder beside the community's hubs
    (`environment`) or as an https address."""
    ref: Text | None = None
    """The full commit of a repository with an address."""
    subfolder: Text | None = None
    """Where in the repository the files are that describe the environment."""
    image: str | None = Field(default=None, pattern=IMAGE_PATTERN)
    """Instead of packages: a container image with its tag or digest (Kubernetes only)."""


class Snapshots(Declared):
    """When snapshots of homes are made, and how long they are kept."""

    nightly: Flag = True
    """Make one every night; `false`: only `hubfleet home snapshot` makes them."""
    hour: Count = Field(default=2, ge=0, le=23)
    """The hour in which it is made, in the service's time zone."""
    daily: Count = Field(default=7, ge=0, le=366)
    """The last snapshot of each of so many days."""
    weekly: Count = Field(default=4, ge=0, le=520)
    """The last snapshot of each of so many weeks."""


class Storage(Declared):
    """People's files."""

    shared: Flag = True
    """Give everyone a folder `shared` that only admins can write."""
    shared_readwrite: Flag = False
    """Give everyone a folder `shared-readwrite` that everyone can write."""
    home_quota: Memory | None = None
    """The most that one home may hold: a warning from 90 %; at 100 % the file system refuses more
    where it can, elsewhere no new server is started from 110 %."""
    snapshots: Snapshots = Snapshots()
    """When snapshots of homes are made, and how long they are kept."""


class Culling(Declared):
    """When servers that nobody uses are stopped."""

    idle: Duration = "1h"
    """Stop a server after this time without activity; `0s`: never."""
    max_age: Duration = "7d"
    """Stop a server this old even when it is in use; `0s`: never."""
    kernels: Duration = "0s"
    """Stop a kernel after this time without activity when no page is open on it; `0s`: never."""


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
    community's only staging hub, else the service's `rollout.canaries`."""
    domain: Domain | None = None
    """The hub's host name; default `<hub>-<community>.<service domain>`."""
    title: Text | None = None
    """What people read on the sign-in page; default: the community's name and the hub's."""
    access: Access = Access()
    """Who may come in, and how."""
    page: Page = Page()
    """What people see before they sign in."""
    groups: dict[Name, tuple[UserName, ...]] = {}
    """Groups and their members."""
    environment: Environment = Environment()
    """The software that people's notebooks run with."""
    environments: dict[Name, Environment] = {}
    """Further environments by name; people choose them as kernels."""
    interface: str = Field(default="lab", pattern=INTERFACE_PATTERN)
    """What opens first: `lab`, `notebook`, `rstudio`, or a path such as
    `/lab/tree/welcome.ipynb`."""
    limits: Limits = Limits()
    """The most that one person's server may use."""
    guarantees: Guarantees = Guarantees()
    """What one person's server has even when others want it too."""
    profiles: tuple[Profile, ...] = ()
    """Choices at the start of a server; none: the hub's limits for all."""
    storage: Storage = Storage()
    """People's files."""
    culling: Culling = Culling()
    """When servers that nobody uses are stopped."""
    named_servers: Count = Field(default=0, ge=0, le=100)
    """How many servers with names of their own a person may have beside the first; 0: none."""
    collaboration: Flag = False
    """Let people work in one document at once, and share their servers with each other."""
    downloads: Flag = True
    """Offer files for download; what `false` cannot prevent is told in the documentation."""
    terminals: Flag = True
    """Offer terminals; what `false` cannot prevent is told in the documentation."""
    jupyterhub: JupyterHub = JupyterHub()
    """Pass-through to JupyterHub's own configuration."""
    chart: Chart = Chart()
    """The Helm chart that the hub is made of (Kubernetes only)."""
    helm_values: HelmValues = {}
    """Pass-through to the chart's values; wins over all that is rendered (Kubernetes only)."""


class OwnItem(Declared):
    """An item that the operator adds to the shared responsibility model."""

    sentence: Text
    """What is to be done."""
    owner: Owner = "operator"
    """Who does it where a community's `responsibilities` say nothing else."""


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
    console: Console = Console()
    """Where the console is, at which people sign in to all hubs."""
    mail: Mail = Mail()
    """How invitations and other mail are sent."""
    monitoring: Monitoring = Monitoring()
    """Where alerts go."""
    objectives: Objectives = Objectives()
    """What the service promises itself; none by default."""
    checks: Checks = Checks()
    """How often the hubs are checked, and when one counts as down."""
    use: Use = Use()
    """How the use of hubs is measured."""
    incidents: Incidents = Incidents()
    """How incidents are grouped, told and reported."""
    ending: Ending = Ending()
    """What happens, and when, once a hub is to end."""
    responsibilities: dict[Name, OwnItem] = {}
    """Further items of the shared responsibility model beside the 20, by a word for each."""
    changes: Literal["commit", "branch"] = "commit"
    """What a change made in the console becomes: a commit on the branch in use, or a branch of its
    own that somebody reviews and merges."""


class FleetFile(Declared):
    """`fleet.yaml`."""

    service: Service
    """The operator's offering."""
    rollout: Rollout = Rollout()
    """How the fleet is changed."""
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
    kubernetes: Kubernetes | None = None
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
    responsibility_notes: dict[str, Text] = {}
    """What was agreed about an item beside its owner."""
    agreement: Agreement | None = None
    """The terms under which the community is served."""
    defaults: dict[str, Any] = {}
    """Any hub field, for the community's hubs."""


@dataclass(frozen=True, slots=True)
class Effective:
    """One effective value and where it came from; `place` is None where no file says it.

    For a computed value it is the line that it was made from, such as the service's domain.
    """

    value: Any
    layer: Layer
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """One declared hub after layering.

    `effective` is flat: `limits.memory` -> Effective("2G", "cluster", place). It holds every
    field, in canonical spelling, with `domain`, `title` and `gate` computed where nobody set them,
    and the service's `timezone`, in which the hub's days begin and end. `console` is where people
    sign in, for a hub with `sign_in: console`.
    """

    name: str
    community: str
    cluster: str
    domain: str
    gate: str | None
    place: Place
    values: HubValues
    effective: Mapping[str, Effective]
    environments: tuple[HubEnvironment, ...] = ()
    timezone: str = "UTC"
    logo: Logo | None = None
    console: ConsolePlace | None = None

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
    oncall: OnCallFile = field(default_factory=OnCallFile)
