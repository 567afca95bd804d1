"""The operator's people need a second factor where the declaration says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from django.test import Client

from tests.integration.accounts.test_signing_in import add_totp, another, verified
from tests.integration.accounts.walking import sign_in, words

ASKED = "Your role needs a second factor: add an authenticator app or a passkey here"


@pytest.fixture
def policy(office):
    file = office.root / "fleet.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["service"]["console"] = {"staff_second_factor": True}
    file.write_text(yaml.safe_dump(declared, sort_keys=False))
    office.desk.reload()
    return office


def signed_in(login: str) -> Client:
    browser = another()
    assert sign_in(browser, login).status_code == 302
    return browser


def test_staff_without_one_get_to_their_account_and_no_further(policy):
    verified(policy, "eve", "engineer")
    eve = signed_in("eve")
    for page in ("/", "/fleet/", "/hubs/ant/prod/", "/people/", "/identity/authorize"):
        answer = eve.get(page)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/account/second-factor/")
    assert ASKED in words(eve.get("/account/second-factor/"))
    assert eve.get("/account/").status_code == 200
    assert eve.get("/status/").status_code == 200
    refused = eve.get("/api/me")
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/json")
    assert refused.json()["why"].startswith("the service wants a second factor of everybody with")


def test_with_one_everything_opens(policy):
    verified(policy, "eve", "engineer")
    eve = signed_in("eve")
    add_totp(eve)
    assert eve.get("/fleet/").status_code == 200


def test_nothing_is_sent_without_one(policy):
    verified(policy, "eve", "engineer", "leadership")
    eve = Client()
    eve.force_login(policy.person("ann", "leadership"))
    answer = eve.post("/people/account/eve/roles/", {"roles": "engineer"})
    assert answer.status_code == 403
    assert "this account has none; add one on its own page first" in words(answer)


def test_tokens_of_staff_without_one_do_nothing(policy):
    from hubfleet.office.api import tokens
    from hubfleet.office.api.scopes import Scope
    from hubfleet.office.audit.record import Actor

    eve = verified(policy, "eve", "engineer")
    _, token = tokens.issue(Actor("eve"), eve, "laptop", [Scope.READ], timedelta(days=1))
    answer = Client().get("/api/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "this may not be done")


def test_who_has_no_staff_role_is_not_asked(policy):
    verified(policy, "ada")
    assert signed_in("ada").get("/").status_code == 200


def test_on_one_machine_staff_are_not_asked_by_default(office):
    verified(office, "eve", "engineer")
    assert signed_in("eve").get("/fleet/").status_code == 200
