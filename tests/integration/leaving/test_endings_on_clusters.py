"""The ledger of a hub that was on Kubernetes: what the cluster tells, and what a person may say."""

from __future__ import annotations

import pytest

from hubfleet.desk import Desk
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.audit.record import Actor
from hubfleet.office.leaving import ending as acts
from hubfleet.office.leaving import erasing, evidence, turning
from hubfleet.office.leaving.models import Asset, Ending
from hubfleet.platforms.remaining import ClusterRemains
from tests.integration.leaving.test_endings import (
    EVE,
    HUB,
    agreed,
    earlier,
    today_of,
    undeclare,
)
from tests.offices import Office

ASKED = ("tide/ant-prod",)
NOTHING = ClusterRemains(ASKED, (), ())
CLAIMS = tuple(f"persistentvolumeclaims/claim-{number}" for number in range(10))
AWAY = HubfleetError(Problem("cluster-unreachable", "the cluster `tide` does not answer"))


@pytest.fixture
def ending(office: Office) -> Ending:
    """Of a hub that was on a cluster and is gone."""
    made = agreed(office)
    made.platform, made.cluster = "kubernetes", "tide"
    made.save()
    acts.mark_data(made, "waived", acts.Consent("ada"), Actor("ada"), fleet=office.fleet)
    earlier(made, 60)
    undeclare(office)
    turning.notice_gone(office.fleet, today_of(office))
    made.refresh_from_db()
    assert made.gone_at
    return made


Left = dict[str, ClusterRemains | HubfleetError]


@pytest.fixture
def left(office: Office, monkeypatch: pytest.MonkeyPatch) -> Left:
    """What a look for a hub on its cluster finds, or why nobody can look."""
    script: Left = {}
    really = type(office.desk).remains

    def remains(desk: Desk, hub: str, cluster: str) -> ClusterRemains:
        found = script.get(hub)
        if isinstance(found, HubfleetError):
            raise found
        return found or really(desk, hub, cluster)

    monkeypatch.setattr(type(office.desk), "remains", remains)
    return script


def told(ending: Ending) -> dict[str, str]:
    found = evidence.look(ending)
    kinds = ("kubernetes-objects", "volumes", "revision-snapshots")
    return {one.kind: f"{one.state}: {one.evidence}" for one in found if one.kind in kinds}


def refusal(ending: Ending, kind: str) -> Problem:
    with pytest.raises(HubfleetError) as caught:
        evidence.write_down(ending, kind, "kubectl showed nothing", EVE)
    (problem,) = caught.value.problems
    return problem


def test_what_is_still_there_is_named_and_no_person_can_say_otherwise(
    left: Left, office: Office, ending: Ending
) -> None:
    there = ClusterRemains(ASKED, ("namespaces/ant-prod", "secrets/hubfleet-pins"), CLAIMS)
    left[HUB] = there
    found = told(ending)
    assert found["kubernetes-objects"] == (
        "present: 2 objects found (looked at tide/ant-prod): "
        "namespaces/ant-prod, secrets/hubfleet-pins"
    )
    assert found["volumes"] == (
        f"present: 10 volumes found (looked at tide/ant-prod): {', '.join(CLAIMS[:8])} and 2 more"
    )
    for kind in ("kubernetes-objects", "volumes"):
        problem = refusal(ending, kind)
        assert (problem.code, problem.why) == ("not-by-hand", "hubfleet looks itself")
    assert told(ending) == found


def test_what_is_gone_is_evidence_also_when_the_cluster_is_away_later(
    left: Left, office: Office, ending: Ending
) -> None:
    left[HUB] = NOTHING
    gone = "deleted: nothing found (looked at tide/ant-prod)"
    assert told(ending)["kubernetes-objects"] == told(ending)["volumes"] == gone
    left[HUB] = AWAY
    assert told(ending)["volumes"] == gone
    evidence.write_down(ending, "backups", "the provider's snapshots have expired", EVE)
    ending.refresh_from_db()
    assert ending.settled_at, "nothing is left"
    left[HUB] = ClusterRemains(ASKED, (), ("persistentvolumes/pv-1",))
    assert told(ending)["volumes"].startswith("present: 1 volume found")
    ending.refresh_from_db()
    assert ending.settled_at is None


def test_where_nobody_can_look_a_person_may_say(left: Left, office: Office, ending: Ending) -> None:
    left[HUB] = AWAY
    assert told(ending)["volumes"] == (
        "present: nobody could look on tide: the cluster `tide` does not answer"
    )
    evidence.write_down(ending, "volumes", "the provider deleted the whole cluster", EVE)
    assert told(ending)["volumes"] == "deleted: the provider deleted the whole cluster"
    del left[HUB]
    assert told(ending)["kubernetes-objects"] == (
        "present: nobody could look on tide: the cluster `tide` is not declared any more"
    )
    left[HUB] = ClusterRemains(ASKED, (), (), "our account may not list them")
    Asset.objects.filter(kind="volumes").update(state="present", by_hand="")
    assert told(ending)["volumes"] == (
        "present: no claim found, and nobody could look for volumes: our account may not list them"
    )
    assert told(ending)["kubernetes-objects"].startswith("deleted")


def test_snapshots_that_are_kept_here_are_counted_and_erased(
    left: Left, office: Office, ending: Ending
) -> None:
    left[HUB] = NOTHING
    kept = office.state / "kubernetes" / "snapshots" / "tide" / HUB / "0001-r1"
    other = office.state / "kubernetes" / "snapshots" / "tide" / "ant" / "other" / "0001-r1"
    for folder in (kept, other):
        folder.mkdir(parents=True)
        (folder / "hub.sqlite").write_bytes(b"x" * 10)
    assert told(ending)["revision-snapshots"] == (
        "waived: 1 file found (looked at kubernetes/snapshots/tide/ant/prod)"
    )
    erasing.erase(ending, EVE, today=today_of(office))
    assert told(ending)["revision-snapshots"].startswith("deleted: nothing found")
    asset = Asset.objects.get(kind="revision-snapshots")
    assert (asset.deleted_count, asset.deleted_size) == (1, 10)
    assert (not kept.exists(), other.exists()) == (True, True)
