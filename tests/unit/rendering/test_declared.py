"""The code that runs inside hubs, with the real classes of JupyterHub, oauthenticator, KubeSpawner.

It is run as the chart runs it: as text, in a namespace with `c` and `get_config`.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.auth import Authenticator
from kubespawner.spawner import KubeSpawner
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.google import GoogleOAuthenticator
from tornado.web import HTTPError
from traitlets.config import Config

from hubfleet.platforms.kubernetes.rendering.hub import code
from hubfleet.platforms.kubernetes.rendering.values import render_values
from tests.unit.rendering.hubs import PINS, cluster_of, hub_of


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spawner looks for its cluster when it is made; none of these is ever started."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)


def configured(fields: dict[str, Any]) -> Config:
    """What the hub's configuration comes to, as far as the chart takes it from these values."""
    values = render_values(hub_of(fields), cluster_of({"shared_storage_class": "nfs"}), PINS)
    c = Config({k: dict(v) for k, v in values["hub"]["config"].items()})
    if "profileList" in values["singleuser"]:
        c.KubeSpawner.profile_list = values["singleuser"]["profileList"]
    told = {"custom.hubfleet": values["custom"]["hubfleet"]}
    text = values["hub"]["extraConfig"]["00-hubfleet"]
    exec(text, {"c": c, "get_config": lambda key, default=None: told.get(key, default)})
    return c


def people(fields: dict[str, Any]) -> Any:
    """The authenticator that the hub would make."""
    c = configured(fields)
    for section in ("CryptKeeper", "Authenticator"):
        c[section].pop("keys", None)
    return c.JupyterHub.authenticator_class(config=c)


def allowed(who: Any, name: str, claims: dict[str, Any] | None = None) -> bool:
    """JupyterHub's own order of questions at a sign-in."""
    model = {"name": name, "admin": None, "auth_state": {"oauth_user": claims or {}}}
    if hasattr(who, "user_auth_state_key"):
        model["auth_state"] = {who.user_auth_state_key: claims or {}}
    if not who.check_blocked_users(name, model):
        return False
    return bool(who.allow_all or asyncio.run(who.check_allowed(name, model)))


PASSWORD = {"sign_in": "shared-password", "admins": ["ada"], "allow": {"users": ["bo"]}}
CLIENT = {"id": "x", "secret": "y"}


def test_named_people_come_in_and_nobody_as_the_probe() -> None:
    who = people({"access": PASSWORD})
    assert isinstance(who, Authenticator)
    assert [allowed(who, name) for name in ("ada", "bo", "eve", "hubfleet-probe")] == [
        True,
        True,
        False,
        False,
    ]


def test_an_admin_who_is_no_longer_declared_is_none() -> None:
    who = people({"access": PASSWORD})
    assert who.is_admin(None, {"name": "ada"}) is True
    assert who.is_admin(None, {"name": "bo"}) is False


@pytest.mark.parametrize(("until", "comes_in"), [("2020-01-01", False), ("2999-01-01", True)])
def test_everyone_comes_in_until_the_last_day(until: str, comes_in: bool) -> None:
    who = people({"access": {**PASSWORD, "everyone": True, "until": until}})
    assert allowed(who, "stranger") is comes_in
    assert allowed(who, "bo") is True
    spawner = SimpleNamespace(volume_mounts={})
    stranger = SimpleNamespace(name="stranger", admin=False)
    if comes_in:
        asyncio.run(who.pre_spawn_start(stranger, spawner))
    else:
        with pytest.raises(HTTPError) as raised:
            asyncio.run(who.pre_spawn_start(stranger, spawner))
        assert raised.value.log_message == "This hub was open to everyone until 2020-01-01."


def test_a_session_ends_with_the_declaration() -> None:
    who = people({"access": PASSWORD})
    assert asyncio.run(who.refresh_user(SimpleNamespace(name="bo"))) is True
    assert asyncio.run(who.refresh_user(SimpleNamespace(name="gone"))) is False
    assert asyncio.run(who.refresh_user(SimpleNamespace(name="hubfleet-probe"))) is True


def test_google_takes_an_organisation_and_named_people_of_others() -> None:
    allow = {"domains": ["example.org"], "users": ["di@other.org"]}
    who = people({"access": {"sign_in": "google", "client": CLIENT, "allow": allow}})
    assert isinstance(who, GoogleOAuthenticator)

    def claims(address: str, hd: str = "", *, verified: bool = True) -> dict[str, Any]:
        domain = address.partition("@")[2]
        return {"email": address, "domain": domain, "hd": hd, "verified_email": verified}

    assert allowed(who, "cy@example.org", claims("cy@example.org", "example.org"))
    # An address of the domain that the organisation did not give out.
    assert not allowed(who, "eve@example.org", claims("eve@example.org"))
    assert allowed(who, "di@other.org", claims("di@other.org", "other.org"))
    unproven = claims("cy@example.org", "example.org", verified=False)
    assert not allowed(who, "cy@example.org", unproven)


def test_an_oidc_provider_lets_in_domains_with_proven_addresses() -> None:
    who = people(
        {
            "access": {
                "sign_in": "oidc",
                "client": CLIENT,
                "allow": {"domains": ["example.org"]},
                "oidc": {"issuer": "https://id.example.org", "username_claim": "email"},
            }
        }
    )
    assert isinstance(who, GenericOAuthenticator)
    good = {"email": "cy@example.org", "email_verified": True}
    assert allowed(who, "cy@example.org", good)
    assert not allowed(who, "cy@example.org", {**good, "email_verified": False})
    assert not allowed(who, "eve@evil.org", {"email": "eve@evil.org", "email_verified": True})


