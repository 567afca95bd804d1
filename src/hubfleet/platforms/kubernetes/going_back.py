"""Snapshots of a hub on a cluster, and the way back: Helm's own rollback, and the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import failure
from hubfleet.planning.steps import Reason
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import SECRETS
from hubfleet.platforms.kubernetes.database import PodDatabase
from hubfleet.platforms.kubernetes.helm import HelmError
from hubfleet.platforms.kubernetes.namespaces import Place
from hubfleet.platforms.kubernetes.observing import Held, read_one, state_of
from hubfleet.platforms.kubernetes.placing import mend, next_revision, remember_objects
from hubfleet.platforms.kubernetes.record import Record
from hubfleet.platforms.kubernetes.releases import Release, history
from hubfleet.platforms.kubernetes.shelf import Kept, Shelf
from hubfleet.platforms.kubernetes.work import Work
from hubfleet.platforms.platform import Outcome, Report, RollbackPreview, Snapshot


def snapshot(work: Work, hub: str) -> Snapshot:
    """Copy what is needed to go back to what the hub runs; also deletes what is too old."""
    where = work.place(hub)
    held = read_one(work.api, hub, where.namespace)
    record, release = running(work, held)
    shelf = Shelf(work.shelf, hub)
    database = PodDatabase(work.api, where)
    copy = database.copy() if database.exists() else None
    data, schema = (copy.data, copy.schema) if copy else (None, "")
    made = shelf.keep(record, release.number, timestamp(), data, schema)
    shelf.discard(record.revision)
    return made


def running(work: Work, held: Held) -> tuple[Record, Release]:
    """What the hub runs; raises `unknown-hub` where nothing of it ever came up."""
    record, good = held.record, held.history.deployed
    if good is None:
        raise work.unknown(held.hub)
    if record is None:
        raise failure(
            "record-missing",
            f"nothing says what {held.hub} runs",
            place=f"{work.cluster.name}/{held.namespace}",
            why=f"the ConfigMap {marks.RECORD} lacks revision {good.revision}",
            hint="run `hubfleet apply`, which writes it anew",
        )
    return record, good


def preview(work: Work, hub: str, wanted: str, *, put_database_back: bool) -> RollbackPreview:
    """What `go_back` would do; changes nothing."""
    where = work.place(hub)
    held = read_one(work.api, hub, where.namespace)
    now, _ = running(work, held)
    kept = Shelf(work.shelf, hub).find(wanted)
    with_database = _database_goes_back(work, where, held, kept, asked=put_database_back)
    keeps = ["People's servers and kernels go on.", "Homes and files stay as they are."]
    loses = []
    if with_database:
        loses.append(
            f"The hub database is that of {kept.what.at}: people, tokens and servers that came "
            "since then are not in it."
        )
        keeps.append(
            "The present one stays in the hub's volume as jupyterhub.sqlite.before-rollback."
        )
    else:
        keeps.append("The hub database stays as it is: people, groups and tokens too.")
    changes = tuple(_changes(now, kept.record))
    return RollbackPreview(kept.what, changes, with_database, tuple(keeps), tuple(loses))


def _changes(now: Record, then: Record) -> Iterator[Reason]:
    for key in sorted({*now.flat, *then.flat}):
        if now.flat.get(key) != then.flat.get(key):
            yield Reason(key, now.flat.get(key), then.flat.get(key))


def go_back(
    work: Work, hub: str, wanted: str, report: Report, *, put_database_back: bool
) -> Outcome:
    """Everything is checked before anything is touched; a second call goes on where one ended."""
    where = work.place(hub)
    shelf = Shelf(work.shelf, hub)
    kept = shelf.find(wanted)
    mend(work, where, report)
    held = read_one(work.api, hub, where.namespace)
    target = _target(work, held, kept)
    with_database = _database_goes_back(work, where, held, kept, asked=put_database_back)
    now = held.record
    if now and not with_database and _is_there_already(work, held, kept):
        return Outcome(changed=False, revision=now.revision, url=now.url)
    revision = next_revision(held)
    back = replace(kept.record, revision=revision)
    # Until the new release has its own label it carries that of the old one.
    records = held.records.with_one_more(kept.record, kept.record.revision)
    work.write_records(where, records.with_one_more(back, kept.record.revision), held.objects)
    if with_database and kept.database is not None:
        report("putting the database back")
        database = PodDatabase(work.api, where)
        database.stop_hub()
        database.put_back(kept.database.read_bytes())
    report("rolling the release back")
    try:
        work.helm.rollback(where.release, where.namespace, target, work.come_up)
    except HelmError as error:
        raise work.told(error, where) from None
    _label_newest(work, where, revision)
    remember_objects(work, where)
    note = f"{hub}: the hub database is that of {kept.what.at}." if with_database else ""
    return Outcome(changed=True, revision=revision, url=back.url, note=note)


def _label_newest(work: Work, where: Place, revision: int) -> None:
    newest = history(work.api, where.release, where.namespace).newest
    if newest is not None:
        change = {"metadata": {"labels": {marks.REVISION: str(revision)}}}
        work.api.change(SECRETS, newest.secret, change, where.namespace)


def _is_there_already(work: Work, held: Held, kept: Kept) -> bool:
    newest, now = held.history.newest, held.record
    if newest is None or now is None or newest.status != "deployed":
        return False
    same = now.fingerprint == kept.record.fingerprint
    return same and state_of(held.deployments, work.come_up) == "running"


def _target(work: Work, held: Held, kept: Kept) -> int:
    """The newest Helm revision that brought exactly this; raises `release-gone`."""
    wanted = kept.record.fingerprint
    fitting = [
        one
        for one in held.history.all
        if one.labels.get(marks.FINGERPRINT) == wanted and one.status in ("deployed", "superseded")
    ]
    if not fitting:
        raise failure(
            "release-gone",
            f"Helm does not keep revision {kept.what.revision} of {held.hub} any more",
            place=f"{work.cluster.name}/{held.namespace}",
            why="the release was removed or changed many times since then",
            hint="nothing was changed; declare what it had (`hubfleet history --hub` shows it) and "
            "run `hubfleet apply`",
        )
    return fitting[-1].number


def _database_goes_back(work: Work, where: Place, held: Held, kept: Kept, *, asked: bool) -> bool:
    """When asked, and when another chart has migrated it since then."""
    if kept.database is None:
        return False
    if asked:
        return True
    newest = held.history.newest
    tried = held.records.by_revision.get(newest.revision) if newest else None
    charts = {one.chart for one in (held.record, tried) if one is not None}
    if charts == {kept.record.chart}:
        # The same chart has the same JupyterHub, and so the same schema.
        return False
    return PodDatabase(work.api, where).schema() != kept.what.database_schema
