"""The provider by itself: who gets a code, what a code and a token are good for, and attacks."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

import jwt
import pytest

from hubfleet.fleet.console_clients import ClientKeys
from tests.integration.accounts.walking import acts, sign_in, words
from tests.integration.identity.asking import Hub, account, error_at, userinfo

pytestmark = pytest.mark.integration


@pytest.fixture
def bo(office, browser):
    """Bo's account; the browser is signed in to it."""
    person = account(office, "bo")
    sign_in(browser, "bo")
    return person


# ---- The way in ---------------------------------------------------------------------------------


def test_a_person_of_a_hub_gets_a_code_and_the_hub_learns_who_they_are(ant, bo, browser):
    answer = ant.exchange(ant.code(browser))
    assert answer.status_code == 200
    given = answer.json()
    assert set(given) == {"access_token", "expires_in", "id_token", "scope", "token_type"}
    claims = userinfo(given["access_token"]).json()
    assert claims == {
        "sub": str(bo.pk),
        "preferred_username": "bo",
        "name": "Bo Example",
        "groups": ["hub-users"],
    }


def test_an_id_token_is_for_one_hub_and_signed_with_the_published_key(ant, bo, browser):
    given = ant.exchange(ant.code(browser)).json()
    keys = jwt.PyJWKSet.from_dict(browser.get("/identity/keys").json()).keys
    claims = jwt.decode(
        given["id_token"],
        keys[0],
        algorithms=["RS256"],
        audience="ant/prod",
        issuer="http://localhost:8010/identity",
    )
    assert claims["sub"] == str(bo.pk)
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(given["id_token"], keys[0], algorithms=["RS256"], audience="bee/prod")


def test_who_is_not_signed_in_is_asked_to_and_comes_back(office, ant, browser):
    account(office, "bo")
    asked = browser.get(ant.link())
    assert asked.status_code == 302
    assert asked["Location"].startswith("/account/login/?next=/identity/authorize%3F")
    back = sign_in_at(browser, asked["Location"], "bo")
    assert back["Location"].startswith("/identity/authorize?client_id=ant")
    assert browser.get(back["Location"])["Location"].startswith(ant.callback)


def sign_in_at(browser, page: str, login: str):
    import re

    shown = browser.get(page).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown)
    assert token
    form = {"login": login, "password": "correct horse battery", "csrfmiddlewaretoken": token[1]}
    hidden = re.search(r'name="next" value="([^"]+)"', shown)
    if hidden:
        import html

        form["next"] = html.unescape(hidden[1])
    return browser.post(page, form)


def test_admins_and_groups_are_those_of_this_hub_only(office, ant, bee, browser):
    from hubfleet.office.accounts.models import Group, Membership

    ada = account(office, "ada")
    Membership.objects.create(person=ada, community="bee", added_by="zoe")
    Group.objects.create(community="bee", name="divers", made_by="zoe").people.add(ada)
    sign_in(browser, "ada")
    assert userinfo(ant.token(browser)).json()["groups"] == ["hub-admins", "hub-users"]
    assert userinfo(bee.token(browser)).json()["groups"] == ["hub-users"]


def test_somebody_of_another_hub_reads_who_can_let_them_in_and_gets_no_code(bee, bo, browser):
    refused = browser.get(bee.link())
    assert refused.status_code == 403
    text = words(refused)
    assert "This hub is not open to you" in text
    assert "You are signed in as bo , and bo is no user of Bee (prod)." in text
    assert "Ada Example, representative of Bee" in text
    assert "zoe, admin of this hub" in text
    assert ("bo", "enter-hub", "refused") in acts()


def test_a_closed_account_gets_no_further(office, ant, bo, browser):
    from hubfleet.office.accounts.models import Person

    code, token = ant.code(browser), ant.token(browser)
    Person.objects.filter(pk=bo.pk).update(is_active=False)
    assert ant.exchange(code).json() == {"error": "invalid_grant"}
    assert userinfo(token).status_code == 401


def test_a_membership_that_is_gone_is_refused_at_the_next_question(office, bee, bo, browser):
    """The library asks only whether the token is known."""
    from hubfleet.office.accounts.models import Membership

    mine = Membership.objects.create(person=bo, community="bee", hub="bee/prod", added_by="zoe")
    code, token = bee.code(browser), bee.token(browser)
    assert userinfo(token).status_code == 200
    mine.delete()
    assert userinfo(token).status_code == 401
    assert bee.exchange(code).json() == {"error": "invalid_grant"}


