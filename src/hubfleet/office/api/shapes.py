"""What goes in and comes out, as the description of the API shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from hubfleet.fleet.edits.edit import (
    AddAdmin,
    AllowUser,
    ClearField,
    DisallowUser,
    Edit,
    RemoveAdmin,
    SetField,
    SetRepresentatives,
    SetResponsibility,
)
from hubfleet.fleet.model import Owner, Representative
from hubfleet.kit.errors import failure

Plain = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
Login = Annotated[
    str, StringConstraints(pattern=r"^[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*$", max_length=150)
]
Why = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=2000)]
Key = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=200)
]
HubName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,30}/[a-z0-9-]{1,30}$")]
CommunityName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,30}$")]


class Sent(Schema):
    """A body: unknown keys are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class Trouble(Schema):
    """One problem, as `--json` prints it."""

    code: str
    place: str | None = None
    what: str
    why: str = ""
    hint: str = ""


class Refusal(Schema):
    """Why something was not done."""

    status: int
    error: str
    why: str = ""
    who_could: list[str] = []
    """Those who may do it, where the rights refused it."""
    problems: list[Trouble] = []


class Me(Schema):
    login: str
    name: str
    staff: list[str]
    communities: list[str]
    scopes: list[str]
    """What the token may be used for; all of them with a session."""


class HubStatus(Schema):
    hub: str
    cluster: str
    stage: str | None
    state: str
    url: str
    revision: int
    note: str


class Status(Schema):
    """As `hubfleet status --json`."""

    hubs: list[HubStatus]
    remarks: list[str]


class Effective(Schema):
    value: Any
    layer: str
    place: str | None


class HubDetail(Schema):
    hub: str
    community: str
    cluster: str
    stage: str
    domain: str
    values: dict[str, Effective]


class Split(Schema):
    number: int
    slug: str
    sentence: str
    owner: Owner
    default: Owner
    note: str


class Responsibilities(Schema):
    community: str
    responsibilities: list[Split]


class Answer(Schema):
    """Who may do an act, in words, and whether the one who asks may."""

    action: str
    target: str
    item: str | None
    """The responsibility that drives the act."""
    owner: Owner | None
    answer: Literal["yes", "with-approval", "request", "no"]
    why: str
    who_could: list[str]


class Discovered(Schema):
    """A hub as Prometheus' HTTP service discovery takes it."""

    targets: list[str]
    labels: dict[str, str]


class Excluded(Schema):
    """A maintenance that was announced, as far as it lies in the month."""

    model_config = ConfigDict(populate_by_name=True)

    begins: str = Field(alias="from")
    until: str
    title: str


class HubObjective(Schema):
    """A hub's month; `target` and `availability` are percent, `left` is a share of the budget."""

    hub: str
    stage: str
    target: float | None
    availability: float | None
    up_seconds: int
    down_seconds: int
    excused_seconds: int
    unmeasured_seconds: int
    budget_seconds: int | None
    left_seconds: int | None
    left: float | None
    burn: float | None
    state: str
    excluded: list[Excluded]


class Objectives(Schema):
    """As `hubfleet objectives --json`."""

    month: str
    timezone: str
    definition: str
    hubs: list[HubObjective]


class Admins(Schema):
    login: str
    has_account: bool


class Member(Schema):
    login: str
    name: str
    everywhere: bool
    """A user of all hubs of the community."""
    until: date | None


class People(Schema):
    hub: str
    admins: list[Admins]
    declared_users: list[Admins]
    members: list[Member]


class Until(Sent):
    until: date | None = None


class Because(Sent):
    why: Why = ""


class Invitee(Sent):
    email: Annotated[str, StringConstraints(max_length=254)]
    name: Plain = ""
    login: Annotated[str, StringConstraints(max_length=150)] = ""


class Invite(Sent):
    people: list[Invitee] = Field(min_length=1, max_length=10_000)
    until: date | None = None


class NotInvited(Schema):
    email: str
    why: str


class Invited(Schema):
    invited: int
    refused: list[NotInvited]


