"""What Helm says when it fails, in our words: pure, from its text to problems with cures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hubfleet.kit.errors import Problem
from hubfleet.platforms.kubernetes.api_words import missing_right

Kind = Literal[
    "not-ready", "conflict", "schema", "taken", "pending", "unreachable", "credentials", "right",
    "no-chart", "refused",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """`resource` is what it is about (`Deployment/ant-prod/hub`), `detail` what was said of it.

    For a conflict `owner` is who changed the field, `detail` the field; for a name that is taken,
    `owner` is the namespace that has it.
    """

    kind: Kind
    resource: str = ""
    detail: str = ""
    owner: str = ""


_NOT_READY = re.compile(
    r"resource (?P<resource>[\w.]+/[\w./-]+) not ready\. status: (?P<status>\w+)"
    r"(?:, message: (?P<message>[^\n]*))?"
)
_OLD_NOT_READY = re.compile(
    r"(?P<resource>Deployment|StatefulSet|DaemonSet|Job|PersistentVolumeClaim|Pod|Service) is not "
    r"ready: (?P<name>[\w./-]+)\. (?P<message>[^\n]*)"
)
_CONFLICT = re.compile(
    r"applying object (?P<name>\S+) (?P<version>[\w./]+), Kind=(?P<kind>\w+): "
    r"Apply failed with \d+ conflicts?: (?P<rest>.*)",
    re.DOTALL,
)
_OWNER = re.compile(r'conflicts? with "(?P<owner>[^"]+)"')
_FIELD = re.compile(r"(?:^|[\s:])(?:- )?(?P<field>\.[^\s,]+)")
_TAKEN = re.compile(
    r'(?P<kind>\w+) "(?P<name>[^"]+)" in namespace "(?P<namespace>[^"]*)" exists and cannot be '
    r"imported.*?"
    r'(?:release-namespace" must equal "[^"]*": current value is "(?P<owner>[^"]+)"'
    r'|release-name" must equal "[^"]*": current value is "(?P<release>[^"]+)"|$)',
    re.DOTALL,
)
_SCHEMA = re.compile(r"- at '(?P<path>[^']*)': (?P<what>[^\n]+)")
_WORDS: dict[Kind, tuple[str, ...]] = {
    "credentials": (
        "Unauthorized", "must be logged in", "getting credentials", "provide credentials",
    ),
    "unreachable": (
        "connection refused", "no such host", "i/o timeout", "unreachable", "no route to host",
    ),
    "not-ready": ("context deadline exceeded", "timed out waiting", "context canceled"),
    "no-chart": ("failed to fetch", "chart not found", "no chart version found"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Told:
    """What a problem says; words in braces stand for values."""

    code: str
    what: str
    why: str = ""
    hint: str = ""


_SENTENCES: dict[Kind, _Told] = {
    "not-ready": _Told(
        code="hub-did-not-come-up",
        what="{hub} did not come up",
        hint="`hubfleet logs {hub}` shows more; where it only needs longer, raise "
        "`kubernetes.come_up` in clusters/{cluster}.yaml",
    ),
    "conflict": _Told(
        code="field-owned-by-another",
        what="a field of {hub} belongs to `{owner}`",
        why="{detail} of {resource} was changed by it",
        hint="undo that change, or take the field back with `hubfleet apply --take-ownership`",
    ),
    "taken": _Told(
        code="release-name-taken",
        what="{hub} cannot be made on `{cluster}`: {resource} is there already",
        why="it belongs to {owner}, and charts name such objects after their release",
        hint="remove the other release, or rename one of the two hubs",
    ),
    "schema": _Told(
        code="refused-by-chart",
        what="the chart refuses the values of {hub}",
        why="{detail}",
        hint="mend `helm_values` where they say this, or pin another version of the chart",
    ),
    "pending": _Told(
        code="release-busy",
        what="somebody else changes the release of {hub} now",
        hint="wait until they are done, then run the same command again",
    ),
    "right": _Told(
        code="right-missing",
        what="our account on the cluster `{cluster}` may not {detail}",
        hint="have an administrator of the cluster apply what `hubfleet doctor {cluster} "
        "--rbac` prints, then run the same command again",
    ),
    "credentials": _Told(
        code="credentials-refused",
        what="the cluster `{cluster}` does not accept our credentials",
        why="{detail}",
        hint="they may have expired: sign in again with the provider's program, or have "
        "the kubeconfig of `{cluster}` written anew, then run the same command again",
    ),
    "unreachable": _Told(
        code="cluster-unreachable",
        what="the cluster `{cluster}` does not answer",
        why="{detail}",
        hint="check the network and the address; the other clusters go on, and the same "
        "command can be run again",
    ),
    "no-chart": _Told(
        code="chart-not-found",
        what="the chart of {hub} cannot be fetched",
        why="{detail}",
        hint="check `chart.repository` and `chart.version`, and that the repository answers",
    ),
    "refused": _Told(
        code="refused-by-cluster",
        what="the cluster `{cluster}` refused a part of {hub}",
        why="{detail}",
        hint="`hubfleet doctor {cluster}` checks what hubfleet needs there",
    ),
}


def understood(text: str) -> Failure:
    """Which way of failing a text of Helm tells."""
    # The lines of its log say everything a second time, with quotes inside quotes.
    lines = [line for line in text.splitlines() if not line.startswith(("level=", "time="))]
    told = "\n".join(lines).strip() or text
    return next(found for tell in _WAYS if (found := tell(told)) is not None)


def _taken(text: str) -> Failure | None:
    found = _TAKEN.search(text)
    if found is None:
        return None
    resource = f"{found['kind']}/{found['name']}"
    return Failure("taken", resource, owner=found["owner"] or found["release"] or "")


def _conflict(text: str) -> Failure | None:
    found = _CONFLICT.search(text)
    if found is None:
        return None
    owner, field = _OWNER.search(found["rest"]), _FIELD.search(found["rest"])
    return Failure(
        "conflict",
        f"{found['kind']}/{found['name']}",
        field["field"] if field else "",
        owner["owner"] if owner else "somebody else",
    )


def _schema(text: str) -> Failure | None:
    if "don't meet the specifications of the schema" not in text:
        return None
    told = [f"`{_dotted(at)}`: {what}" for at, what in _SCHEMA.findall(text)]
    return Failure("schema", detail="; ".join(told) or _last_line(text))


def _waiting(text: str) -> Failure | None:
    if found := _NOT_READY.search(text):
        return Failure(
            "not-ready", found["resource"], (found["message"] or found["status"]).strip()
        )
    if found := _OLD_NOT_READY.search(text):
        return Failure("not-ready", f"{found['resource']}/{found['name']}", found["message"])
    return None


def _by_words(text: str) -> Failure | None:
    if "another operation (install/upgrade/rollback) is in progress" in text:
        return Failure("pending")
    if right := missing_right(text):
        return Failure("right", detail=right)
    for kind, words in _WORDS.items():
        if any(word in text for word in words):
            return Failure(kind, detail=_last_line(text))
    return None


def _other(text: str) -> Failure | None:
    return Failure("refused", detail=_last_line(text))


_WAYS = (_taken, _conflict, _schema, _waiting, _by_words, _other)


def problem_of(failed: Failure, hub: str, cluster: str, place: str, told: str = "") -> Problem:
    """The problem of a hub's release; `told` is what its pods and events say of the cause."""
    said = _SENTENCES[failed.kind]
    words = {
        "hub": hub,
        "cluster": cluster,
        "owner": failed.owner or "nobody that Helm knows",
        "resource": failed.resource,
        "detail": failed.detail,
    }
    why = said.why
    if failed.kind == "not-ready":
        about = "{resource} is not ready ({detail})" if failed.resource else "{detail}"
        why = f"{about}; {{told}}" if told else about
    filled = {**words, "told": told}
    return Problem(
        said.code,
        said.what.format(**filled),
        place,
        why.format(**filled),
        said.hint.format(**filled),
    )


def _dotted(path: str) -> str:
    return path.strip("/").replace("/", ".") or "the values"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    said = lines[-1] if lines else text
    # Helm writes the whole chain of causes on one line; `Error: UPGRADE FAILED:` says nothing.
    return re.sub(r"^(Error: )?(\w+ FAILED: )?", "", said.strip())[:600]
