"""Rollouts on a real API server, gated by a person's path through what answers under hubs' names.

No image runs on the tests' nodes, so a stand-in answers there, by https, with the rights that Helm
brought to the cluster: what it takes are the tokens and roles of the release.
"""

from __future__ import annotations

import base64
import json
import os
import ssl

import pytest
import yaml

from hubfleet.fleet.console_clients import ClientKeys
from hubfleet.fleet.fields import OFFICE_SCOPES
from hubfleet.office.identity.hub_calls import NotDoneError, delete_person
from hubfleet.office.ports import HubApi
from hubfleet.platforms.kubernetes import marks
from hubfleet.platforms.kubernetes.api import SECRETS
from tests.control_plane.certificates import make_certificates
from tests.control_plane.hub_standin import StandIn, standing_in
from tests.integration.kubernetes.acting import HUB, bring_up, keys_of_plan
from tests.integration.kubernetes.test_command_line import run  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration

NAME = "kubernetes.default.svc"
"""A name in the tests' certificate that leads nowhere on this machine."""


@pytest.fixture
def hub(place, tmp_path, monkeypatch):
    """What answers under the hub's name."""
    made = make_certificates(tmp_path / "certificates")
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(made.server, made.server_key)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))

    def values_of(_: str):
        secret = place.api.find(SECRETS, "hub", place.namespace(HUB))
        return yaml.safe_load(base64.b64decode(secret["data"]["values.yaml"]))

    with standing_in(StandIn(values_of, tmp_path / "homes"), secure) as found:
        yield found


def declared(place, hub, name, **fields):
    ingress = {"tls": True, "address": f"127.0.0.1:{hub.port}"}
    fields = {"domain": NAME, **fields}
    return place.fleet(
        name, {HUB: fields}, kubernetes={"ingress": ingress}, rollout={"attempts": 1}
    )


def test_a_change_is_kept_only_when_a_person_could_work(place, hub, run):  # noqa: F811
    one = declared(place, hub, "one").root
    made = run(one, "apply", "--yes")
    assert made.returncode == 0, made.stderr
    assert hub.servers == {}, "the probe's server is gone again"
    assert {who for who, *_ in hub.asked} == {"probe"}

    hub.broken[NAME] = "code"
    two = declared(place, hub, "two", limits={"memory": "256M"}).root
    failed = run(two, "apply", "--yes")
    assert failed.returncode == 1
    assert "error[gate-not-passed]: ant/prod is failed: it was probed once" in failed.stderr
    (row,) = json.loads(run(one, "status", "--json").stdout)["hubs"]
    assert (row["state"], row["revision"]) == ("running", 3), "rolled back, as a new revision"
    assert run(one, "plan", "--exit-code").returncode == 0

    hub.broken.clear()
    assert run(two, "apply", "--yes").returncode == 0


def test_the_probe_trusts_nobody_who_only_has_the_address(place, hub, run, monkeypatch):  # noqa: F811
    monkeypatch.delenv("SSL_CERT_FILE")
    failed = run(declared(place, hub, "one").root, "apply", "--yes")
    assert failed.returncode == 1
    assert "browsers do not trust the hub's certificate, or soon will not" in failed.stderr
    assert hub.asked == []


def test_the_console_ends_access_with_a_token_that_can_do_nothing_else(place, hub):
    fleet = declared(place, hub, "one")
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    door = platform.office_door(HUB)
    assert (door.url, door.user) == (f"https://{NAME}/", "")
    assert door.token != platform.door(HUB).token
    assert hub.values_of(NAME)["hub"]["loadRoles"]["office"] == {
        "scopes": [*OFFICE_SCOPES],
        "services": ["office"],
    }

    delete_person(HubApi(door.url, door.connect_to, door.token), "bo")

    path = "/hub/api/users/bo"
    assert hub.asked == [("office", "GET", path), ("office", "DELETE", path)]
    with pytest.raises(NotDoneError, match="does not accept the console's token"):
        delete_person(HubApi(door.url, door.connect_to, platform.door(HUB).token), "bo")
    with pytest.raises(NotDoneError, match="CERTIFICATE_VERIFY_FAILED"):
        delete_person(HubApi("https://elsewhere.example/", door.connect_to, door.token), "bo")


def test_the_desk_leads_the_console_to_hubs_on_clusters(place, hub, tmp_path):
    from hubfleet import wiring
    from hubfleet.desk import Desk

    fleet = declared(place, hub, "one")
    bring_up(place.platform(fleet), fleet)
    installation = wiring.open_installation(fleet.root, tmp_path / "state")
    assert installation.kubernetes is not None
    try:
        api = Desk(installation).hub_api(HUB)
        delete_person(api, "bo")
    finally:
        installation.kubernetes.end()
    assert hub.asked[-1] == ("office", "DELETE", "/hub/api/users/bo")


def test_a_hub_of_an_earlier_hubfleet_gets_its_tokens_when_it_is_placed(place, hub):
    from tests.integration.kubernetes.acting import refusal, update

    fleet = declared(place, hub, "one")
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    space = place.namespace(HUB)
    secret = place.api.find(SECRETS, marks.PINS, space)
    pins = json.loads(base64.b64decode(secret["data"]["pins.json"]))
    del pins["office_token"], pins["meter_token"]
    change = {"stringData": {"pins.json": json.dumps(pins)}}
    place.api.change(SECRETS, marks.PINS, change, space)

    problem = refusal(platform.office_door, HUB)
    assert (problem.code, problem.what) == (
        "no-office-token",
        "ant/prod takes no calls from the console yet",
    )
    problem = refusal(platform.meter_door, HUB)
    assert (problem.code, problem.what) == (
        "no-meter-token",
        "the use of ant/prod cannot be read yet",
    )
    probe = platform.door(HUB).token
    other = declared(place, hub, "other", limits={"memory": "256M"})
    update(place.platform(other), other)
    assert len(platform.office_door(HUB).token) == 64
    assert len(platform.meter_door(HUB).token) == 64
    assert platform.door(HUB).token == probe, "the others stay"


def test_another_secret_at_the_console_is_a_change_of_the_hub(place, hub):
    access = {"sign_in": "console", "admins": ["ada"], "allow": {"users": ["bo"]}}
    fleet = declared(place, hub, "one", access=access)
    platform = place.platform(fleet)
    keys = ClientKeys(place.folder / "console")
    bring_up(platform, fleet)
    assert keys.mark(HUB)
    assert keys_of_plan(platform, fleet) == []

    keys.rotate(HUB)

    assert keys_of_plan(platform, fleet) == ["console.secret"]
    bring_up(platform, fleet)
    assert keys_of_plan(platform, fleet) == []
    config = hub.values_of(NAME)["hub"]["config"]["GenericOAuthenticator"]
    assert config["client_secret"] == keys.secret(HUB)
    assert os.environ.get("HUBFLEET_CONSOLE_KEY_FILE") is None