async def test_pages_of_a_provider_are_found_when_they_are_needed() -> None:
    issuer = "https://id.example.org"
    oidc = {"issuer": issuer, "username_claim": "sub"}
    who = people({"access": {"sign_in": "oidc", "client": CLIENT, "oidc": oidc}})
    found = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/a",
        "token_endpoint": f"{issuer}/t",
        "userinfo_endpoint": f"{issuer}/u",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    asked = []

    async def httpfetch(url: str, label: str = "", **kwargs: Any) -> Any:
        asked.append(url)
        return found

    who.httpfetch = httpfetch
    await who.discover()
    await who.discover()
    assert asked == [f"{issuer}/.well-known/openid-configuration"]
    assert (who.authorize_url, who.token_url, who.userdata_url) == tuple(
        f"{issuer}/{page}" for page in "atu"
    )
    assert who.basic_auth is False
    assert who.login_handler.__name__ == "LoginHandler"


async def test_a_provider_that_says_that_it_is_another_is_not_believed() -> None:
    oidc = {"issuer": "https://id.example.org", "username_claim": "sub"}
    who = people({"access": {"sign_in": "oidc", "client": CLIENT, "oidc": oidc}})

    async def httpfetch(url: str, label: str = "", **kwargs: Any) -> Any:
        return {"issuer": "https://evil.example.org"}

    who.httpfetch = httpfetch
    with pytest.raises(HTTPError):
        await who.discover()


PROFILES = [
    {"name": "Small", "default": True},
    {"name": "Large", "limits": {"memory": "8G"}, "groups": ["researchers"]},
]


def spawner_of(c: Config, name: str) -> Any:
    user = SimpleNamespace(
        name=name, groups=[], url="/", escaped_name=name, id=1, admin=False, settings={}
    )
    return KubeSpawner(_mock=True, config=Config(KubeSpawner=c.KubeSpawner), user=user)


async def test_profiles_are_offered_to_members_of_their_groups_alone() -> None:
    fields = {"access": PASSWORD, "profiles": PROFILES, "groups": {"researchers": ["ada"]}}
    c = configured(fields)
    ada, bo = spawner_of(c, "ada"), spawner_of(c, "bo")
    assert [p["slug"] for p in ada.profile_list(ada)] == ["small", "large"]
    assert [p["slug"] for p in bo.profile_list(bo)] == ["small"]
    ada.user_options = bo.user_options = {"profile": "large"}
    await ada.load_user_options()
    assert ada.mem_limit == 8 * 1024**3
    with pytest.raises(ValueError, match="No such profile: large"):
        await bo.load_user_options()


async def test_a_form_without_groups_is_kubespawners_own() -> None:
    c = configured({"access": PASSWORD, "profiles": PROFILES[:1]})
    assert isinstance(c.KubeSpawner.profile_list, list)
    spawner = spawner_of(c, "bo")
    form = spawner._options_form_default()
    assert 'id="profile-item-small"' in form


async def test_groups_of_a_provider_decide_where_none_are_declared() -> None:
    c = configured({"access": PASSWORD, "profiles": PROFILES})
    spawner = spawner_of(c, "bo")
    spawner.user.groups = [SimpleNamespace(name="researchers")]
    assert [p["slug"] for p in spawner.profile_list(spawner)] == ["small", "large"]


def test_admins_write_into_the_shared_folder() -> None:
    who = people({"access": PASSWORD})
    mounts: dict[str, Any] = {"a": {"name": "hubfleet-shared", "readOnly": True}, "b": {}}
    spawner: Any = SimpleNamespace(volume_mounts=mounts)
    asyncio.run(who.pre_spawn_start(SimpleNamespace(name="bo", admin=False), spawner))
    of_bo = spawner.volume_mounts
    asyncio.run(who.pre_spawn_start(SimpleNamespace(name="ada", admin=True), spawner))
    # What one person's server was given is not another's.
    assert [one["a"]["readOnly"] for one in (of_bo, spawner.volume_mounts)] == [True, False]


def test_the_same_text_goes_to_every_hub() -> None:
    assert code().startswith('"""What a hub\'s declaration asks for')


def test_a_hub_that_closes_tells_its_people_and_starts_no_server(tmp_path) -> None:
    c = configured({"access": PASSWORD})
    notices = c.JupyterHub.template_vars["hub_notices"]
    who = c.JupyterHub.authenticator_class()
    spawner, bo = SimpleNamespace(volume_mounts={}), SimpleNamespace(name="bo", admin=False)
    assert notices(None) == []
    asyncio.run(who.pre_spawn_start(bo, spawner))

    file = tmp_path / "until"
    file.write_text("2026-03-01T09:00:00Z\n")
    notices.__globals__["CLOSING"] = file
    words = (
        "This hub closes at 10:00 on 1 March (Europe/Berlin). Save your work: servers are stopped "
        "then, and no new one is started. Your files are kept; ask the people who run this hub "
        "for them."
    )
    assert notices(None) == [words]
    with pytest.raises(HTTPError) as caught:
        asyncio.run(who.pre_spawn_start(bo, spawner))
    assert (caught.value.status_code, caught.value.log_message) == (503, words)
    file.unlink()
    asyncio.run(who.pre_spawn_start(bo, spawner))


def test_what_the_values_show_on_pages_stays_beside_the_notice() -> None:
    text, c = code(), Config()
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.template_vars = {"face": {"title": "Ant"}}
    exec(text, {"c": c, "get_config": lambda _key, default=None: default})
    assert set(c.JupyterHub.template_vars) == {"face", "hub_notices"}