# ---- Requests that lead nowhere -----------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/",
        "http://prod-ant.localhost:8001/hub/oauth_callback",
        "http://prod-ant.localhost:8000/hub/oauth_callback/more",
        "http://prod-ant.localhost:8000/hub/oauth_callback#part",
        "http://prod-ant.localhost:8000/hub/oauth_callback?next=//evil.example",
        "https://prod-ant.localhost:8000/hub/oauth_callback",
        "http://prod-bee.localhost:8000/hub/oauth_callback",
        "javascript:alert(1)",
        "//evil.example",
    ],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_browser_is_sent_nowhere_but_to_the_hub_itself(office, ant, browser, address, signed_in):
    account(office, "bo")
    if signed_in:
        sign_in(browser, "bo")
    answer = browser.get(ant.link(redirect_uri=address))
    assert answer.status_code == 400
    assert "This is not how to sign in" in words(answer)
    assert "evil" not in words(answer)


@pytest.mark.parametrize("name", ["no/hub", "bee/closed", "../etc", "ant", "", "a\x00b"])
def test_what_is_no_client_is_told_so_before_anybody_signs_in(office, ant, browser, name):
    answer = browser.get(ant.link(client_id=name))
    assert answer.status_code == 400
    assert "This is not how to sign in" in words(answer)


def test_pages_of_others_cannot_frame_or_post_here(ant, bo, browser):
    assert browser.post(ant.link()).status_code in (403, 405)
    policy = browser.get(ant.link(client_id="no/hub"))["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("kind", ["token", "id_token", "code token", "code id_token", "none"])
def test_only_codes_are_handed_out(ant, bo, browser, kind):
    refused = {"unsupported_response_type", "unauthorized_client"}
    assert error_at(browser.get(ant.link(response_type=kind))) in refused


# ---- Defects of the other library, each a law here ----------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ],
)
def test_pkce_is_needed_and_plain_is_not_enough(ant, bo, browser, other):
    assert error_at(browser.get(ant.link(**other))) == "invalid_request"


def test_a_code_needs_its_verifier_its_hub_and_its_address(ant, bee, bo, browser):
    assert ant.exchange(ant.code(browser), code_verifier="v" * 60).status_code == 400
    assert ant.exchange(ant.code(browser), redirect_uri=bee.callback).status_code == 400
    stolen = bee.exchange(ant.code(browser), code_verifier=ant.verifier, redirect_uri=ant.callback)
    assert stolen.json() == {"error": "invalid_grant"}


def test_a_code_works_once(ant, bo, browser):
    code = ant.code(browser)
    assert ant.exchange(code).status_code == 200
    assert ant.exchange(code).json() == {"error": "invalid_grant"}


def test_a_code_that_is_too_old_is_worth_nothing(ant, bo, browser):
    from oauth2_provider.models import Grant

    from hubfleet.kit.clock import now

    code = ant.code(browser)
    Grant.objects.update(expires=now())
    assert ant.exchange(code).json() == {"error": "invalid_grant"}


def test_a_hub_cannot_revoke_what_is_another_hubs(office, ant, bee, browser):
    person = account(office, "bo")
    sign_in(browser, "bo")
    token = ant.token(browser)
    assert bee.post("revoke", {"token": token}).status_code == 200
    assert userinfo(token).json()["sub"] == str(person.pk)
    assert ant.post("revoke", {"token": token}).status_code == 200
    assert userinfo(token).status_code == 401


@pytest.mark.parametrize(
    "grant",
    [
        "urn:ietf:params:oauth:grant-type:device_code",
        "refresh_token",
        "password",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ],
)
def test_no_other_grant_is_taken(ant, bo, browser, grant):
    form = {"grant_type": grant, "device_code": "x", "refresh_token": "x", "username": "bo"}
    answer = ant.post("token", form | {"password": "correct horse battery", "scope": "openid"})
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("path", ["device", "device-authorization", "introspect", "register"])
def test_nothing_else_of_the_library_is_served(office, browser, path):
    for address in (f"/identity/{path}", f"/identity/{path}/", f"/o/{path}/"):
        assert browser.get(address).status_code == 404


def test_what_is_offered_is_what_is_said(office, browser):
    said = browser.get("/identity/.well-known/openid-configuration").json()
    assert said["issuer"] == "http://localhost:8010/identity"
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["response_types_supported"] == ["code"]
    assert said["grant_types_supported"] == ["authorization_code"]
    for name in ("authorization", "token", "userinfo", "revocation"):
        path = urlsplit(said[f"{name}_endpoint"]).path
        assert browser.get(path).status_code != 404, path
    assert browser.get(urlsplit(said["jwks_uri"]).path).json()["keys"][0]["use"] == "sig"


