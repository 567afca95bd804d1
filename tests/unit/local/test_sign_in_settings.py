"""The declared way to sign in as configuration, and who counts as a stranger to this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import HubValues
from hubfleet.platforms.local.hub.arguments import server_arguments
from hubfleet.platforms.local.hub.config import hub_config
from hubfleet.platforms.local.sandbox import Sandbox, refuse_without_isolation
from hubfleet.platforms.local.spec import HubSecrets, HubSpec

MARK = "<secret 0123456789ab>"
SECRETS = HubSecrets(
    "c" * 64, "password of all", "a" * 40, "probe", "culler", "proxy", office_token="office"
)
VALUES = HubValues.model_validate({"access": {"sign_in": "console"}})


def config(page: dict[str, Any] | None = None, **access: Any) -> Any:
    chosen = {"sign_in": "shared-password", **access}
    values = HubValues.model_validate({"access": chosen, "page": page or {}})
    spec = HubSpec(
        name="earth/prod",
        cluster="reef",
        revision=3,
        domain="prod-earth.localhost",
        title="Earth",
        url="http://prod-earth.localhost:8000/",
        port=9001,
        proxy_api="http://127.0.0.1:8001",
        proxy_port=8000,
        flat={},
        values=values.model_dump(mode="json"),
        timezone="Europe/Berlin",
        console="https://console.example.org",
        console_nearby="http://127.0.0.1:8010",
    )
    secrets = replace(SECRETS, declared={MARK: "the real one"})
    return hub_config(spec, secrets, Path("/state/hubs/earth/prod"))


def test_a_provider_gets_the_secret_that_the_mark_stands_for():
    made = config(sign_in="github", client={"id": "abc", "secret": MARK}, admins=["ada"])
    assert made.OAuthenticator.client_secret == "the real one"
    assert made.OAuthenticator.oauth_callback_url == (
        "http://prod-earth.localhost:8000/hub/oauth_callback"
    )
    assert made.JupyterHub.authenticator_class.__name__ == "GitHubPeople"
    # Servers know the marks only.
    assert "the real one" not in json.dumps(made.PersonSpawner.setting.spec.values)


def test_people_go_straight_to_the_provider_unless_there_is_a_face():
    client = {"id": "abc", "secret": MARK}
    assert config(sign_in="github", client=client).OAuthenticator.auto_login is True
    about = {"about": "Read this first."}
    assert config(about, sign_in="github", client=client).OAuthenticator.auto_login is False


def test_github_is_asked_for_memberships_only_where_they_matter():
    client = {"id": "abc", "secret": MARK}
    assert config(sign_in="github", client=client).OAuthenticator.scope == []
    made = config(sign_in="github", client=client, allow={"teams": ["reef:divers"]})
    assert made.OAuthenticator.scope == ["read:org"]
    assert made.GitHubPeople.allowed_organizations == {"reef:divers"}


def test_a_password_is_no_oauth_matter():
    made = config(admins=["Zoe\u0308"])
    assert made.SharedPasswordAuthenticator.user_password == "password of all"
    assert made.Authenticator.admin_users == {"zoë"}
    assert "OAuthenticator" not in made
    assert made.DeclaredPeople.timezone == "Europe/Berlin"


def test_the_console_decides_alone_and_is_reached_nearby():
    made = config(sign_in="console", admins=["ada"], allow={"users": ["bo"]}, everyone=True)
    assert made.JupyterHub.authenticator_class.__name__ == "ConsolePeople"
    people = made.Authenticator
    assert (people.admin_users, people.allowed_users, people.allow_all) == (set(), set(), False)
    oauth = made.OAuthenticator
    assert (oauth.allowed_groups, oauth.admin_groups) == ({"hub-users"}, {"hub-admins"})
    assert (oauth.manage_groups, oauth.enable_pkce, oauth.enable_auth_state) == (True, True, True)
    assert (oauth.refresh_pre_spawn, oauth.auth_refresh_strict, oauth.basic_auth) == (
        True,
        True,
        True,
    )
    assert oauth.authorize_url == "https://console.example.org/identity/authorize"
    assert oauth.token_url == "http://127.0.0.1:8010/identity/token"
    assert oauth.userdata_url == "http://127.0.0.1:8010/identity/userinfo"
    assert oauth.client_id == "earth/prod"
    # Read from the hub's own file at each sign-in, so that a rotation restarts no hub.
    assert oauth.client_secret == ""
    assert made.JupyterHub.load_groups == {}


def test_a_hub_and_its_servers_together_notice_within_a_minute():
    made = config(sign_in="console")
    believes = next(word for word in server_arguments(VALUES) if "cache_max_age" in word)
    assert made.Authenticator.auth_refresh_age + int(believes.partition("=")[2]) < 60
    other = HubValues.model_validate({"access": {"sign_in": "shared-password"}})
    assert not any("cache_max_age" in word for word in server_arguments(other))


def test_the_office_may_end_access_and_nothing_else():
    made = config(sign_in="console")
    roles = {role["name"]: role for role in made.JupyterHub.load_roles}
    assert roles["office"]["scopes"] == ["delete:users", "delete:servers", "read:servers"]
    assert roles["office"]["services"] == ["office"]


@pytest.mark.parametrize(
    "access",
    [
        {"everyone": True},
        {"sign_in": "github", "allow": {"organisations": ["reef-lab"]}},
        {"sign_in": "google", "allow": {"domains": ["uni.example"]}},
        {"sign_in": "shared-password", "admins": ["me", "ada"]},
        {"sign_in": "console", "admins": ["me"]},
    ],
)
def test_people_without_a_name_here_need_walls_too(access: dict[str, Any]) -> None:
    values = HubValues.model_validate({"access": access})
    nothing = Sandbox(None, "bubblewrap is not installed")
    refused = refuse_without_isolation(
        "earth/prod", values, account="me", sandbox=nothing, waived=False
    )
    assert refused is not None
    alone = HubValues.model_validate({"access": {"sign_in": "shared-password", "admins": ["me"]}})
    assert not refuse_without_isolation(
        "earth/prod", alone, account="me", sandbox=nothing, waived=False
    )
