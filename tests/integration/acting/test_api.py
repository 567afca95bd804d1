"""The API: who asks, what a token may, what is refused and in which shape."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hubfleet.kit.clock import now
from hubfleet.office.accounts.models import Membership, Person
from hubfleet.office.api.models import DeviceRequest, Token
from hubfleet.office.api.scopes import Scope
from hubfleet.office.audit.record import Actor
from tests.integration.acting.conftest import entries
from tests.offices import Office

ALL = tuple(Scope)


def token(login: str, *scopes: Scope, lasts: timedelta = timedelta(days=1)) -> str:
    from hubfleet.office.api.tokens import issue

    person = Person.objects.get(login=login)
    return issue(Actor(login), person, "a test", scopes or ALL, lasts)[1]


class Program:
    """A program with a token."""

    def __init__(self, text: str) -> None:
        from django.test import Client

        self._client = Client(enforce_csrf_checks=True)
        self._headers = {"Authorization": f"Bearer {text}"}

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self._client.generic(
            method,
            f"/api{path}",
            data=b"" if body is None else __import__("json").dumps(body),
            content_type="application/json",
            headers=self._headers,
        )
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def ada(office: Office) -> Program:
    return Program(token("ada"))


def test_a_token_says_who_asks(office: Office, ada: Program) -> None:
    assert ada("GET", "/me") == (
        200,
        {
            "login": "ada",
            "name": "Ada Example",
            "staff": [],
            "communities": ["ant"],
            "scopes": ["change", "discover", "people", "read", "roll-out"],
        },
    )
    status, found = ada("GET", "/status")
    assert status == 200
    assert [row["hub"] for row in found["hubs"]] == ["ant/prod", "ant/staging"]
    status, found = ada("GET", "/plan")
    assert {step["hub"] for step in found["steps"]} == {"ant/prod", "ant/staging"}


def test_the_text_of_a_token_is_stored_nowhere(office: Office) -> None:
    text = token("ada")
    data = (office.state / "office.sqlite").read_bytes()
    data += b"".join(path.read_bytes() for path in office.state.glob("office.sqlite-*"))
    assert text.encode() not in data
    assert text.removeprefix("hft_").encode() not in data


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: "",
        lambda text: "x",
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text + "A",
        lambda text: text.upper(),
        lambda text: f"{text} {text}",
        lambda text: "hft_" + "A" * 43,
        lambda text: "' OR 1=1 --",
    ],
)
def test_a_forged_token_is_nobody(office: Office, forge) -> None:
    status, answer = Program(forge(token("ada")))("GET", "/me")
    assert status == 401
    assert answer["error"] == "sign in first"


def test_a_token_ends_when_it_expires_is_revoked_or_its_account_is_closed(office: Office) -> None:
    text = token("ada")
    program = Program(text)
    assert program("GET", "/me")[0] == 200
    Token.objects.update(expires_at=now() - timedelta(seconds=1))
    assert program("GET", "/me")[0] == 401
    Token.objects.update(expires_at=now() + timedelta(days=1))
    assert program("DELETE", "/tokens/current") == (204, None)
    assert program("GET", "/me")[0] == 401
    other = Program(token("bo"))
    assert other("GET", "/me")[0] == 200
    Person.objects.filter(login="bo").update(is_active=False)
    assert other("GET", "/me")[0] == 401


def test_a_bad_token_does_not_fall_back_on_a_session(office: Office, browse) -> None:
    ada = browse("ada")
    assert ada.get("/api/me").status_code == 200
    assert ada.get("/api/me", headers={"Authorization": "Bearer hft_no"}).status_code == 401


def test_a_session_needs_the_csrf_token_to_act(office: Office, browse) -> None:
    ada = browse("ada", checks=True)
    body = {"edits": [{"do": "add-admin", "hub": "ant/prod", "login": "bo"}]}
    answer = ada.post("/api/changes", body, content_type="application/json")
    assert answer.status_code == 403
    assert office.fleet.hubs["ant/prod"].values.access.admins == ("ada", "ann")


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        (
            Scope.READ,
            "POST",
            "/changes",
            {"edits": [{"do": "clear", "hub": "ant/prod", "key": "limits"}]},
        ),
        (Scope.CHANGE, "GET", "/status", None),
        (Scope.READ, "PUT", "/hubs/ant/prod/users/bo", {}),
        (
            Scope.CHANGE,
            "POST",
            "/hubs/ant/prod/invitations",
            {"people": [{"email": "x@example.org"}]},
        ),
        (Scope.PEOPLE, "POST", "/rollouts", {"plan": "abcdef"}),
        (Scope.CHANGE, "POST", "/hubs/ant/prod/rollback", {}),
        (Scope.READ, "POST", "/hubs/ant/prod/probe", None),
    ],
)
def test_the_wrong_scope_is_refused(office: Office, scope, method, path, body) -> None:
    status, answer = Program(token("ada", scope))(method, path, body)
    assert status == 403
    assert answer["error"] == "this token is not for that"
    assert "it lacks the scope `" in answer["why"]


def test_a_scope_gives_no_right(office: Office) -> None:
    bo = Program(token("bo"))
    body = {"edits": [{"do": "add-admin", "hub": "ant/prod", "login": "bo"}]}
    status, answer = bo("POST", "/changes", body)
    assert status == 403
    assert answer["who_could"] == [
        "hub admins of ant/prod (ada, ann)",
        "Ada Example, representative of Ant",
    ]
    assert entries(outcome="refused") == [("bo", "manage-admins", "ant/prod", "refused")]


def test_a_change_is_a_commit_in_the_name_of_the_person(office: Office, ada: Program) -> None:
    edits = [
        {"do": "add-admin", "hub": "ant/prod", "login": "bo"},
        {"do": "set", "hub": "ant/prod", "key": "environment.packages", "value": ["numpy"]},
    ]
    status, answer = ada("POST", "/changes", {"edits": edits, "why": "For the course"})
    assert status == 200
    assert answer["state"] == "made"
    assert answer["sentences"][0] == "Make bo an admin of ant/prod"
    assert office.git("log", "-1", "--format=%an|%s").strip() == (
        "Ada Example|Make bo an admin of ant/prod, and 1 more"
    )
    status, listed = ada("GET", "/changes?community=ant")
    assert [one["id"] for one in listed["changes"]] == [answer["id"]]
    status, answer = ada("POST", "/changes", {"edits": edits})
    assert (status, answer["problems"][0]["code"]) == (409, "nothing-to-change")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jupyterhub.config", {"Spawner": {"cmd": ["evil"]}}),
        ("cluster", "reef"),
        ("gate", "none"),
        ("access", {"admins": ["bo"], "sign_in": "shared-password"}),
        ("helm_values", {"hub": {}}),
    ],
)
def test_what_could_run_code_or_move_a_hub_is_an_engineers(
    office: Office, ada: Program, key: str, value: Any
) -> None:
    edit = {"do": "set", "hub": "ant/prod", "key": key, "value": value}
    status, _ = ada("POST", "/changes", {"edits": [edit]})
    # The representative may change access; everything else is refused before anything is read.
    assert status == (403 if key != "access" else status)
    assert "bo" not in office.fleet.hubs["ant/prod"].values.access.admins or key == "access"


def test_another_communitys_hub_is_hidden(office: Office, ada: Program) -> None:
    for method, path, body in (
        ("GET", "/hubs/bee/prod", None),
        ("GET", "/hubs/bee/prod/people", None),
        ("GET", "/hubs/bee/prod/logs", None),
        ("GET", "/history?hub=bee/prod", None),
        ("GET", "/communities/bee/responsibilities", None),
        ("GET", "/who-can?action=see-logs&target=bee/prod", None),
        ("GET", "/changes?community=bee", None),
        ("PUT", "/hubs/bee/prod/users/ada", {}),
        ("POST", "/rollouts", {"plan": "abcdef", "hubs": ["bee/prod"]}),
        ("POST", "/changes", {"edits": [{"do": "add-admin", "hub": "bee/prod", "login": "ada"}]}),
    ):
        status, answer = ada(method, path, body)
        assert (status, answer["error"]) == (404, "there is nothing here"), path
        same, _ = ada(method, path.replace("bee", "cow"), body)
        assert same == (404 if "cow" in path.replace("bee", "cow") else status)


def test_people_are_added_and_removed(office: Office, ada: Program) -> None:
    assert ada("PUT", "/hubs/ant/prod/users/bo", {"until": "2099-01-31"})[0] == 200
    assert Membership.objects.get().hub == "ant/prod"
    _, found = ada("GET", "/hubs/ant/prod/people")
    assert found["members"] == [
        {"login": "bo", "name": "Bo Example", "everywhere": False, "until": "2099-01-31"}
    ]
    assert ada("DELETE", "/hubs/ant/prod/users/bo")[0] == 204
    assert ada("DELETE", "/hubs/ant/prod/users/bo")[0] == 404
    assert ada("PUT", "/hubs/ant/prod/users/nobody", {})[0] == 404
    _, found = ada(
        "POST",
        "/hubs/ant/prod/invitations",
        {"people": [{"email": "uli@example.org"}, {"email": "no"}]},
    )
    assert found == {"invited": 1, "refused": [{"email": "no", "why": "this is no e-mail address"}]}


def test_who_can_and_responsibilities(office: Office, ada: Program) -> None:
    status, found = ada("GET", "/who-can?action=change-limits&target=ant/prod")
    assert status == 200
    assert found["answer"] == "request"
    assert found["who_could"] == ["engineers of Test Foundation"]
    status, found = ada("GET", "/communities/ant/responsibilities")
    assert len(found["responsibilities"]) == 20


def test_a_device_is_signed_in_once_its_person_agrees(office: Office, browse) -> None:
    client, ada = browse(), browse("ada")
    begun = client.post(
        "/api/device/code", {"client": "<b>x</b>", "scopes": ["read"]}, "application/json"
    ).json()
    ask = {"device_code": begun["device_code"]}

    def asked() -> tuple[int, Any]:
        DeviceRequest.objects.update(asked_at=None)
        answer = client.post("/api/device/token", ask, "application/json")
        return answer.status_code, answer.json()

    assert asked() == (400, {"error": "authorization_pending"})
    early = client.post("/api/device/token", ask, "application/json")
    assert early.json() == {"error": "slow_down"}
    page = ada.get(f"/api/device/?code={begun['user_code'].lower()}")
    assert "&lt;b&gt;x&lt;/b&gt;" in page.content.decode()
    assert "see what you see" in page.content.decode()
    signed_in(ada, 1)
    ada.post("/api/device/", {"code": begun["user_code"], "answer": "agree"})
    status, answer = asked()
    assert status == 200
    assert Program(answer["access_token"])("GET", "/me")[1]["login"] == "ada"
    assert Program(answer["access_token"])("PUT", "/hubs/ant/prod/users/bo", {})[0] == 403
    assert asked() == (400, {"error": "expired_token"})
    assert entries(act="sign-in-device") == [("ada", "sign-in-device", "", "done")]


def test_agreeing_to_a_device_asks_for_a_fresh_password(office: Office, browse) -> None:
    client, ada = browse(), browse("ada")
    begun = client.post("/api/device/code", {"scopes": ["read"]}, "application/json").json()
    signed_in(ada, 3600)
    answer = ada.post("/api/device/", {"code": begun["user_code"], "answer": "agree"})
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    asked = client.post(
        "/api/device/token", {"device_code": begun["device_code"]}, "application/json"
    )
    assert asked.json() == {"error": "authorization_pending"}


def signed_in(client: Any, seconds_ago: float) -> None:
    """What allauth writes into the session of whoever has shown a password."""
    session = client.session
    shown = {"method": "password", "at": now().timestamp() - seconds_ago}
    session["account_authentication_methods"] = [shown]
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()


def test_a_refused_or_old_device_gets_nothing(office: Office, browse) -> None:
    client, ada = browse(), browse("ada")
    begun = [
        client.post("/api/device/code", {"scopes": ["read"]}, "application/json").json()
        for _ in range(2)
    ]
    ada.post("/api/device/", {"code": begun[0]["user_code"], "answer": "refuse"})
    ask = [{"device_code": one["device_code"]} for one in begun]
    answer = client.post("/api/device/token", ask[0], "application/json")
    assert answer.json() == {"error": "access_denied"}
    DeviceRequest.objects.update(expires_at=now())
    assert ada.post("/api/device/", {"code": begun[1]["user_code"]}).status_code == 422
    answer = client.post("/api/device/token", ask[1], "application/json")
    assert answer.json() == {"error": "expired_token"}


def test_codes_cannot_be_guessed_for_long(office: Office, browse) -> None:
    client, ada = browse(), browse("ada")
    begun = client.post("/api/device/code", {}, "application/json").json()
    for number in range(12):
        ada.post("/api/device/", {"code": f"BCDF-{number:04}"})
    page = ada.post("/api/device/", {"code": begun["user_code"]})
    assert page.status_code == 422
    assert not DeviceRequest.objects.exclude(person="").exists()


def test_few_programs_wait_from_one_address(office: Office, browse) -> None:
    client = browse()
    answers = [client.post("/api/device/code", {}, "application/json") for _ in range(21)]
    assert [one.status_code for one in answers[:20]] == [200] * 20
    assert answers[20].status_code == 409


def test_what_does_not_fit_is_named(office: Office, ada: Program) -> None:
    status, answer = ada("POST", "/changes", {"edits": [{"do": "explode"}], "more": 1})
    assert status == 422
    assert answer["error"] == "the request does not fit its description"
    assert {one["place"] for one in answer["problems"]} == {"body.body.edits.0", "body.body.more"}
    assert ada("GET", "/nothing")[0] == 404