def test_who_asks_cannot_change_who_the_provider_is(office, ant, bo, browser):
    answer = browser.get(
        "/identity/.well-known/openid-configuration", headers={"host": "testserver"}
    )
    assert "testserver" not in answer.content.decode()
    assert browser.get("/healthz", headers={"host": "evil.example"}).status_code == 400


# ---- Tokens -------------------------------------------------------------------------------------


def test_a_token_counts_in_the_header_only(ant, bo, browser):
    token = ant.token(browser)
    assert browser.get(f"/identity/userinfo?access_token={token}").status_code == 401
    assert browser.post("/identity/userinfo", {"access_token": token}).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "null", "'; DROP TABLE visit; --"])
def test_what_is_no_token_is_refused(office, token):
    assert userinfo(token).status_code == 401


def test_an_id_token_is_no_access_token(ant, bo, browser):
    given = ant.exchange(ant.code(browser)).json()
    assert userinfo(given["id_token"]).status_code == 401


def test_a_token_that_is_too_old_is_refused(ant, bo, browser):
    from oauth2_provider.models import AccessToken

    from hubfleet.kit.clock import now

    token = ant.token(browser)
    AccessToken.objects.update(expires=now())
    assert userinfo(token).status_code == 401


def test_tokens_and_secrets_are_not_in_the_database(office, ant, bo, browser):
    token, secret = ant.token(browser), ant.secret
    from django.db import connection

    connection.close()
    for path in office.state.glob("office.sqlite*"):
        stored = path.read_bytes()
        assert token.encode() not in stored
        assert secret.encode() not in stored


# ---- Clients ------------------------------------------------------------------------------------


def test_a_rotated_secret_is_worthless_at_once(ant, bo, browser):
    old, code = ant.secret, ant.code(browser)
    ClientKeys(ant.office.state / "console").rotate("ant/prod")
    assert ant.secret != old
    assert ant.exchange(code, secret=old).status_code == 401
    assert ant.exchange(ant.code(browser)).status_code == 200


def test_a_hub_cannot_use_another_hubs_secret(ant, bee, bo, browser):
    assert ant.exchange(ant.code(browser), secret=bee.secret).status_code == 401
    assert ant.exchange(ant.code(browser), secret="").status_code in (200, 401)


def test_a_revoked_client_signs_nobody_in_and_nobody_stays(ant, bo, browser):
    from hubfleet.office.identity.ending import revoke_client

    token = ant.token(browser)
    revoke_client("ant/prod")
    assert userinfo(token).status_code == 401
    assert browser.get(ant.link()).status_code == 400
    ClientKeys(ant.office.state / "console").rotate("ant/prod")
    assert userinfo(token).status_code == 401
    assert userinfo(ant.token(browser)).status_code == 200


def test_a_hub_that_is_no_longer_declared_is_no_client(office, ant, bo, browser):
    token, code = ant.token(browser), ant.code(browser)
    (office.root / "communities/ant/hubs/prod.yaml").unlink()
    office.desk.reload()
    assert userinfo(token).status_code == 401
    assert browser.get(f"/identity/authorize?client_id=ant/prod&code={code}").status_code == 400


def test_checking_a_hubs_secret_costs_next_to_nothing(ant, bo, browser):
    """The hasher for people's passwords would take 0.2 s each time, inside a transaction."""
    ant.token(browser)
    began = time.process_time()
    for _ in range(5):
        ant.token(browser)
    assert (time.process_time() - began) / 5 < 0.15


@pytest.mark.parametrize("form", [{}, {"grant_type": "authorization_code"}, {"code": "\x00"}])
def test_half_a_request_is_refused_and_breaks_nothing(ant, form):
    answer = ant.post("token", form)
    assert answer.status_code in (400, 401)
    assert "error" in json.loads(answer.content)


def test_two_hubs_are_reached_by_one_sign_in(office, browser):
    from hubfleet.office.accounts.models import Membership

    person = account(office, "bo")
    Membership.objects.create(person=person, community="bee", added_by="zoe")
    sign_in(browser, "bo")
    for name in ("ant/prod", "bee/prod"):
        assert userinfo(Hub(office, name).token(browser)).json()["preferred_username"] == "bo"
