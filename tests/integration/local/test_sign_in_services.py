"""GitHub, Google and CILogon, played by a local stand-in; and ends of time, for all ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local.standing_hub import StandingHub
from tests.integration.local.visitors import CLIENT, Arrival, hub_with, visiting
from tests.integration.oidc_provider import Provider, provider

pytestmark = pytest.mark.integration

UNIVERSITY = "https://idp.uni.example/shibboleth"
ORCID = "http://orcid.org/oauth/authorize"


def pointed_at(running: Provider, method: str) -> dict[str, Any]:
    """The service's own addresses, replaced by the stand-in's."""
    url = running.url
    return {
        "github": {"GitHubOAuthenticator": {"github_url": url}},
        "google": {
            "GoogleOAuthenticator": {"google_api_url": url, "authorize_url": f"{url}/authorize"}
        },
        "cilogon": {
            "CILogonOAuthenticator": {
                "authorize_url": f"{url}/authorize",
                "token_url": f"{url}/token",
                "userdata_url": f"{url}/userinfo",
            }
        },
    }[method]


@asynccontextmanager
async def hub_of(
    state: Path,
    method: str,
    people: Mapping[str, dict[str, Any]],
    **access: Any,
) -> AsyncIterator[tuple[StandingHub, Provider]]:
    async with provider(**people) as running:
        values = {
            "access": {"sign_in": method, "client": CLIENT, **access},
            "jupyterhub": {"config": pointed_at(running, method)},
        }
        async with hub_with(state, running, **values) as hub:
            yield hub, running


async def arrive(hub: StandingHub, who: str) -> Arrival:
    async with visiting(hub, who) as visitor:
        return await visitor.sign_in()


async def test_github_takes_named_people_and_members_of_organisations_and_teams(
    tmp_path: Path,
) -> None:
    people = {
        login: {"login": login.title(), "id": number, "email": None}
        for number, login in enumerate(("ada", "member", "mate", "stranger"), 1)
    }
    async with hub_of(
        tmp_path,
        "github",
        people,
        admins=["ada"],
        allow={"organisations": ["reef-lab"], "teams": ["moon-lab:divers"]},
    ) as (hub, running):
        running.memberships = {"reef-lab/member", "moon-lab:divers/mate"}
        async with visiting(hub, "ada") as ada:
            assert (await ada.sign_in()).path == "/hub/home"
            assert (await ada.me())["admin"] is True
        async with visiting(hub, "member") as member:
            assert (await member.sign_in()).path == "/hub/home"
            assert (await member.me())["admin"] is False
        assert (await arrive(hub, "mate")).path == "/hub/home"
        refused = await arrive(hub, "stranger")
        assert refused.status == 403
        assert "You signed in with GitHub as `stranger`" in refused.words
        # A login that was given up and taken by somebody else.
        running.people["member"] = {**people["member"], "id": 99}
        taken = await arrive(hub, "member")
        assert taken.status == 403
        assert "This name is another person's" in taken.words


async def test_google_takes_an_organisation_and_named_addresses_that_are_verified(
    tmp_path: Path,
) -> None:
    def person(address: str, **more: Any) -> dict[str, Any]:
        return {"id": address, "email": address, "verified_email": True, **more}

    people = {
        "ada": person("ada@uni.example", hd="uni.example"),
        "guest": person("Guest@mail.example"),
        "forger": person("forger@uni.example"),
        "unverified": person("admin@uni.example", hd="uni.example", verified_email=False),
        "blank": {"id": "7"},
    }
    async with hub_of(
        tmp_path,
        "google",
        people,
        admins=["admin@uni.example"],
        allow={"users": ["guest@mail.example"], "domains": ["uni.example"]},
    ) as (hub, _):
        async with visiting(hub, "ada") as ada:
            assert (await ada.sign_in()).path == "/hub/home"
            assert (await ada.me())["name"] == "ada@uni.example"
        assert (await arrive(hub, "guest")).path == "/hub/home"
        for who in ("forger", "unverified"):
            assert (await arrive(hub, who)).status == 403, who
        assert "Google did not say your `email`" in (await arrive(hub, "blank")).words


async def test_cilogon_takes_each_institution_by_its_own_rules(tmp_path: Path) -> None:
    people = {
        "ada": {"idp": UNIVERSITY, "eppn": "ada@uni.example", "email": "ada@uni.example"},
        "eve": {"idp": UNIVERSITY, "eppn": "eve@other.example", "email": "eve@other.example"},
        "otto": {"idp": ORCID, "oidc_sub": "0000-1", "email": "otto@mail.example"},
        "zoe": {"idp": ORCID, "oidc_sub": "0000-2"},
        "stray": {"idp": "https://idp.elsewhere.example/idp", "email": "stray@uni.example"},
        "blank": {"idp": UNIVERSITY},
    }
    idps = [
        {
            "id": UNIVERSITY,
            "username_claim": "eppn",
            "strip_domain": "uni.example",
            "allowed_domains": ["uni.example", "*.uni.example"],
        },
        {"id": ORCID, "username_claim": "oidc_sub", "prefix": "orcid"},
    ]
    async with hub_of(
        tmp_path,
        "cilogon",
        people,
        admins=["ada"],
        allow={"users": ["orcid:0000-1"]},
        cilogon={"idps": idps},
    ) as (hub, _):
        async with visiting(hub, "ada") as ada:
            assert (await ada.sign_in()).path == "/hub/home"
            known = await ada.me()
            assert (known["name"], known["admin"]) == ("ada", True)
        assert (await arrive(hub, "otto")).path == "/hub/home"
        for who in ("eve", "zoe"):
            assert (await arrive(hub, who)).status == 403, who
        stray = await arrive(hub, "stray")
        assert (stray.status, "This institution has no access" in stray.words) == (403, True)
        assert "CILogon did not say your `eppn`" in (await arrive(hub, "blank")).words


async def test_after_the_last_day_nobody_new_comes_in_and_who_works_goes_on(tmp_path: Path) -> None:
    people = {
        login: {"login": login, "id": number, "email": None}
        for number, login in enumerate(("ada", "early", "late"), 1)
    }
    async with provider(**people) as running:
        access = {"sign_in": "github", "client": CLIENT, "admins": ["ada"], "everyone": True}
        quick = {"Authenticator": {"auth_refresh_age": 1}}
        config = {"config": {**pointed_at(running, "github"), **quick}}
        values: dict[str, Any] = {"jupyterhub": config}
        async with (
            hub_with(tmp_path, running, access={**access, "until": "2999-01-01"}, **values) as hub,
            visiting(hub, "early") as early,
        ):
            assert (await early.sign_in()).path == "/hub/home"
            hub.end()
            hub.declare(access={**access, "until": "2020-01-01"}, **values)
            hub.start()
            await hub.ready()
            assert (await early.get("/hub/home")).path == "/hub/home"
            status, text = await early.post("hub/api/users/early/server")
            assert status == 403
            assert "It was open to everyone until 2020-01-01." in text
            late = await arrive(hub, "late")
            assert late.status == 403
            assert "open to everyone until 2020-01-01, which has passed" in late.words
            assert (await arrive(hub, "ada")).path == "/hub/home"
