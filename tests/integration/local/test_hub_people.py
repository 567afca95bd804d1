"""Signing in, profiles, culling, and what the probe's token can do."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.platforms.local.servers import running_servers
from tests.integration.local.standing_hub import (
    ADMIN_PASSWORD,
    PASSWORD,
    Person,
    StandingHub,
    signed_in,
    standing_hub,
    until,
)

pytestmark = pytest.mark.integration

PROFILES = [
    {"name": "Small", "default": True},
    {"name": "Large <8>", "limits": {"memory": "3G", "cpu": 2}, "groups": ["researchers"]},
]


async def _answer(hub, name: str, password: str) -> tuple[int, bool]:
    person = Person(hub, name)
    try:
        status, _ = await person.sign_in(password)
        return status, bool(person.token)
    finally:
        await person.close()


async def test_only_declared_people_with_the_right_password_come_in(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub:
        assert await _answer(hub, "ada", PASSWORD) == (200, True)
        assert await _answer(hub, "ada", "not the password") == (403, False)
        assert await _answer(hub, "stranger", PASSWORD) == (403, False)
        assert await _answer(hub, PROBE_USER, PASSWORD) == (403, False)
        assert await _answer(hub, "root-of-all", PASSWORD) == (403, False)
        assert await _answer(hub, "root-of-all", ADMIN_PASSWORD) == (200, True)
        person = Person(hub, "ada")
        _, page = await person.sign_in("wrong")
        await person.close()
        assert "Earth &amp; &lt;Moon&gt;" in page
        assert hub.folder.database.stat().st_mode & 0o077 == 0


async def test_everyone_holds_until_its_last_day(tmp_path: Path) -> None:
    access = {"admins": ["root-of-all"], "allow": {"users": ["ada"]}, "everyone": True}
    async with standing_hub(tmp_path, access={**access, "until": "2999-01-01"}) as hub:
        assert await _answer(hub, "visitor", PASSWORD) == (200, True)
        assert await _answer(hub, PROBE_USER, PASSWORD) == (403, False)
        hub.end()
        hub.declare(access={**access, "until": "2020-01-01"})
        hub.start()
        await hub.ready()
        assert await _answer(hub, "visitor", PASSWORD) == (403, False)
        assert await _answer(hub, "ada", PASSWORD) == (200, True)


async def test_who_works_when_the_last_day_passes_goes_on_until_they_stop(tmp_path: Path) -> None:
    access = {"admins": ["root-of-all"], "everyone": True}
    async with (
        standing_hub(tmp_path, access={**access, "until": "2999-01-01"}) as hub,
        signed_in(hub, "visitor") as visitor,
    ):
        await visitor.start_server()
        kernel = await visitor.start_kernel()
        assert await visitor.run(kernel, "x = 7; print(x)") == "7\n"
        hub.end()
        hub.declare(access={**access, "until": "2020-01-01"})
        hub.start()
        await hub.ready()
        assert await visitor.run(kernel, "print(x + 1)") == "8\n"
        assert (await visitor.api("GET", "user/visitor/api/status"))[0] == 200
        await visitor.stop_server()
        status, answer = await visitor.api("POST", "hub/api/users/visitor/server", {})
        assert status == 403
        assert "It was open to everyone until 2020-01-01." in answer["message"]
        assert await _answer(hub, "visitor", PASSWORD) == (403, False)


async def test_whoever_is_no_longer_declared_loses_their_rights(tmp_path: Path) -> None:
    async with standing_hub(tmp_path, groups={"researchers": ["ada", "bob"]}) as hub:
        async with signed_in(hub, "root-of-all", ADMIN_PASSWORD) as old:
            hub.end(signal.SIGTERM)
            hub.declare(
                access={"admins": ["new-admin"], "allow": {"users": ["bob"]}},
                groups={"researchers": ["bob"]},
            )
            hub.start()
            await hub.ready()
            assert (await old.api("GET", "hub/api/users/ada"))[0] in {403, 404}
        async with signed_in(hub, "new-admin", ADMIN_PASSWORD) as admin:
            _, former = await admin.api("GET", "hub/api/users/root-of-all")
            _, ada = await admin.api("GET", "hub/api/users/ada")
        assert (former["admin"], ada["groups"]) == (False, [])
        assert await _answer(hub, "ada", PASSWORD) == (403, False)


async def test_people_choose_among_the_profiles_of_their_groups(tmp_path: Path) -> None:
    groups = {"researchers": ["ada"]}
    async with (
        standing_hub(tmp_path, profiles=PROFILES, groups=groups) as hub,
        signed_in(hub, "ada") as ada,
        signed_in(hub, "bob") as bob,
    ):
        pages = {}
        for person in (ada, bob):
            async with person.session.get(hub.url + "hub/spawn") as page:
                pages[person.name] = await page.text()
        assert 'value="small" aria-describedby="about-small" checked' in pages["bob"]
        assert "Large" not in pages["bob"]
        assert "Large &lt;8&gt;" in pages["ada"]
        path = "hub/api/users/bob/server"
        status, answer = await bob.api("POST", path, {"profile": "large-8"})
        assert status == 403
        assert answer["message"] == "There is no profile 'large-8' for you. Your profiles: small."
        await ada.start_server({"profile": "large-8"})
        code = "import os; print(os.environ['MEM_LIMIT'], os.environ['CPU_LIMIT'])"
        assert await ada.run(await ada.start_kernel(), code) == f"{3 * 1024**3} 2.0\n"


async def test_no_page_stands_before_a_server_without_profiles(tmp_path: Path) -> None:
    async with standing_hub(tmp_path, interface="notebook") as hub, signed_in(hub, "ada") as ada:
        async with ada.session.get(hub.url + "hub/spawn") as page:
            assert "Server Options" not in await page.text()

        async def ready() -> bool:
            _, user = await ada.api("GET", "hub/api/users/ada")
            return bool(user["servers"] and user["servers"][""]["ready"])

        await until(ready, 30, "the server")
        async with ada.session.get(hub.url + "user/ada/") as page:
            assert page.status == 200
            assert page.url.path == "/user/ada/tree"


async def test_a_server_that_nobody_uses_is_stopped(tmp_path: Path) -> None:
    async with standing_hub(tmp_path, culling={"idle": "3s", "max_age": "0s"}) as hub:
        async with signed_in(hub, "ada") as ada:
            await ada.start_server()
            await until(lambda: not running_servers(hub.folder.path), 25, "the culler")
        assert "Culling server ada" in hub.folder.log.read_text()


async def test_an_old_server_is_stopped_even_when_idle_culling_is_off(tmp_path: Path) -> None:
    async with (
        standing_hub(tmp_path, culling={"idle": "0s", "max_age": "3s"}) as hub,
        signed_in(hub, "ada") as ada,
    ):
        await ada.start_server()
        await until(lambda: not running_servers(hub.folder.path), 25, "the culler")


async def test_the_probes_token_reaches_the_probes_server_and_nothing_else(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        probe = Person(hub, PROBE_USER, hub.secrets.probe_token)
        try:
            status, about = await probe.api("GET", "hub/api/")
            assert (status, about["version"]) == (200, "6.1.1")
            await probe.start_server()
            kernel = await probe.start_kernel()
            assert await probe.run(kernel, "print(6 * 7)") == "42\n"
            body = {"type": "file", "format": "text", "content": "x"}
            path = f"user/{PROBE_USER}/api/contents/probe.txt"
            assert (await probe.api("PUT", path, body))[0] == 201
            assert (await probe.api("DELETE", path))[0] == 204
            await probe.stop_server()
            for method, path in [
                ("GET", "hub/api/users"),
                ("GET", "hub/api/users/ada"),
                ("GET", "hub/api/groups"),
                ("GET", "hub/api/proxy"),
                ("POST", "hub/api/users/bob"),
                ("DELETE", "hub/api/users/ada"),
                ("DELETE", f"hub/api/users/{PROBE_USER}"),
                ("POST", "hub/api/users/bob/server"),
                ("DELETE", "hub/api/users/ada/server"),
                ("POST", "hub/api/users/ada/tokens"),
                ("POST", f"hub/api/users/{PROBE_USER}/tokens"),
                ("POST", "hub/api/shutdown"),
                ("GET", "user/ada/api/contents"),
            ]:
                assert (await probe.api(method, path))[0] in {403, 404}, (method, path)
        finally:
            await probe.close()


async def test_two_hubs_on_one_proxy_leave_each_others_routes_alone(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as earth, signed_in(earth, "ada") as ada:
        await ada.start_server()
        moon = StandingHub(tmp_path, earth.proxy, "moon/prod")
        try:
            moon.start()
            await moon.ready()
            assert (await ada.api("GET", "user/ada/api"))[0] == 200
            assert "stale" not in moon.folder.log.read_text()
        finally:
            moon.stop()
