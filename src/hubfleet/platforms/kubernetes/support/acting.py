"""What is done for support charts in the cluster's own process: look, then act and wait."""

from __future__ import annotations

from dataclasses import dataclass

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import NAMESPACES, SECRETS
from hubfleet.platforms.kubernetes.helm import HelmError, Upgrade
from hubfleet.platforms.kubernetes.helm_words import understood
from hubfleet.platforms.kubernetes.releases import History, histories, history
from hubfleet.platforms.kubernetes.support.planning import Seen, SupportStep
from hubfleet.platforms.kubernetes.work import Work
from hubfleet.platforms.platform import Report

SUPPORT = "hubfleet/support"
VERSION = "hubfleet/support-version"
VALUES = "hubfleet/support-values"


@dataclass(frozen=True, slots=True)
class SupportJob:
    """A step, and the chart's file or folder for it."""

    step: SupportStep
    chart: str
    who: str


def seen_charts(work: Work) -> list[Seen]:
    """The releases on the cluster that hubfleet made beside the hubs."""
    secrets = work.api.select(SECRETS, labels=f"owner=helm,{SUPPORT}", metadata_only=True)
    found = [_seen(name, past) for (_, name), past in sorted(histories(secrets).items())]
    return [one for one in found if one is not None]


def _seen(name: str, past: History) -> Seen | None:
    newest = past.newest
    if newest is None:
        return None
    labels = newest.labels
    return Seen(
        name=name,
        namespace=newest.namespace,
        status=newest.status,
        version=labels.get(VERSION, "").replace("_", "+"),
        fingerprint=labels.get(marks.FINGERPRINT, ""),
        values_digest=labels.get(VALUES, ""),
    )


def place_chart(work: Work, job: SupportJob, report: Report) -> bool:
    """Have the release as the step wants it; False where it was so already.

    A failure leaves what came up last: a release that had been deployed is rolled back.
    """
    wanted = job.step.wanted
    past = history(work.api, wanted.name, wanted.namespace)
    _refuse_foreign(work, wanted.name, wanted.namespace, past)
    newest = past.newest
    if newest and newest.status == "deployed" and _is_as_wanted(newest.labels, job):
        return False
    work.api.create(
        NAMESPACES,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wanted.namespace}},
    )
    _mend(work, past, report)
    report("installing" if newest is None else "changing")
    try:
        work.helm.upgrade(_upgrade(work, job))
    except HelmError as error:
        good = past.deployed
        if good is not None:
            report("rolling back")
            _roll_back(work, wanted.name, wanted.namespace, good.number)
        raise _told(work, job, str(error), back=good is not None) from None
    return True


def _is_as_wanted(labels: dict[str, str], job: SupportJob) -> bool:
    return labels.get(marks.FINGERPRINT) == job.step.wanted.fingerprint


def _upgrade(work: Work, job: SupportJob) -> Upgrade:
    wanted = job.step.wanted
    labels = {
        SUPPORT: wanted.name,
        VERSION: wanted.version.replace("+", "_"),
        VALUES: wanted.values_digest,
        marks.FINGERPRINT: wanted.fingerprint,
    }
    return Upgrade(
        release=wanted.name,
        namespace=wanted.namespace,
        chart=job.chart,
        values=wanted.values,
        labels=labels,
        description=f"hubfleet: {job.step.action} by {job.who}",
        seconds=work.come_up,
    )


def _mend(work: Work, past: History, report: Report) -> None:
    """A release on which somebody was killed goes back to what came up last."""
    newest = past.newest
    if newest is None or not newest.is_pending:
        return
    report(f"mending a release that was cut off ({newest.status})")
    if past.deployed is not None:
        _roll_back(work, newest.name, newest.namespace, past.deployed.number)
    else:
        work.helm.uninstall(newest.name, newest.namespace, work.come_up)


def _roll_back(work: Work, name: str, namespace: str, number: int) -> None:
    try:
        work.helm.rollback(name, namespace, number, work.come_up, force=True)
    except HelmError as error:
        raise failure(
            "support-not-mended",
            f"`{name}` could not be brought back to what came up last",
            place=f"{work.cluster.name}/{namespace}",
            why=str(error),
            hint=f"look with `helm history {name} --namespace {namespace}`",
        ) from None


def _refuse_foreign(work: Work, name: str, namespace: str, past: History) -> None:
    newest = past.newest
    if newest is not None and SUPPORT not in newest.labels:
        raise failure(
            "support-taken",
            f"there is a release `{name}` already, which hubfleet did not make",
            place=f"{work.cluster.name}/{namespace}",
            why="Somebody else takes care of it.",
            hint="take it out of `support:`; or hand it over: "
            f"`kubectl label secret --namespace {namespace} --selector owner=helm,name={name} "
            f"{SUPPORT}={name}`",
        )


def _told(work: Work, job: SupportJob, words: str, *, back: bool) -> HubfleetError:
    wanted = job.step.wanted
    failed = understood(words)
    after = "What came up last runs again." if back else "Nothing of it had come up before."
    return failure(
        "support-not-placed",
        f"`{wanted.name}` {wanted.version} could not be {_DONE[job.step.action]}",
        place=f"{work.cluster.name}/{wanted.namespace}",
        why=f"{(failed.detail or words).rstrip('.')}. {after}",
        hint="mend its `values` or `version` under `support:`, then run the same command again",
    )


_DONE = {"install": "installed", "upgrade": "changed", "mend": "mended"}