class SetFieldSent(Sent):
    do: Literal["set"]
    hub: HubName
    key: Key
    value: Any

    def edit(self) -> Edit:
        return SetField(self.hub, self.key, self.value)


class ClearFieldSent(Sent):
    do: Literal["clear"]
    hub: HubName
    key: Key

    def edit(self) -> Edit:
        return ClearField(self.hub, self.key)


class AdminSent(Sent):
    do: Literal["add-admin", "remove-admin"]
    hub: HubName
    login: Login

    def edit(self) -> Edit:
        return (AddAdmin if self.do == "add-admin" else RemoveAdmin)(self.hub, self.login)


class UserSent(Sent):
    do: Literal["allow-user", "disallow-user"]
    hub: HubName
    login: Login

    def edit(self) -> Edit:
        return (AllowUser if self.do == "allow-user" else DisallowUser)(self.hub, self.login)


class ResponsibilitySent(Sent):
    do: Literal["set-responsibility"]
    community: CommunityName
    item: CommunityName
    owner: Owner | None
    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] | None = None

    def edit(self) -> Edit:
        return SetResponsibility(self.community, self.item, self.owner, self.note)


class RepresentativeSent(Sent):
    name: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f]*$")]
    email: Annotated[str, StringConstraints(pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$")]
    login: Login | None = None


class RepresentativesSent(Sent):
    do: Literal["set-representatives"]
    community: CommunityName
    people: list[RepresentativeSent] = Field(min_length=1, max_length=2)

    def edit(self) -> Edit:
        try:
            people = [Representative(**one.model_dump()) for one in self.people]
        except ValidationError as error:
            # What is left of a name without the spaces around it may be none.
            raise failure(
                "bad-representative",
                "a representative's name or login cannot be declared",
                why=str(error.errors()[0]["msg"]),
                hint="write it without odd spaces",
            ) from None
        return SetRepresentatives(self.community, tuple(people))


AnyEdit = Annotated[
    SetFieldSent | ClearFieldSent | AdminSent | UserSent | ResponsibilitySent | RepresentativesSent,
    Field(discriminator="do"),
]


class ChangeSent(Sent):
    """Edits that become one commit."""

    edits: list[AnyEdit] = Field(min_length=1, max_length=100)
    why: Why = ""
    emergency: Why = ""
    """Why an engineer cannot wait for approval."""


class Change(Schema):
    id: int
    at: datetime
    who: str
    author: str
    why: str
    community: str
    hub: str
    sentences: list[str]
    state: str
    branch: str
    commit: str
    diff: str


class Changes(Schema):
    changes: list[Change]


class RolloutSent(Sent):
    """`plan` is the fingerprint of the plan for exactly these hubs, as `GET /plan` tells it."""

    plan: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4,64}$")]
    hubs: list[HubName] = Field(default=[], max_length=2000)
    """None: all that the waiting plan is about."""
    why: Why = ""
    emergency: Why = ""


class RollbackSent(Sent):
    to: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """The revision; default: the last one that is not running."""
    why: Why = ""
    emergency: Why = ""


class Run(Schema):
    id: str
    kind: str
    at: datetime
    who: str
    why: str
    hubs: list[str]
    plan: str
    rollout: str
    ended_at: datetime | None
    exit_code: int | None
    outcome: str
    events: list[dict[str, Any]]
    """From the one that `after` names."""


class Logs(Schema):
    hub: str
    lines: list[str]


class Snapshots(Schema):
    hub: str
    snapshots: list[dict[str, Any]]


class DeviceSent(Sent):
    client: Plain = "a program"
    scopes: list[Literal["read", "people", "change", "roll-out"]] = Field(
        default=["read"], min_length=1, max_length=4
    )


class DeviceBegun(Schema):
    """As in RFC 8628."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceAsked(Sent):
    device_code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,100}$")]


class DeviceTrouble(Schema):
    error: Literal["authorization_pending", "slow_down", "access_denied", "expired_token"]


class DeviceToken(Schema):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class TokenKept(Schema):
    id: str
    name: str
    scopes: list[str]
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None


class Tokens(Schema):
    tokens: list[TokenKept]
