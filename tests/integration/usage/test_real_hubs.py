"""Real hubs of the local platform, real people with servers, read as the console reads them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hubfleet.fleet.fields import METER_SCOPES, PROBE_USER
from hubfleet.fleet.load import load_fleet
from hubfleet.kit.clock import now
from hubfleet.platforms.platform import Door
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.offices import Office, office_of
from tests.places import LocalPlace, local_place, until

pytestmark = pytest.mark.integration

HUB = "ant/prod"
GIB = 1024**3
PROFILES = [
    {"name": "Small", "default": True},
    {"name": "Large", "limits": {"memory": "1G"}},
]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlace]:
    """One hub that runs, for all tests here."""
    root = tmp_path_factory.mktemp("use")
    write_fleet(
        root / "fleet",
        {
            HUB: {
                "access": {"sign_in": "shared-password", "everyone": True, "admins": ["ada"]},
                "limits": {"memory": "512M"},
                "profiles": PROFILES,
            }
        },
    )
    with local_place(root / "state") as place:
        done = place.run("apply", "--yes", "--without-probes", fleet=root / "fleet")
        assert done.returncode == 0, done.stderr
        yield place


@pytest.fixture
def office(local: LocalPlace, tmp_path: Path) -> Iterator[Office]:
    """A console over the running hub, with nothing in its database."""
    with office_of(local.state.path.parent / "fleet", tmp_path / "state") as made:
        from hubfleet import wiring
        from hubfleet.desk import Desk
        from hubfleet.office import ports

        ports.install(
            Desk(wiring.open_installation(local.state.path.parent / "fleet", local.state.path))
        )
        yield made


def sample() -> None:
    """A round now; also one just after another."""
    from hubfleet.office.ports import desk
    from hubfleet.office.usage import sampling

    sampling.TOO_SOON = timedelta(0)
    sampling.sample(desk().fleet())


def ask(door: Door, method: str, path: str, token: str) -> tuple[int, str]:
    assert door.connect_to
    connection = http.client.HTTPConnection(*door.connect_to, timeout=20)
    host = door.url.removeprefix("http://").rstrip("/")
    headers = {"Authorization": f"token {token}", "Host": host}
    connection.request(method, f"/hub/api/{path}", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_two_people_a_member_of_staff_and_a_probe(local: LocalPlace, office: Office) -> None:
    from hubfleet.office.usage.models import People, Reading, Session, UseDay

    office.person("eve", "engineer")
    began = now()
    sample()
    platform = local.platform()
    probe = platform.door(HUB)
    with (
        Person(local, HUB, "wren") as wren,
        Person(local, HUB, "finch") as finch,
        Person(local, HUB, "eve") as eve,
    ):
        wren.start_server()
        finch.start_server({"profile": "large"})
        eve.start_server()
        ask(probe, "POST", f"users/{PROBE_USER}/server", probe.token)
        runs = "whether the probe's server runs"
        until(
            lambda: '"ready": true' in ask(probe, "GET", f"users/{PROBE_USER}", probe.token)[1],
            runs,
        )
        sample()
        readings = {one.requested: one for one in _desk_sample()}
        assert set(readings) == {512 * 1024**2, GIB}
        for one in readings.values():
            assert one.used is not None
            assert 20 * 1024**2 < one.used < GIB
            assert one.cpu_seconds is not None
            assert 0.1 < one.cpu_seconds < 600
        wren.stop_server()
        finch.stop_server()
        eve.stop_server()
        ask(probe, "DELETE", f"users/{PROBE_USER}/server", probe.token)
    sample()

    assert Reading.objects.get(hub=HUB).trouble == ""
    counts = {row.kind: row.count for row in People.objects.filter(scope=HUB)}
    assert counts == {"day": 2, "week": 2, "month": 2, "year": 2, "billed": 2}
    rows = list(UseDay.objects.filter(scope=HUB))
    hours = sum(row.server_hours for row in rows)
    assert sum(row.sessions for row in rows) == 2
    assert 0 < hours <= 2 * (now() - began).total_seconds() / 3600
    assert max(row.peak for row in rows) == 2
    assert sum(row.requested for row in rows) == pytest.approx(0.75 * hours, rel=0.5)
    assert sum(row.used for row in rows) > 0
    # As the hub counts: with the probe's and the engineer's.
    assert sum(row.spawns[-1][1] for row in rows if row.spawns) == 4
    assert sum(row.failed for row in rows) == 0
    assert all(row.ended for row in Session.objects.all())


def _desk_sample():
    from hubfleet.office.ports import desk

    return [one for one in desk().sample(HUB).servers if one.user in ("wren", "finch")]


def test_a_server_that_came_and_went_between_two_readings_is_found(
    local: LocalPlace, office: Office
) -> None:
    from hubfleet.office.usage.models import People, Session

    sample()
    with Person(local, HUB, "swift") as swift:
        swift.start_server()
        swift.stop_server()
    sample()
    (session,) = Session.objects.all()
    assert session.started == session.ended
    assert People.objects.get(scope=HUB, kind="billed").count == 1
    sample()
    assert Session.objects.count() == 1


def test_the_token_of_the_meter_reads_and_does_nothing_else(local: LocalPlace) -> None:
    platform = local.platform()
    door = platform.meter_door(HUB)
    with Person(local, HUB, "robin"):
        status, _ = ask(door, "GET", "users?state=active", door.token)
        assert status == 200
        for method, path in (
            ("POST", "users/robin/server"),
            ("DELETE", "users/robin/server"),
            ("DELETE", "users/robin"),
            ("POST", "users/robin/tokens"),
            ("GET", "users/robin/tokens"),
            ("GET", "proxy"),
            ("POST", "users/magpie"),
        ):
            assert ask(door, method, path, door.token)[0] in (403, 404), path
        model = json.loads(ask(door, "GET", "users/robin", door.token)[1])
        assert {"auth_state", "groups", "roles"}.isdisjoint(model)
    assert not [scope for scope in METER_SCOPES if not scope.startswith(("read:", "list:"))]


def test_a_hub_that_is_down_is_named_and_nobody_is_lost(local: LocalPlace, office: Office) -> None:
    from hubfleet.kit.errors import HubfleetError
    from hubfleet.meters.reading import MeterDoor, read_hub

    hub = load_fleet(office.root).hubs[HUB]
    door = local.platform().meter_door(HUB)
    wrong = MeterDoor(door.url, door.connect_to, "wrong")
    with pytest.raises(HubfleetError) as told:
        read_hub(HUB, wrong, hub.values, now())
    problem = told.value.problems[0]
    assert (problem.code, problem.what, problem.why, problem.hint) == (
        "hub-not-read",
        "the use of ant/prod cannot be read",
        "it does not accept the meter's token",
        "run `hubfleet apply`",
    )
    assert door.token not in repr(MeterDoor(door.url, door.connect_to, door.token))
