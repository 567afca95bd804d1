"""What monitoring systems and reports ask of the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubfleet.kit.clock import now
from hubfleet.office.api.scopes import Scope
from hubfleet.office.watching.models import Announcement, HubDay
from tests.fleets import write
from tests.integration.acting.test_api import Program, token
from tests.offices import Office


def test_service_discovery_lists_the_hubs_that_its_person_sees(office: Office) -> None:
    status, found = Program(token("eve", Scope.DISCOVER))("GET", "/sd/hubs")
    assert status == 200
    assert [one["labels"]["hub"] for one in found] == ["ant/prod", "ant/staging", "bee/prod"]
    assert found[0] == {
        "targets": ["prod-ant.localhost:80"],
        "labels": {
            "job": "hub",
            "hub": "ant/prod",
            "community": "ant",
            "cluster": "reef",
            "stage": "production",
            "jupyterhub": "6",
            "__scheme__": "http",
            "__metrics_path__": "/hub/metrics",
            "__meta_hubfleet_health": "http://prod-ant.localhost:80/hub/health",
            "__meta_hubfleet_platform": "local",
        },
    }
    status, found = Program(token("ada", Scope.DISCOVER))("GET", "/sd/hubs")
    assert [one["labels"]["hub"] for one in found] == ["ant/prod", "ant/staging"]


@pytest.mark.parametrize(
    ("query", "hubs"),
    [
        ("hub=ant/prod", ["ant/prod"]),
        ("hub=ant/prod&hub=bee/prod", ["ant/prod", "bee/prod"]),
        ("community=ant", ["ant/prod", "ant/staging"]),
        ("community=bee&cluster=reef", ["bee/prod"]),
        ("cluster=elsewhere", []),
    ],
)
def test_a_job_chooses_its_hubs(office: Office, query: str, hubs: list[str]) -> None:
    status, found = Program(token("eve", Scope.DISCOVER))("GET", f"/sd/hubs?{query}")
    assert (status, [one["labels"]["hub"] for one in found]) == (200, hubs)


def test_a_token_for_discovery_does_nothing_else(office: Office) -> None:
    program = Program(token("eve", Scope.DISCOVER))
    for path in ("/status", "/objectives", "/plan", "/me"):
        assert program("GET", path)[0] == 403, path
    status, answer = Program(token("eve", Scope.READ))("GET", "/sd/hubs")
    assert status == 403
    assert answer["why"] == (
        "this token may not list the addresses of hubs for Prometheus, and nothing else: it lacks "
        "the scope `discover`"
    )


def promise(office: Office, **said: object) -> None:
    import yaml

    file = office.root / "fleet.yaml"
    fleet = yaml.safe_load(file.read_text())
    fleet["service"]["objectives"] = said
    write(file, fleet)
    office.desk.reload()


def test_budgets_are_told_to_those_who_look_after_a_hub(office: Office) -> None:
    promise(office, availability=99, hubs={"ant/staging": 90})
    today = now().date()
    HubDay.objects.create(hub="ant/prod", day=today, up=900, down=100, excused=50)
    begins = now() - timedelta(seconds=1)
    Announcement.objects.create(
        kind="maintenance", title="New disks", community="ant", starts_at=begins, made_by="eve"
    )
    status, found = Program(token("ada", Scope.READ))("GET", "/objectives")
    assert status == 200
    assert found["month"] == f"{today:%Y-%m}"
    assert found["definition"].startswith("Available is the share of the measured time")
    prod, staging = found["hubs"]
    assert (prod["hub"], prod["target"], prod["availability"]) == ("ant/prod", 99.0, 90.0)
    assert (prod["down_seconds"], prod["burn"], prod["state"]) == (100, 10.0, "at risk")
    assert [one["title"] for one in prod["excluded"]] == ["New disks"]
    assert set(prod["excluded"][0]) == {"from", "until", "title"}
    assert (staging["target"], staging["state"]) == (90.0, "not measured")
    # Another community's maintenance is not theirs.
    status, found = Program(token("bea", Scope.READ))("GET", "/objectives?hub=bee/prod")
    assert [one["excluded"] for one in found["hubs"]] == [[]]


def test_users_of_a_hub_see_no_target_before_it_is_public(office: Office) -> None:
    promise(office, availability=99)
    bo = Program(token("bo", Scope.READ))
    assert [row["hub"] for row in bo("GET", "/status")[1]["hubs"]]
    assert bo("GET", "/objectives")[1]["hubs"] == []
    promise(office, availability=99, public=True)
    hubs = bo("GET", "/objectives?month=2026-01")[1]["hubs"]
    assert {one["target"] for one in hubs if one["stage"] == "production"} == {99.0}


def test_a_month_that_is_none_is_refused(office: Office) -> None:
    status, answer = Program(token("ada", Scope.READ))("GET", "/objectives?month=2026-13")
    assert (status, answer["error"]) == (422, "the request does not fit its description")
