"""Going back to a snapshot: check, write down the intention, restore, start, wait, forget it.

Everything that can be refused is refused before anything is touched. After that each act can be
done again: whoever calls a second time after a kill -9 finds how far it came and goes on. People's
servers are no part of it; only the hub process is stopped.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.local import answers
from hubfleet.platforms.local.control import KeeperClient, NoKeeperError
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.homes.quota import readable
from hubfleet.platforms.local.observing import living, software
from hubfleet.platforms.local.placing import wait_until_up
from hubfleet.platforms.local.routes import give_up_domain
from hubfleet.platforms.local.snapshots import database, journal, shelf
from hubfleet.platforms.local.snapshots.journal import Intention
from hubfleet.platforms.local.snapshots.merging import Merged
from hubfleet.platforms.local.snapshots.preview import what_became
from hubfleet.platforms.local.snapshots.putting_back import copy_aside, exchange
from hubfleet.platforms.local.snapshots.shelf import Kept
from hubfleet.platforms.local.spec import HubSecrets, HubSpec
from hubfleet.platforms.local.stopping import wait_until_down
from hubfleet.platforms.platform import OtherSoftware, Outcome, Report

_RESERVE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Way:
    """What one rollback is going to do; `before` is what the hub runs or was to run."""

    state: StateFolder
    folder: HubFolder
    kept: Kept
    before: HubSpec
    wanted: HubSpec
    intention: Intention
    report: Report
    other_software: OtherSoftware


def roll_back(
    state: StateFolder,
    folder: HubFolder,
    snapshot: str,
    report: Report,
    *,
    other_software: OtherSoftware = "migrate",
    put_database_back: bool = False,
) -> Outcome:
    """Bring the hub back to a snapshot, as a new revision; the keeper must be there.

    The database goes back when its schema is another one, or when asked. Raises `snapshot-damaged`,
    `software-differs`, `environment-missing`, `no-room-for-rollback` with nothing touched, and
    `rollback-failed` or `rollback-did-not-come-up` with the way on.
    """
    kept = shelf.find(folder, snapshot)
    way = _decide(state, folder, kept, report, other_software, put_database_back)
    _refuse(way)
    if _is_there_already(way):
        return Outcome(changed=False, revision=way.before.revision, url=way.before.url)
    with _told_when_it_cannot_be_written(way):
        way.intention.write(folder)
        merged = _restore_database(way) if way.intention.database else Merged()
        _restore_configuration(way)
    if other_software == "leave-down" and _needs_other_software(way):
        _stop(way)
        journal.finish(folder)
        note = f"{folder.name} is down until {_wanted_software(way)} is installed"
        return Outcome(True, way.wanted.revision, way.wanted.url, note=note)
    _start(way)
    journal.finish(folder)
    note = what_became(folder, kept, merged) if way.intention.database else ""
    return Outcome(True, way.wanted.revision, way.wanted.url, note=note)


def database_goes_back(folder: HubFolder, kept: Kept) -> bool:
    """Whether the hub database is not of the snapshot's schema, or cannot be read at all."""
    if not kept.what.database_schema:
        return False
    try:
        return database.schema_of(folder.database) != kept.what.database_schema
    except database.DamagedDatabaseError:
        return True


def _decide(
    state: StateFolder,
    folder: HubFolder,
    kept: Kept,
    report: Report,
    other_software: OtherSoftware,
    put_database_back: bool,
) -> _Way:
    """A rollback that was cut off is taken up where it is; else a new one begins."""
    before = living(folder) or HubSpec.read(folder.spec)
    latest = max(before.revision, HubSpec.read(folder.spec).revision)
    goes_back = database_goes_back(folder, kept)
    begun = journal.cut_off(folder)
    if begun and begun.snapshot == kept.what.id and begun.revision >= latest:
        # Only where nobody started the hub since: it may have changed the restored database.
        untouched = living(folder) is None and (folder.path / "stopped").exists()
        done = begun.phase == "database-back" and not goes_back and untouched
        intention = replace(begun, phase="database-back" if done else "begun")
    else:
        asked = put_database_back and bool(kept.what.database_schema)
        intention = Intention(kept.what.id, latest + 1, goes_back or asked)
    here = HubSpec.read(folder.spec)
    # Where the hub lives is no part of a revision: people's running servers call its port.
    wanted = replace(
        kept.spec,
        revision=intention.revision,
        port=here.port,
        proxy_api=here.proxy_api,
        proxy_port=here.proxy_port,
        url=f"http://{kept.spec.domain}:{here.proxy_port}/",
        software=software(),
    )
    return _Way(state, folder, kept, before, wanted, intention, report, other_software)


def _is_there_already(way: _Way) -> bool:
    if way.intention.database or living(way.folder) is None:
        return False
    same = replace(way.before, revision=0) == replace(way.wanted, revision=0)
    return same and answers.hub_answers_people(way.wanted.proxy_port, way.wanted.domain)


