"""Making a change: new texts, a fleet that is still sound, a commit, a record of it.

The commit is complete before the branch moves, and a row tells of it before that; the work tree
follows. `settle` finishes what a crash left between those steps, and looks at what became of
branches that wait for review.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from hubfleet.fleet.edits.edit import Edit, SetResponsibility, explain, subject
from hubfleet.fleet.edits.making import FileChange, changed_files, without_effect
from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.changes.candidate import fleet_with
from hubfleet.office.changes.models import Change
from hubfleet.office.changes.repository import (
    Repository,
    Signature,
    open_repository,
    signature,
)
from hubfleet.office.changes.rights import acts_of
from hubfleet.office.ports import desk

LONGEST_WHY = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, by which way, and why."""

    actor: Actor
    name: str
    email: str
    why: str = ""

    @property
    def signature(self) -> Signature:
        return signature(self.name, self.email, self.actor.login)


def read_only() -> Problem | None:
    """Why nothing can be changed from here now; None when it can."""
    try:
        repository = open_repository(desk().root)
        repository.branch()
        repository.head()
    except HubfleetError as error:
        return error.problems[0]
    return None


def make_change(edits: Sequence[Edit], asked: Asked) -> Change:
    """Commit the edits; whoever calls has asked whether this person may.

    Raises what stands against it, in the words of the declaration's own errors.
    """
    fleet = desk().reload()
    repository = open_repository(fleet.root)
    with repository.alone():
        _settle(repository)
        branch, parent = repository.branch(), repository.head()
        files = changed_files(edits, fleet, repository.text)
        _refuse_unsound(edits, fleet, files, repository)
        change = _intend(edits, fleet, files, repository, asked, branch, parent)
        _move(repository, change, files)
        with transaction.atomic():
            change.save()
            _tell(change, asked.actor, acts_of(edits[0], fleet)[0])
    desk().reload()
    return change


def _refuse_unsound(
    edits: Sequence[Edit], fleet: Fleet, files: Sequence[FileChange], repository: Repository
) -> None:
    """Raises `FleetErrors`, or `without-effect` when a stronger layer hides an edit."""
    texts = {change.file: change.new for change in files}
    after = fleet_with(fleet.root, texts, repository.folder)
    hidden = without_effect(edits, after)
    if hidden:
        raise failure(
            "without-effect",
            "this would change nothing that anybody sees",
            place=files[0].file,
            why=f"A secret file or another layer says something else: {explain(hidden[0])}.",
            hint="ask an engineer of the operator, who sees where it is set",
        )


def _intend(
    edits: Sequence[Edit],
    fleet: Fleet,
    files: Sequence[FileChange],
    repository: Repository,
    asked: Asked,
    branch: str,
    parent: str,
) -> Change:
    """The commit, which no branch knows yet, and the row that tells of it."""
    about = subject(edits[0])
    change = Change(
        who=asked.actor.login,
        author=str(asked.signature),
        why=_plain(asked.why),
        community=about.partition("/")[0],
        hub=about if "/" in about else "",
        items=[edit.item for edit in edits if isinstance(edit, SetResponsibility)],
        sentences=[explain(edit) for edit in edits],
        diff=diff_of(files),
        parent=parent,
        branch=branch,
    )
    new = {change.file: repository.blob(change.new) for change in files}
    change.files = [
        {"file": one.file, "old": repository.blob(one.old), "new": new[one.file]} for one in files
    ]
    with transaction.atomic():
        change.save()
        if fleet.service.changes == "branch":
            usual, other = change.review_branches
            change.branch = other if repository.exists("refs/heads/change") else usual
        committer = signature("hubfleet", fleet.service.contact, "hubfleet")
        message = _message(change, asked.actor.login)
        change.commit = repository.commit(new, parent, asked.signature, committer, message)
        change.save()
    return change


def _move(repository: Repository, change: Change, files: Sequence[FileChange]) -> None:
    reviewed = change.reviewed
    old = "" if reviewed else change.parent
    try:
        repository.move(change.branch, change.commit, old, change.summary)
    except HubfleetError:
        change.state = Change.State.DROPPED
        change.save()
        raise
    if not reviewed:
        texts = {one.file: one.new for one in files}
        for file in change.files:
            repository.check_out(file["file"], texts[file["file"]], file["new"])
    change.state = Change.State.WAITING if reviewed else Change.State.MADE


def _tell(change: Change, actor: Actor, act: str) -> None:
    record(
        actor,
        act,
        community=change.community,
        hub=change.hub,
        what=". ".join(change.sentences) + ".",
        details={"change": change.pk, "commit": change.commit, "why": change.why},
    )


def settle() -> None:
    """Finish what a crash left, and see what became of branches; the second call does nothing."""
    repository = open_repository(desk().root)
    with repository.alone():
        _settle(repository)


def _settle(repository: Repository) -> None:
    unsettled = [Change.State.INTENDED, Change.State.WAITING]
    for change in Change.objects.filter(state__in=unsettled).order_by("pk"):
        if change.reviewed:
            state = _of_branch(repository, change)
        elif repository.contains(change.commit):
            _finish(repository, change)
            state = Change.State.MADE
        else:
            state = Change.State.DROPPED
        if state == change.state:
            continue
        if (change.state, state) == (Change.State.INTENDED, Change.State.MADE):
            # The crash came before this was told.
            _tell(change, Actor(login=change.who), "change-declaration")
        change.state = state
        change.save()


def _of_branch(repository: Repository, change: Change) -> Change.State:
    if repository.contains(change.commit):
        return Change.State.MERGED
    if repository.exists(f"refs/heads/{change.branch}"):
        return Change.State.WAITING
    return Change.State.DROPPED


def _finish(repository: Repository, change: Change) -> None:
    """Let files follow that still show what was before the commit; others have gone on since."""
    for file in change.files:
        path = repository.root / file["file"]
        head = repository.git("rev-parse", f"HEAD:{repository.prefix}{file['file']}").strip()
        shown = repository.git("hash-object", "--no-filters", "--", str(path)).strip()
        if head == file["new"] and shown in (file["old"], file["new"]):
            text = repository.git("cat-file", "blob", file["new"])
            repository.check_out(file["file"], text, file["new"])


def diff_of(files: Sequence[FileChange]) -> str:
    """All changes as one unified diff."""
    lines: list[str] = []
    for one in files:
        names = (f"a/{one.file}", f"b/{one.file}")
        lines += difflib.unified_diff(
            one.old.splitlines(), one.new.splitlines(), *names, lineterm=""
        )
    return "\n".join(lines) + "\n"


def _message(change: Change, login: str) -> str:
    """The commit's message: what, why, and who asked for it."""
    parts = [change.summary]
    if len(change.sentences) > 1:
        parts.append("\n".join(f"- {sentence}" for sentence in change.sentences))
    if change.why:
        parts.append(change.why)
    trailers = f"Hubfleet-Change: {change.pk}\nHubfleet-Login: {_plain(login)}"
    return "\n\n".join([*parts, trailers]) + "\n"


def _plain(text: str) -> str:
    """Without control characters, and without lines that git or we would take for trailers."""
    text = re.sub(r"[^\S\n]+|[\x00-\x09\x0b-\x1f\x7f]", " ", text[:LONGEST_WHY]).strip()
    text = re.sub(r"\n{3,}", "\n\n", text)
    return re.sub(r"(?im)^(\s*hubfleet-(?:change|login)):", r"\1 -", text)


def path_of(change: Change) -> Path | None:
    """The first file that it changed, from the fleet's root."""
    return Path(change.files[0]["file"]) if change.files else None
