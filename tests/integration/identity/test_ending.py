"""Access ends: whatever took it away, whether the hub answers or not, and not for anybody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from hubfleet.kit.clock import now
from tests.integration.accounts.walking import acts, sign_in
from tests.integration.identity import asking
from tests.integration.identity.asking import account, userinfo
from tests.integration.identity.conftest import HUBS
from tests.places import free_port

pytestmark = pytest.mark.integration


@dataclass
class HubApi:
    """What a hub's API is asked; `answer` is the status that it gives."""

    port: int
    answer: int = 204
    servers: tuple[str, ...] = ("",)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"servers": {name: {} for name in api.servers}}).encode()
                self.send_response(200 if api.answer == 204 else api.answer)
                self.end_headers()
                self.wfile.write(body)

            def do_DELETE(self) -> None:
                head = self.headers
                said = (self.path, head["Host"], head["Authorization"])
                api.asked.append(("DELETE", *said))
                self.send_response(api.answer)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@pytest.fixture(autouse=True)
def api(monkeypatch) -> Iterator[HubApi]:
    """All hubs' proxy, so to say. Made before the hubs are, so that they know its port."""
    made = HubApi(free_port())
    monkeypatch.setattr(asking, "PORT", made.port)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def at_ant(api, office, ant, browser):
    """Bo, signed in to ant/prod by a membership; the token that the hub has."""
    from hubfleet.office.accounts.models import Membership
    from hubfleet.office.identity import ending

    ending._last.clear()
    bo = account(office, "dee")
    Membership.objects.create(person=bo, community="ant", hub="ant/prod", added_by="ada")
    sign_in(browser, "dee")
    return bo, ant.token(browser)


def actor():
    from hubfleet.office.audit.record import Actor

    return Actor("ada")


def remove(office, person, hub="ant/prod"):
    from hubfleet.office.accounts import leaving

    assert leaving.remove_member(actor(), person, "ant", hub, fleet=office.fleet)


def work(*, all_visits: bool = False):
    from hubfleet.office.identity import ending

    if all_visits:
        ending._last.pop("everybody", None)
    ending.work()


def visits():
    from hubfleet.office.identity.models import Visit

    return list(Visit.objects.order_by("id").values_list("login", "hub", "state"))


def test_a_removed_member_is_ended_at_the_hub_with_the_offices_token(api, office, at_ant):
    dee, token = at_ant
    remove(office, dee)
    work()
    host = f"prod-ant.localhost:{api.port}"
    assert api.asked == [("DELETE", "/hub/api/users/dee", host, "token office")]
    assert userinfo(token).status_code == 401
    assert visits() == []
    assert ("hubfleet", "end-access", "done") in acts()
    work(all_visits=True)
    assert len(api.asked) == 1


def test_tokens_are_gone_from_the_database_and_not_only_refused(office, at_ant):
    from oauth2_provider.models import AccessToken, IDToken

    dee, _ = at_ant
    remove(office, dee)
    work()
    assert not AccessToken.objects.exists()
    assert not IDToken.objects.exists()


def test_a_hub_that_does_not_answer_is_asked_until_it_does(api, office, at_ant):
    from hubfleet.office.identity.models import Visit

    dee, token = at_ant
    api.stop()
    remove(office, dee)
    work()
    [visit] = Visit.objects.all()
    assert (visit.state, visit.tries) == ("ending", 1)
    assert visit.trouble == "the hub does not answer: Connection refused"
    assert userinfo(token).status_code == 401
    work()
    assert Visit.objects.get().tries == 1, "not at once again"
    api.start()
    Visit.objects.update(next_try_at=now())
    work()
    assert (len(api.asked), visits()) == (1, [])


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (403, "the hub does not accept the console's token; apply it again"),
        (500, "the hub answered 500"),
        (400, "a server is still starting or stopping"),
    ],
)
def test_a_hub_that_refuses_is_said_and_asked_again(api, office, at_ant, status, trouble):
    from hubfleet.office.identity.models import Visit

    api.answer = status
    remove(office, at_ant[0])
    work()
    assert Visit.objects.get().trouble == trouble
    assert ("hubfleet", "end-access", "done") not in acts()


def test_servers_with_names_are_stopped_before_the_person_is_forgotten(api, office, at_ant):
    """JupyterHub itself would leave them running, with nobody who knows of them."""
    api.servers = ("", "second one")
    remove(office, at_ant[0])
    work()
    paths = [path for _, path, *_ in api.asked]
    assert paths == ["/hub/api/users/dee/servers/second%20one", "/hub/api/users/dee"]


