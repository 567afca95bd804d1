"""Bundles that a representative takes along: made in the background, fetched, deleted in time.

The work is `hubfleet replicate export` in a process of its own; the file lies in the state folder,
private, and goes when it expires.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from hubfleet.kit.clock import now, timestamp
from hubfleet.kit.errors import failure
from hubfleet.office.accounts.actions import Action
from hubfleet.office.accounts.people import by_login
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.changes import process
from hubfleet.office.changes.process import Papers
from hubfleet.office.leaving.models import Take
from hubfleet.office.ports import desk
from hubfleet.office.post.outbox import put

AT_ONCE = 2
"""Bundles that are made at the same time: each reads whole disks."""
_MOST = 4000

_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Part:
    """What may be in a bundle beside the declaration."""

    name: str
    words: str
    option: str


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("database", "The hub's database: users, groups, roles", "--with-database"),
        Part("homes", "Everybody's home directories", "--with-homes"),
        Part("shared", "The shared folders", "--with-shared"),
    )
}


def folder_of(take: Take) -> Path:
    return desk().state / "console" / "takes" / str(take.pk)


def file_of(take: Take) -> Path:
    """The bundle, once it is ready; named as people will find it among their downloads."""
    return folder_of(take) / f"{take.hub.replace('/', '-')}.tar.zst"


def begin(hub: str, parts: Sequence[str], actor: Actor) -> Take:
    """Start to make a bundle; raises `take-under-way`. Parts that nobody knows are left out."""
    chosen = [name for name in PARTS if name in parts]
    with _starting:
        _refuse_more(hub)
        take = Take(hub=hub, who=actor.login, options=chosen)
        take.save()
        words = ["replicate", "export", hub, "--to", str(file_of(take)), "--json"]
        words += [PARTS[name].option for name in chosen]
        started = process.start([*words, *desk().where()], _papers(take))
        take.pid, take.pid_began, take.boot = started.pid, started.began, started.boot
        take.save()
    what = f"began to make a bundle of {hub}"
    what += f" with {', '.join(chosen)}" if chosen else ""
    record(actor, Action.TAKE_HUB, hub=hub, what=what, details={"take": str(take.pk)})
    return take


def _refuse_more(hub: str) -> None:
    watch()
    running = list(Take.objects.filter(ended_at=None))
    mine = [one for one in running if one.hub == hub]
    if mine or len(running) >= AT_ONCE:
        who = mine[0].who if mine else running[0].who
        raise failure(
            "take-under-way",
            f"a bundle of {hub if mine else 'another hub'} is being made",
            why=f"{who} asked for it" if mine else f"{AT_ONCE} at once are as many as disks bear",
            hint="wait until it is done; the hub's page shows how far it is",
        )


def work() -> None:
    """The console's loop: see which are done, and delete those whose time is over."""
    watch()
    for take in Take.objects.filter(expires_at__lte=now(), deleted_at=None):
        delete(take, Actor(), "its time was over")


def watch() -> None:
    """Note every bundle that is done; quick when none is being made."""
    process.reap()
    for take in Take.objects.filter(ended_at=None):
        started = process.Started(take.pid, take.pid_began, take.boot)
        ended = process.ended(started, _papers(take), take.at)
        if ended is not None:
            _end(take, ended.code)


def _end(take: Take, code: int | None) -> None:
    path = file_of(take)
    if code == 0 and not path.is_file():
        code = 3
    digest = _digest(path) if code == 0 else ""
    with transaction.atomic():
        # Of two processes that see the end, one tells of it.
        if not Take.objects.filter(pk=take.pk, ended_at=None).update(ended_at=now()):
            return
        take.ended_at, take.exit_code = now(), code
        days = desk().fleet().service.ending.bundle_days
        take.expires_at = take.ended_at + timedelta(days=days)
        take.outcome = _outcome(take, code)
        if code == 0:
            take.path, take.size = str(path), path.stat().st_size
            take.sha256 = digest
            _tell(take)
        take.save()
        record(
            Actor(),
            Action.TAKE_HUB,
            hub=take.hub,
            outcome="done" if code == 0 else "failed",
            what=take.outcome.splitlines()[0],
            details={"take": str(take.pk), "bytes": take.size, "sha256": take.sha256},
        )
    if code != 0:
        # Half a bundle helps nobody, and may be large; what was told stays on the page.
        path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """SHA-256 of a file that may be larger than the memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _outcome(take: Take, code: int | None) -> str:
    if code is None:
        return "The bundle was cut off: its process is gone."
    if code == 0:
        return "The bundle is ready."
    told = _papers(take).told().strip()
    start = told.find("error[")
    return told[max(start, 0) :][:_MOST] or f"The bundle could not be made (code {code})."


def _tell(take: Take) -> None:
    person = by_login(take.who)
    if person is None or not person.email:
        return
    community, hub = take.hub.split("/")
    text = (
        f"The bundle of {take.hub} that you asked for is ready. Fetch it here, signed in, until "
        f"{timestamp(take.expires_at)[:10]}:\n\n"
        f"{settings.CONSOLE_ADDRESS}/hubs/{community}/{hub}/leaving/\n"
    )
    put("bundle", person.email, f"Your bundle of {take.hub} is ready", text)


def progress_of(take: Take) -> str:
    """The last line that the process told."""
    lines = _papers(take).told().replace("\r", "\n").strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable())[:300] if lines else ""


def delete(take: Take, actor: Actor, why: str) -> None:
    """Delete the files; the row stays, as a record. Raises `take-under-way` for a running one."""
    if take.running:
        raise failure(
            "take-under-way",
            f"the bundle of {take.hub} is being made",
            why="its process still writes to it",
            hint="wait until it is done",
        )
    shutil.rmtree(folder_of(take), ignore_errors=True)
    if folder_of(take).exists():
        raise failure(
            "bundle-not-deleted",
            f"the bundle of {take.hub} could not be deleted",
            place=str(folder_of(take)),
            hint="mend the rights of the folder; the console tries again",
        )
    take.deleted_at = now()
    take.save(update_fields=["deleted_at"])
    what = f"deleted a bundle of {take.hub}: {why}"
    record(actor, Action.TAKE_HUB, hub=take.hub, what=what, details={"take": str(take.pk)})


def of_hub(hub: str) -> list[Take]:
    """The newest first."""
    return list(Take.objects.filter(hub=hub)[:10])


def _papers(take: Take) -> Papers:
    return Papers(folder_of(take), "export")
