"""Signing in with a real OpenID Connect provider: who comes in, who does not, what they read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yarl
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.local.standing_hub import StandingHub
from tests.integration.local.visitors import CLIENT, MARK, Visitor, hub_with, visiting
from tests.integration.oidc_provider import CLIENT_SECRET, Provider, provider

pytestmark = pytest.mark.integration

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"preferred_username": "Ada", "realm": {"roles": ["staff", "researchers"]}},
    "bob": {"preferred_username": "bob", "realm": {"roles": ["researchers"]}},
    "eve": {"preferred_username": "eve", "realm": {"roles": ["visitors"]}},
    "nameless": {"email": "who@example.org"},
    "ungrouped": {"preferred_username": "ungrouped"},
}


def access(running: Provider, **more: Any) -> dict[str, Any]:
    oidc = {"name": "Campus", "issuer": running.url, "groups_claim": "realm.roles"}
    return {
        "sign_in": "oidc",
        "client": CLIENT,
        "allow": {"groups": ["researchers"]},
        "oidc": {**oidc, "admin_groups": ["staff"]},
        **more,
    }


async def test_groups_of_the_provider_decide_and_admins_are_admins(tmp_path: Path) -> None:
    async with (
        provider(**PEOPLE) as running,
        hub_with(tmp_path, running, access=access(running)) as hub,
    ):
        async with visiting(hub, "ada") as ada, visiting(hub, "bob") as bob:
            assert (await ada.sign_in()).path == "/hub/home"
            assert (await bob.sign_in()).path == "/hub/home"
            known = await ada.me()
            assert (known["name"], known["admin"]) == ("ada", True)
            assert sorted(known["groups"]) == ["researchers", "staff"]
            assert (await bob.me())["admin"] is False
        async with visiting(hub, "eve") as eve:
            refused = await eve.sign_in()
            assert refused.status == 403
            assert "This hub is not open to you" in refused.words
            assert "You signed in with Campus as `eve`" in refused.words
        async with visiting(hub, "ungrouped") as ungrouped:
            assert (await ungrouped.sign_in()).status == 403
        async with visiting(hub, "nameless") as nameless:
            refused = await nameless.sign_in()
            assert refused.status == 403
            assert "Campus did not say your `preferred_username`" in refused.words
        async with visiting(hub, "stranger") as stranger:
            refused = await stranger.sign_in()
            assert refused.status == 403
            assert "You did not agree at Campus." in refused.words
        log = hub.folder.log.read_text()
        assert "Traceback" not in log
        assert CLIENT_SECRET not in log
        assert CLIENT_SECRET not in hub.folder.spec.read_text()
        assert MARK in hub.folder.spec.read_text()


async def test_a_restart_of_the_hub_keeps_the_groups_of_the_provider(tmp_path: Path) -> None:
    async with (
        provider(**PEOPLE) as running,
        hub_with(tmp_path, running, access=access(running)) as hub,
        visiting(hub, "ada") as ada,
    ):
        await ada.sign_in()
        hub.end()
        hub.start()
        await hub.ready()
        known = await ada.me()
        assert (known["admin"], sorted(known["groups"])) == (True, ["researchers", "staff"])


async def test_a_provider_that_is_away_is_said_and_the_hub_starts_without_it(
    tmp_path: Path,
) -> None:
    async with provider(**PEOPLE) as running:
        chosen = access(running)
        quick = {"config": {"Authenticator": {"auth_refresh_age": 1}}}
        async with visited(tmp_path, running, access=chosen, jupyterhub=quick) as (hub, ada):
            await ada.sign_in()
            await running.stop()
            async with visiting(hub, "bob") as bob:
                # Pages are known by now; the code cannot be exchanged.
                away = await bob.get(f"/hub/oauth_callback?{await _state(bob)}")
                assert away.status == 503
                assert "Campus does not answer" in away.words
            # Whoever is signed in goes on.
            assert (await ada.get("/hub/home")).status == 200
            hub.end()
            hub.start()
            await hub.ready()
            async with visiting(hub, "bob") as bob:
                away = await bob.sign_in()
                assert (away.status, away.path) == (503, "/hub/oauth_login")
                assert "Try again in some minutes." in away.words
                await running.start()
                assert (await bob.sign_in()).path == "/hub/home"
            assert "Traceback" not in hub.folder.log.read_text()


async def test_codes_and_states_are_for_one_use_in_one_browser(tmp_path: Path) -> None:
    async with (
        provider(**PEOPLE) as running,
        hub_with(tmp_path, running, access=access(running)) as hub,
        visiting(hub, "ada") as ada,
        visiting(hub, "bob") as bob,
    ):
        link = await ada.callback()
        stolen = await bob.get(link)
        assert stolen.status == 400
        assert "not begun in this browser" in stolen.words
        assert (await ada.get(link)).path == "/hub/home"
        # The state cookie is gone with its first use.
        assert (await ada.get(link)).status == 400
        again = await bob.callback()
        code = again.partition("code=")[2].partition("&")[0]
        running.codes.pop(code)
        used = await bob.get(again)
        assert used.status == 400
        assert "This sign-in was used before, or it is too old." in used.words
        assert (await bob.get("/hub/oauth_callback")).status == 400
        bare = await bob.get("/hub/oauth_callback?error=<b>x</b>&state=1")
        assert bare.status == 502
        assert "<b>x</b>" not in bare.page


@pytest.mark.parametrize("fault", ["foreign key", "foreign client", "wrong person"])
async def test_a_token_that_is_not_for_this_hub_lets_nobody_in(tmp_path: Path, fault: str) -> None:
    async with provider(**PEOPLE) as running:
        if fault == "foreign key":
            running.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif fault == "foreign client":
            running.audience = "another hub"
        async with (
            hub_with(tmp_path, running, access=access(running)) as hub,
            visiting(hub, "bob") as bob,
        ):
            link = await bob.callback()
            if fault == "wrong person":
                running.swapped = {"bob": "ada"}
            refused = await bob.get(link)
            assert refused.status == 502
            assert "gave an answer that this hub does not understand" in refused.words


async def test_a_hub_whose_secret_is_wrong_says_that_the_operator_must_act(tmp_path: Path) -> None:
    async with provider(**PEOPLE) as running:
        wrong = access(running, client={"id": CLIENT["id"], "secret": "an older one"})
        async with hub_with(tmp_path, running, access=wrong) as hub, visiting(hub, "bob") as bob:
            refused = await bob.sign_in()
            assert refused.status == 502
            assert "Campus does not accept this hub's registration." in refused.words


async def test_a_name_never_passes_to_another_person(tmp_path: Path) -> None:
    """Also one that differs only in case, as providers allow."""
    people = {
        "one": {"preferred_username": "Zoë", "sub": "1", "realm": {"roles": ["researchers"]}},
        "two": {"preferred_username": "zoe\u0308", "sub": "2", "realm": {"roles": ["researchers"]}},
        "long": {"preferred_username": "x" * 200, "realm": {"roles": ["researchers"]}},
        "odd": {"preferred_username": "o'dd & <b>%41 你", "realm": {"roles": ["researchers"]}},
        "slash": {"preferred_username": "../ada", "realm": {"roles": ["researchers"]}},
        "hidden": {"preferred_username": "a\u202eda", "realm": {"roles": ["researchers"]}},
        "endless": {"preferred_username": "x" * 256, "realm": {"roles": ["researchers"]}},
    }
    async with (
        provider(**people) as running,
        hub_with(tmp_path, running, access=access(running)) as hub,
    ):
        for who in ("one", "one", "long", "odd"):
            async with visiting(hub, who) as visitor:
                assert (await visitor.sign_in()).path == "/hub/home", who
        async with visiting(hub, "two") as visitor:
            refused = await visitor.sign_in()
            assert refused.status == 403
            assert "This name is another person's" in refused.words
        for who in ("slash", "hidden", "endless"):
            async with visiting(hub, who) as visitor:
                refused = await visitor.sign_in()
                assert refused.status == 403, who
                assert "no slashes or invisible signs" in refused.words
        owners = json.loads((hub.folder.path / "identities.json").read_text())
        assert owners[running.url]["zoë"] == "1"


async def test_whoever_is_put_out_at_the_provider_is_out_here(tmp_path: Path) -> None:
    async with provider(**PEOPLE) as running:
        quick = {"config": {"Authenticator": {"auth_refresh_age": 1}}}
        async with visited(tmp_path, running, access=access(running), jupyterhub=quick) as (
            _,
            ada,
        ):
            await ada.sign_in()
            running.people["ada"] = {**PEOPLE["ada"], "realm": {"roles": ["visitors"]}}
            status, _ = await ada.post("hub/api/users/ada/server")
            assert status in {401, 403}
            running.people["ada"] = PEOPLE["ada"]
            assert (await ada.sign_in()).path == "/hub/home"


@asynccontextmanager
async def visited(
    state: Path, running: Provider, **values: Any
) -> AsyncIterator[tuple[StandingHub, Visitor]]:
    """A hub and Ada's browser."""
    async with hub_with(state, running, **values) as hub, visiting(hub, "ada") as ada:
        yield hub, ada


async def _state(visitor: Visitor) -> str:
    """The query of a callback for which the browser has the cookie."""
    address = visitor.hub.url + "hub/oauth_login"
    async with visitor.session.get(address, allow_redirects=False) as answer:
        state = yarl.URL(answer.headers["Location"], encoded=True).query["state"]
    return str(yarl.URL.build(query={"state": state, "code": "any"}).query_string)