def _refuse(way: _Way) -> None:
    """Raise whatever stands against the rollback, with nothing touched."""
    store = EnvironmentStore(way.state.environments)
    missing = [path for path in shelf.environments_of(way.wanted) if not store.is_complete(path)]
    if missing:
        raise failure(
            "environment-missing",
            f"the environment of revision {way.kept.what.revision} of {way.folder.name} is gone",
            place=str(missing[0]),
            hint="nothing was changed; declare the packages as they were and run `hubfleet apply`",
        )
    if _needs_other_software(way) and not _may_go_on_with_other_software(way):
        raise _software_differs(way)
    needed = 2 * way.kept.what.size if way.intention.database else 0
    free = shutil.disk_usage(way.folder.path).free
    if needed + _RESERVE > free:
        raise failure(
            "no-room-for-rollback",
            f"there is no room to bring {way.folder.name} back",
            place=str(way.folder.path),
            why=f"{readable(needed + _RESERVE)} are needed and {readable(free)} are free",
            hint="nothing was changed; make room on the disk, then run the command again",
        )


def _schema_afterwards(way: _Way) -> str:
    if way.intention.database:
        return way.kept.what.database_schema
    try:
        return database.schema_of(way.folder.database)
    except database.DamagedDatabaseError:
        return ""


def _needs_other_software(way: _Way) -> bool:
    """Whether the installed JupyterHub cannot use the database as it will be."""
    schema, known = _schema_afterwards(way), database.installed_schemas()
    return bool(schema and known) and schema != known[0]


def _may_go_on_with_other_software(way: _Way) -> bool:
    if way.other_software == "leave-down":
        return True
    older = database.is_older_than_installed(_schema_afterwards(way))
    return way.other_software == "migrate" and older


def _wanted_software(way: _Way) -> str:
    return f"jupyterhub {way.kept.spec.software.get('jupyterhub', 'of that time')}"


def _software_differs(way: _Way) -> HubfleetError:
    name, then = way.folder.name, way.kept.spec.software
    packages = " ".join(f"'{package}=={version}'" for package, version in sorted(then.items()))
    revision = way.kept.what.revision
    return failure(
        "software-differs",
        f"the database of revision {revision} of {name} needs {_wanted_software(way)}",
        place=str(way.kept.database),
        why=f"its schema is {way.kept.what.database_schema}; jupyterhub "
        f"{software().get('jupyterhub', 'is not installed')} has {database.installed_schemas()[0]}",
        hint="nothing was changed; to go back with the software too, run "
        f"`uv pip install {packages or 'the earlier versions'}`, `hubfleet down --keep-hubs`, and "
        "this command again; `--migrate-again` keeps the installed software and has it migrate "
        "the restored database, `--leave-down` restores everything and leaves the hub down",
    )


def _restore_database(way: _Way) -> Merged:
    """Put the snapshot's database in place, unless an earlier call did; the hub is down after."""
    if way.intention.phase == "database-back":
        return Merged()
    try:
        copy = copy_aside(way.folder, way.kept)
        _stop(way)
        way.report("putting the database back")
        merged = exchange(way.folder, copy, way.intention.revision)
    except (OSError, sqlite3.Error, database.DamagedDatabaseError) as error:
        raise _not_restored(way, str(error)) from None
    replace(way.intention, phase="database-back").write(way.folder)
    return merged


@contextmanager
def _told_when_it_cannot_be_written(way: _Way) -> Iterator[None]:
    try:
        yield
    except NoKeeperError:
        raise
    except OSError as error:
        raise failure(
            "rollback-failed",
            f"the rollback of {way.folder.name} could not be finished",
            place=error.filename or str(way.folder.path),
            why=error.strerror or str(error),
            hint="make room on the disk or mend its rights, then run the command again: "
            "it goes on where it was",
        ) from None


def _restore_configuration(way: _Way) -> None:
    """The declared secrets first: a hub that starts with the spec needs those that belong to it."""
    secrets = HubSecrets.read(way.folder.secrets)
    if secrets.declared != way.kept.declared_secrets:
        replace(secrets, declared=way.kept.declared_secrets).write(way.folder.secrets)
    way.wanted.write(way.folder.spec)


def _not_restored(way: _Way, why: str) -> HubfleetError:
    """The database is the one from before: let the hub go on as it was."""
    KeeperClient(way.state).start(way.folder.name)
    journal.finish(way.folder)
    return failure(
        "rollback-failed",
        f"the database of {way.folder.name} could not be put back",
        place=str(way.folder.revisions),
        why=why,
        hint="the hub was started again as it was before; mend the cause, run the command again",
    )


def _stop(way: _Way) -> None:
    way.report("stopping the hub")
    KeeperClient(way.state).stop(way.folder.name)
    wait_until_down(way.state, [way.folder.name])


def _start(way: _Way) -> None:
    folder, wanted = way.folder, way.wanted
    log_before = folder.log.stat().st_size if folder.log.exists() else 0
    way.report("starting the hub")
    client = KeeperClient(way.state)
    client.start(folder.name)
    try:
        wait_until_up(client, folder, wanted, log_before, way.report)
    except HubfleetError as error:
        raise _did_not_come_up(way, error) from None
    if way.before.domain != wanted.domain:
        give_up_domain(way.state, folder.name, way.before.domain)


def _did_not_come_up(way: _Way, error: HubfleetError) -> HubfleetError:
    (problem,) = error.problems
    revision = way.kept.what.revision
    hint = f"`hubfleet logs {way.folder.name}` shows more; run the command again when it is mended"
    if _needs_other_software(way):
        hint += f", or install {_wanted_software(way)}, with which revision {revision} ran"
    return failure(
        "rollback-did-not-come-up",
        f"{way.folder.name} was brought back to revision {revision} but did not come up",
        place=problem.place,
        why=problem.why,
        hint=hint,
    )
