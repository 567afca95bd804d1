"""Making one hub run as declared, and taking one away.

Look; write the intention into the namespace; have Helm change the release, which carries the label
that makes the intention true; wait until everything is ready.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hubfleet.kit.digest import canonical_json
from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import CLAIMS, CONFIG_MAPS, NAMESPACES
from hubfleet.platforms.kubernetes.closing import end_servers, reopen, stopped
from hubfleet.platforms.kubernetes.drift import Drift
from hubfleet.platforms.kubernetes.helm import HelmError, Upgrade
from hubfleet.platforms.kubernetes.helm_words import Failure, problem_of
from hubfleet.platforms.kubernetes.namespaces import Place, claim
from hubfleet.platforms.kubernetes.observing import Held, read_one, state_of
from hubfleet.platforms.kubernetes.record import Record
from hubfleet.platforms.kubernetes.releases import History, history
from hubfleet.platforms.kubernetes.rendering.context import url_of
from hubfleet.platforms.kubernetes.rendering.pins import Pins
from hubfleet.platforms.kubernetes.rendering.storage import companions
from hubfleet.platforms.kubernetes.rendering.values import render_values
from hubfleet.platforms.kubernetes.work import Job, Work
from hubfleet.platforms.platform import Outcome, Report

_KEEP = {"helm.sh/resource-policy": "keep"}
"""Without it, removing a hub would delete its database."""


def place(work: Work, job: Job, report: Report) -> Outcome:
    """Bring the hub to exactly its declared values; nothing is done when it runs them already."""
    where = work.place(job.hub.name)
    claim(work.api, where)
    pins = replace(work.pins(where, make=True), declared=job.declared)
    mend(work, where, report)
    opened = reopen(work.api, where)
    held = read_one(work.api, where.hub, where.namespace)
    wanted = wanted_record(work, job, pins)
    before = held.record
    drifts = work.drifts(held)
    same = before is not None and before.fingerprint == wanted.fingerprint
    if before and same and not drifts and _is_up(work, held):
        return Outcome(changed=opened, revision=before.revision, url=before.url)
    if not job.take_ownership:
        refuse_owned(where, drifts)
    revision = before.revision if before and same else next_revision(held)
    wanted = replace(wanted, revision=revision)
    report("starting" if before is None else "changing")
    good = held.history.deployed
    true = good.revision if good else revision
    work.write_records(where, held.records.with_one_more(wanted, true), held.objects)
    for companion in companions(job.hub, work.cluster):
        work.api.create(CLAIMS, companion, where.namespace)
    with _helm(work, where):
        work.helm.upgrade(_upgrade(work, job, where, pins, wanted))
    remember_objects(work, where)
    return Outcome(changed=True, revision=revision, url=wanted.url)


def refuse_owned(where: Place, drifts: Sequence[Drift]) -> None:
    """Raise for fields of others before anything is touched: Helm would stop half way at them."""
    fields = [
        Failure("conflict", drift.object, drift.field, drift.owner)
        for drift in drifts
        if drift.field
    ]
    if fields:
        told = (problem_of(one, where.hub, where.cluster, str(where)) for one in fields)
        raise HubfleetError(*told)


def wanted_record(work: Work, job: Job, pins: Pins) -> Record:
    """What the hub is to run, as its namespace will hold it; the revision is still open."""
    hub = job.hub
    return Record(
        hub=hub.name,
        cluster=work.cluster.name,
        revision=0,
        flat=hub.flat(),
        values=hub.values.model_dump(mode="json"),
        software=dict(job.software),
        url=url_of(hub, work.declared),
        chart=job.chart_name,
        secrets=_secrets_digest(job.declared, pins),
        client=job.client,
    )


def _secrets_digest(declared: Mapping[str, Any], pins: Pins) -> str:
    """Keyed, so that nobody who reads the record can try out passwords against it."""
    if not declared:
        return ""
    text = canonical_json(dict(declared)).encode()
    return hmac.new(pins.cookie_secret.encode(), text, hashlib.sha256).hexdigest()[:16]


def next_revision(held: Held) -> int:
    """One more than any that was tried; the first where none came up."""
    if held.history.deployed is None:
        return 1
    return max(held.records.newest, *(one.revision for one in held.history.all)) + 1


def _is_up(work: Work, held: Held) -> bool:
    newest = held.history.newest
    if newest is None or newest.status != "deployed":
        return False
    return state_of(held.deployments, work.come_up) == "running"


def _upgrade(work: Work, job: Job, where: Place, pins: Pins, wanted: Record) -> Upgrade:
    labels = {
        **where.labels,
        marks.REVISION: str(wanted.revision),
        marks.FINGERPRINT: wanted.fingerprint,
    }
    # Helm would take this one for its own.
    labels.pop(marks.MANAGED_BY)
    return Upgrade(
        release=where.release,
        namespace=where.namespace,
        chart=job.chart,
        values=with_kept_database(render_values(job.hub, work.cluster, pins, job.logo)),
        labels=labels,
        description=f"hubfleet: revision {wanted.revision} of {where.hub}",
        seconds=work.come_up,
        take_ownership=job.take_ownership,
    )


def with_kept_database(values: dict[str, Any]) -> dict[str, Any]:
    """The same values, and the hub's database outlives its release."""
    hub: dict[str, Any] = dict(values.get("hub") or {})
    database: dict[str, Any] = dict(hub.get("db") or {})
    claimed: dict[str, Any] = dict(database.get("pvc") or {})
    claimed["annotations"] = {**_KEEP, **(claimed.get("annotations") or {})}
    return {**values, "hub": {**hub, "db": {**database, "pvc": claimed}}}


