"""Real hubs and a real console: what a hub does by itself when the console's answer changes."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
import yaml
import yarl

from hubfleet.kit.clock import timestamp
from hubfleet.platforms.local.spec import HubSecrets, RunRecord
from tests.consoles import PASSWORD, ConsolePlace, console_fleet
from tests.integration.local.standing_hub import Person, until
from tests.places import local_place

pytestmark = pytest.mark.integration

# Asked again at once, so that tests need not wait for what is otherwise 25 seconds.
IMPATIENT = {"config": {"Authenticator": {"auth_refresh_age": 1}}}
ACCESS = {"sign_in": "console", "admins": ["ada"], "allow": {"users": ["bo"]}}
HUBS = {
    "ant/prod": {
        "access": ACCESS,
        "jupyterhub": IMPATIENT,
        "named_servers": 1,
        "groups": {"divers": ["ada"]},
    },
    "bee/prod": {"access": ACCESS, "jupyterhub": IMPATIENT},
}
PEOPLE = ("ada", "bo", "cy", "dee", "eve", "fay", "gus")


@dataclass
class Address:
    url: str


class Member(Person):
    """Somebody who signs in at the console."""

    async def enter(self, path: str = "hub/home") -> tuple[int, str, str]:
        """Open a page of the hub, and sign in where that is asked for: status, address, page."""
        async with self.session.get(self.hub.url + path) as page:
            text = await page.text()
            if not page.url.path.endswith("/account/login/"):
                return page.status, str(page.url), text
            form = {"login": self.name, "password": PASSWORD}
            for name in ("csrfmiddlewaretoken", "next"):
                found = re.search(rf'name="{name}" value="([^"]*)"', text)
                if found:
                    form[name] = html.unescape(found[1])
            target = page.url
        async with self.session.post(target, data=form) as answer:
            return answer.status, str(answer.url), await answer.text()

    async def sign_in(self, password: str = PASSWORD) -> tuple[int, str]:
        status, address, text = await self.enter()
        assert address.endswith("/hub/home"), (status, address, text[:3000])
        await self._make_token()
        return status, text


@asynccontextmanager
async def member(console: ConsolePlace, name: str, hub: str = "ant/prod") -> AsyncIterator[Member]:
    person = Member(Address(console.hub(hub)), name)
    try:
        await person.sign_in()
        yield person
    finally:
        await person.close()


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one-sign-in")
    fleet, address = console_fleet(folder / "fleet", HUBS)
    with local_place(folder / "state") as place:
        made = ConsolePlace(place, fleet, address)
        done = made.up()
        assert done.returncode == 0, done.stderr + done.stdout
        made.account(*PEOPLE)
        for name in ("cy", "dee", "eve", "fay"):
            made.member(name, "ant/prod")
        yield made


def declare(console: ConsolePlace, hub: str, **access: object) -> None:
    """A commit, so to say: the declaration says something else, and nobody applies it."""
    community, name = hub.split("/")
    file = console.fleet / f"communities/{community}/hubs/{name}.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["access"] |= access
    file.write_text(yaml.safe_dump(declared))


async def test_groups_and_admin_rights_come_with_the_sign_in_and_change_without_a_restart(
    console,
):
    async with member(console, "ada") as ada, member(console, "bo") as bo:
        _, known = await ada.api("GET", "hub/api/user")
        assert (known["admin"], sorted(known["groups"])) == (
            True,
            ["divers", "hub-admins", "hub-users"],
        )
        _, known = await bo.api("GET", "hub/api/user")
        assert (known["admin"], known["groups"]) == (False, ["hub-users"])
        before = RunRecord.read(console.place.state.hub("ant/prod").run).pid
        try:
            declare(console, "ant/prod", admins=["bo"], allow={"users": ["ada"]})

            async def changed() -> bool:
                await bo.enter()
                _, now_bo = await bo.api("GET", "hub/api/user")
                _, now_ada = await ada.api("GET", "hub/api/user")
                return now_bo.get("admin") is True and now_ada.get("admin") is False

            await until(changed, 30, "bo to be the admin instead of ada")
        finally:
            declare(console, "ant/prod", admins=["ada"], allow={"users": ["bo"]})
        assert RunRecord.read(console.place.state.hub("ant/prod").run).pid == before


async def test_without_anybody_to_stop_the_server_a_person_is_out_nevertheless(console):
    """The net below: tokens are gone, and the hub is not asked for anything."""
    async with member(console, "dee") as dee:
        await dee.start_server()
        kernel = await dee.start_kernel()
        own = (
            await dee.run(kernel, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")
        ).strip()
        console.in_the_office(
            "from hubfleet.office.identity.ending import forget_tokens\n"
            "forget_tokens(str(Person.objects.get(login='dee').pk))\n"
        )

        async def out() -> bool:
            status, _ = await dee.api("GET", "hub/api/users/dee")
            return status in (401, 403, 404)

        await until(out, 20, "the hub to refuse dee's own token")
        async with dee.session.get(dee.hub.url + "hub/home", allow_redirects=False) as page:
            assert (page.status, page.headers["Location"][:10]) == (302, "/hub/login")
        began = time.monotonic()

        async def closed() -> bool:
            status, _ = await dee.api("GET", "user/dee/api/status")
            return status == 403

        await until(closed, 40, "the server to refuse dee")
        assert time.monotonic() - began < 35
        # The server itself tells the hub that it works, and can do nothing else.
        server = Member(dee.hub, "dee", own)
        stamp = {"last_activity": timestamp(), "servers": {}}
        try:
            status, answer = await server.api("POST", "hub/api/users/dee/activity", stamp)
            assert status == 200, answer
            assert (await server.api("GET", "hub/api/users"))[0] == 403
        finally:
            await server.close()


async def test_open_connections_and_named_servers_end_with_access_and_files_stay(console):
    platform = console.place.platform()
    async with member(console, "eve") as eve:
        await eve.start_server()
        kernel = await eve.start_kernel()
        await eve.run(kernel, "open('mine.txt', 'w').write('kept')")
        status, answer = await eve.api("POST", "hub/api/users/eve/servers/second", {})
        assert status in {201, 202}, answer

        def running() -> int:
            return sum(line == "ant/prod: eve" for line in platform.working_people())

        await until(lambda: running() == 2, 60, "both servers")
        url = eve.hub.url.replace("http", "ws", 1)
        headers = {"Authorization": f"token {eve.token}"}
        async with eve.session.ws_connect(
            f"{url}user/eve/api/kernels/{kernel}/channels", headers=headers
        ) as connection:
            console.remove("eve", "ant/prod")
            began = time.monotonic()
            async with asyncio.timeout(60):
                while (message := await connection.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
            assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE}
        await until(lambda: running() == 0, 60, "the end of both servers")
        assert time.monotonic() - began < 60

        async def refused() -> bool:
            return (await eve.enter())[0] == 403

        await until(refused, 30, "the refusal")
        assert (await eve.api("GET", "hub/api/user"))[0] == 403
    console.member("eve", "ant/prod")
    async with member(console, "eve") as eve:
        await eve.start_server()
        kernel = await eve.start_kernel()
        assert await eve.run(kernel, "print(open('mine.txt').read())") == "kept\n"


async def test_a_stranger_is_refused_by_the_console_and_has_no_account_at_the_hub(console):
    gus = Member(Address(console.hub("ant/prod")), "gus")
    try:
        status, address, text = await gus.enter()
        assert (status, yarl.URL(address).path) == (403, "/identity/authorize")
        assert "gus is no user of Ant (prod)" in text
    finally:
        await gus.close()


async def test_another_secret_is_used_at_the_next_sign_in_without_a_restart(console):
    folder = console.place.state.hub("ant/prod")
    secret, pid = HubSecrets.read(folder.secrets).console_secret, RunRecord.read(folder.run).pid
    async with member(console, "cy") as cy:
        done = console.place.run("client", "rotate", "ant/prod", fleet=console.fleet)
        assert (done.returncode, done.stdout) == (0, "ant/prod has secret number 2\n"), done.stderr
        assert secret not in done.stdout + done.stderr
        assert HubSecrets.read(folder.secrets).console_secret != secret
        # Whoever is signed in stays.
        assert (await cy.enter())[:2] == (200, cy.hub.url + "hub/home")
    async with member(console, "fay"):
        pass
    assert RunRecord.read(folder.run).pid == pid
    rows = console.place.json("client", "list", fleet=console.fleet)["clients"]
    assert rows[0] == {"hub": "ant/prod", "generation": 2, "revoked": False}


async def test_a_revoked_hub_signs_nobody_in_until_it_has_another_secret(console):
    async with member(console, "bo", "bee/prod") as bo:
        done = console.place.run("client", "revoke", "bee/prod", fleet=console.fleet)
        assert done.returncode == 0, done.stderr
        assert done.stdout == (
            "bee/prod signs nobody in any more; `hubfleet client rotate bee/prod` opens it again\n"
        )

        async def out() -> bool:
            status, address, _ = await bo.enter()
            return (status, yarl.URL(address).path) == (400, "/identity/authorize")

        await until(out, 20, "the end of bo's session")
        assert (
            console.place.run("client", "rotate", "bee/prod", fleet=console.fleet).returncode == 0
        )
        assert (await bo.enter())[0] == 200
    wrong = console.place.run("client", "rotate", "bee/none", fleet=console.fleet)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error[unknown-hub]: there is no hub bee/none\n")


async def test_the_second_hub_is_reached_without_being_asked(console):
    async with member(console, "bo") as bo:
        other = Member(Address(console.hub("bee/prod")), "bo")
        await other.close()
        other.session = bo.session
        async with bo.session.get(other.hub.url + "hub/home") as page:
            assert (page.status, str(page.url)) == (200, other.hub.url + "hub/home")
            assert [step.status for step in page.history] == [302] * len(page.history)


def test_no_secret_of_the_sign_in_is_in_a_log_a_page_or_a_plan(console):
    state = console.place.state
    secrets = [(state.console / "key").read_text().strip()]
    for name in HUBS:
        own = HubSecrets.read(state.hub(name).secrets)
        secrets += [own.console_secret, own.office_token]
        assert own.console_secret not in state.hub(name).spec.read_text()
    logs = [state.console_log, state.keeper_log, *(state.hub(name).log for name in HUBS)]
    shown = "".join(log.read_text() for log in logs)
    shown += console.place.run("status", "--show-passwords", fleet=console.fleet).stdout
    shown += console.place.run("plan", fleet=console.fleet).stdout
    shown += json.dumps(console.place.json("client", "list", fleet=console.fleet))
    for name in HUBS:
        log = state.hub(name).log.read_text()
        where = log.find("Traceback")
        assert where < 0, log[max(where - 1000, 0) : where + 3000]
    for secret in secrets:
        assert secret
        assert secret not in shown