def test_somebody_whom_the_hub_does_not_know_is_gone_already(api, office, at_ant):
    api.answer = 404
    remove(office, at_ant[0])
    work()
    assert visits() == []


def test_who_was_let_in_again_meanwhile_stays(api, office, at_ant):
    from hubfleet.office.accounts.models import Membership

    dee, token = at_ant
    remove(office, dee)
    Membership.objects.create(person=dee, community="ant", added_by="ada")
    work()
    assert (api.asked, visits()) == ([], [("dee", "ant/prod", "open")])
    assert userinfo(token).status_code == 200


def test_others_of_the_hub_and_the_same_person_elsewhere_are_left_alone(
    api, office, ant, bee, at_ant, browser
):
    from django.test import Client

    from hubfleet.office.accounts.models import Membership

    dee, _ = at_ant
    Membership.objects.create(person=dee, community="bee", hub="bee/prod", added_by="zoe")
    at_bee = bee.token(browser)
    account(office, "bo")
    other = Client(enforce_csrf_checks=True)
    sign_in(other, "bo")
    of_bo = ant.token(other)
    remove(office, dee)
    work()
    assert len(api.asked) == 1
    assert userinfo(at_bee).status_code == 200
    assert userinfo(of_bo).status_code == 200


def test_an_admin_whom_a_commit_took_out_is_ended(api, office, ant, browser):
    from hubfleet.office.identity import ending

    ending._last.clear()
    account(office, "ada")
    sign_in(browser, "ada")
    token = ant.token(browser)
    file = office.root / "communities/ant/hubs/prod.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["access"]["admins"] = []
    file.write_text(yaml.safe_dump(declared))
    office.desk.reload()
    assert userinfo(token).status_code == 401
    work(all_visits=True)
    assert [path for _, path, *_ in api.asked] == ["/hub/api/users/ada"]


def test_an_admin_who_stays_a_user_is_told_to_the_hub_and_not_ended(api, office, ant, browser):
    account(office, "ada")
    sign_in(browser, "ada")
    token = ant.token(browser)
    assert "hub-admins" in userinfo(token).json()["groups"]
    file = office.root / "communities/ant/hubs/prod.yaml"
    file.write_text(
        yaml.safe_dump(
            {"access": HUBS["ant/prod"]["access"] | {"admins": ["bo"], "allow": {"users": ["ada"]}}}
        )
    )
    office.desk.reload()
    assert userinfo(token).json()["groups"] == ["hub-users"]
    work(all_visits=True)
    assert api.asked == []


def test_the_day_after_the_last_one_access_ends(api, office, at_ant):
    from hubfleet.office.accounts.models import Membership

    yesterday = date.today() - timedelta(days=2)
    Membership.objects.update(until=yesterday)
    work(all_visits=True)
    assert len(api.asked) == 1
    assert not Membership.objects.exists()


def test_a_closed_account_is_ended_everywhere(api, office, bee, at_ant, browser):
    from hubfleet.office.accounts import leaving
    from hubfleet.office.accounts.models import Membership

    dee, _ = at_ant
    Membership.objects.create(person=dee, community="bee", added_by="zoe")
    bee.token(browser)
    assert leaving.close(actor(), dee)
    work()
    assert sorted(host for _, _, host, _ in api.asked) == [
        f"prod-ant.localhost:{api.port}",
        f"prod-bee.localhost:{api.port}",
    ]


def test_signing_out_ends_sessions_on_hubs_and_no_server(api, office, at_ant, browser):
    from tests.integration.accounts.walking import send

    _, token = at_ant
    send(browser, "/account/logout/", {})
    assert userinfo(token).status_code == 401
    work(all_visits=True)
    assert api.asked == []


def test_a_hub_that_is_no_longer_declared_needs_no_asking(api, office, at_ant):
    (office.root / "communities/ant/hubs/prod.yaml").unlink()
    office.desk.reload()
    work(all_visits=True)
    assert (api.asked, visits()) == ([], [])


def test_a_crash_between_two_steps_forgets_nothing(api, office, at_ant, monkeypatch):
    from hubfleet.office.identity import ending

    remove(office, at_ant[0])
    with monkeypatch.context() as broken:
        broken.setattr(ending, "end_due", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ending.work()
    assert visits() == [("dee", "ant/prod", "ending")]
    work()
    assert (len(api.asked), visits()) == (1, [])


def test_a_login_with_odd_signs_is_one_name_in_the_address(api, office):
    from hubfleet.office.identity.hub_calls import delete_person

    delete_person(office.desk.hub_api("ant/prod"), "o'neil?x=1#/é")
    assert api.asked[0][1] == "/hub/api/users/o%27neil%3Fx%3D1%23%2F%C3%A9"