def mend(work: Work, where: Place, report: Report) -> None:
    """Bring a release in order on which somebody was killed: back to what came up last."""
    past = history(work.api, where.release, where.namespace)
    newest = past.newest
    if newest is None or not newest.is_pending:
        return
    report(f"mending a release that was cut off ({newest.status})")
    with _helm(work, where):
        if newest.status == "uninstalling" or past.deployed is None:
            work.helm.uninstall(where.release, where.namespace, work.come_up)
        else:
            number = past.deployed.number
            work.helm.rollback(where.release, where.namespace, number, work.come_up)


def remember_objects(work: Work, where: Place) -> None:
    """Write down which objects the release has, so that a deleted one is noticed."""
    held = read_one(work.api, where.hub, where.namespace)
    newest = held.history.newest
    if newest is not None:
        work.write_records(where, held.records, work.objects_of(where, newest.number))


def remove(work: Work, hub: str, report: Report) -> Outcome:
    """Take the release away, and nothing that people need: created again, the hub has it all."""
    where = work.place(hub)
    past: History = history(work.api, where.release, where.namespace)
    if past.newest is None or work.api.find(NAMESPACES, where.namespace) is None:
        return Outcome(False, 0, "")
    claim(work.api, where)
    # People's servers are no part of the release: it would go, and they would stay. Before it, so
    # that a removal that is cut off is seen and gone on with; after it, what began in between.
    held = read_one(work.api, hub, where.namespace)
    servers = end_servers(work, where, report)
    report("stopping the hub")
    with _helm(work, where):
        work.helm.uninstall(where.release, where.namespace, work.come_up)
    servers += end_servers(work, where, report)
    reopen(work.api, where)
    work.api.delete(CONFIG_MAPS, marks.RECORD, where.namespace)
    revision = past.deployed.revision if past.deployed else 0
    kept = f"people's files are kept in the namespace {where.namespace} of {where.cluster}"
    note = f"{kept}; {stopped(held, servers)}" if servers else kept
    return Outcome(True, revision, "", note=note)


@contextmanager
def _helm(work: Work, where: Place) -> Iterator[None]:
    try:
        yield
    except HelmError as error:
        raise work.told(error, where) from None
