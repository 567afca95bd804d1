"""Named servers, switches, links to material, and homes that are too full, in real servers."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubfleet.platforms.local.servers import running_servers
from tests.integration.local.standing_hub import Person, signed_in, standing_hub, until

pytestmark = pytest.mark.integration


async def _page(person: Person, path: str) -> tuple[int, str]:
    async with person.session.get(person.hub.url + path) as page:
        return page.status, await page.text()


async def test_a_person_has_as_many_named_servers_as_declared(tmp_path: Path) -> None:
    async with standing_hub(tmp_path, named_servers=1) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        status, _ = await ada.api("POST", "hub/api/users/ada/servers/gpu", {})
        assert status in {201, 202}

        async def ready() -> bool:
            _, user = await ada.api("GET", "hub/api/users/ada")
            return bool(user["servers"].get("gpu", {}).get("ready"))

        await until(ready, 30, "the second server")
        assert {record.key for record in running_servers(hub.folder.path)} == {"1", "1-gpu"}
        for server in ("", "gpu/"):
            status, _ = await ada.api("GET", f"user/ada/{server}api/status")
            assert status == 200, server
        status, answer = await ada.api("POST", "hub/api/users/ada/servers/third", {})
        assert status == 400, answer
        # One home for both, and each ends alone.
        await ada.run(await ada.start_kernel(), "open('note.txt', 'w').write('from the first')")
        status, note = await ada.api("GET", "user/ada/gpu/api/contents/note.txt")
        assert (status, note["content"]) == (200, "from the first")
        await ada.api("DELETE", "hub/api/users/ada/servers/gpu")
        await until(
            lambda: [r.key for r in running_servers(hub.folder.path)] == ["1"], 20, "its end"
        )
        assert (await ada.api("GET", "user/ada/api/status"))[0] == 200


async def test_there_are_no_named_servers_unless_declared(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        status, answer = await ada.api("POST", "hub/api/users/ada/servers/gpu", {})
        assert status == 400, answer


async def test_switches_for_terminals_and_downloads(tmp_path: Path) -> None:
    async with (
        standing_hub(tmp_path, terminals=False, downloads=False) as hub,
        signed_in(hub, "ada") as ada,
    ):
        await ada.start_server()
        kernel = await ada.start_kernel()
        await ada.run(
            kernel, "open('data.csv', 'w').write('1'); open('p.svg', 'w').write('<svg/>')"
        )
        assert (await ada.api("POST", "user/ada/api/terminals"))[0] == 404
        status, _ = await ada.api("GET", "user/ada/files/data.csv?download=1")
        assert status == 403
        assert (await ada.api("GET", "user/ada/files/p.svg"))[0] == 200
        # What JupyterLab needs to show a file is what the switch cannot take away.
        assert (await ada.api("GET", "user/ada/api/contents/data.csv"))[1]["content"] == "1"
        _, page = await ada.api("GET", "user/ada/lab")
        assert '"@jupyterlab/filebrowser-extension:download"' in page


async def test_terminals_and_downloads_are_there_by_default(tmp_path: Path) -> None:
    async with standing_hub(tmp_path) as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        await ada.run(await ada.start_kernel(), "open('data.csv', 'w').write('1')")
        assert (await ada.api("POST", "user/ada/api/terminals"))[0] == 200
        assert (await ada.api("GET", "user/ada/files/data.csv?download=1"))[0] == 200


async def test_a_kernel_that_nobody_uses_is_stopped_and_its_server_goes_on(tmp_path: Path) -> None:
    async with (
        standing_hub(tmp_path, culling={"kernels": "2s"}) as hub,
        signed_in(hub, "ada") as ada,
    ):
        await ada.start_server()
        await ada.run(await ada.start_kernel(), "x = 1")

        async def none_left() -> bool:
            return bool((await ada.api("GET", "user/ada/api/kernels"))[1] == [])

        await until(none_left, 20, "the end of the kernel")
        assert running_servers(hub.folder.path)


async def test_a_profile_opens_its_own_interface(tmp_path: Path) -> None:
    profiles = [{"name": "Lab"}, {"name": "Simple", "interface": "notebook"}]
    async with standing_hub(tmp_path, profiles=profiles) as hub, signed_in(hub, "ada") as ada:
        for profile, path in (("simple", "/user/ada/tree"), ("lab", "/user/ada/lab")):
            await ada.start_server({"profile": profile})
            async with ada.session.get(hub.url + "user/ada/") as page:
                assert page.url.path == path
            await ada.stop_server()


async def test_the_form_starts_what_was_chosen_and_refuses_what_was_not_offered(
    tmp_path: Path,
) -> None:
    choices = [{"name": "1 GB", "default": True}, {"name": "2 GB", "limits": {"memory": "2G"}}]
    profiles = [
        {"name": "Small", "options": [{"name": "Memory", "choices": choices}]},
        {"name": "Huge", "groups": ["researchers"]},
    ]
    async with (
        standing_hub(tmp_path, profiles=profiles, groups={"researchers": ["bob"]}) as hub,
        signed_in(hub, "ada") as ada,
    ):
        jar = ada.session.cookie_jar.filter_cookies(ada.session_url("hub/"))

        async def send(**fields: str) -> str:
            form = {"_xsrf": jar["_xsrf"].value, **fields}
            async with ada.session.post(hub.url + "hub/spawn", data=form) as answer:
                return await answer.text()

        memory = {"profile-option-small--memory": "64-gb"}
        assert "Error: &#39;Memory&#39; cannot be &#39;64-gb&#39;" in await send(
            profile="small", **memory
        )
        assert "Error: There is no profile &#39;huge&#39; for you" in await send(profile="huge")
        page = await send(profile="<script>x")
        assert "There is no profile &#39;&lt;script&gt;x&#39; for you" in page
        assert not running_servers(hub.folder.path)
        memory = {"profile-option-small--memory": "2-gb"}
        await send(profile="small", **memory)

        async def ready() -> bool:
            _, user = await ada.api("GET", "hub/api/users/ada")
            return bool(user["servers"] and user["servers"][""]["ready"])

        await until(ready, 30, "the server")
        code = "import os; print(os.environ['MEM_LIMIT'])"
        assert await ada.run(await ada.start_kernel(), code) == f"{2 * 1024**3}\n"


async def test_a_home_that_is_too_full_is_warned_and_then_refused(tmp_path: Path) -> None:
    async with (
        standing_hub(tmp_path, storage={"home_quota": "10M"}) as hub,
        signed_in(hub, "ada") as ada,
    ):
        await ada.start_server()
        kernel = await ada.start_kernel()
        await ada.run(kernel, "import os; open('big', 'wb').write(os.urandom(12 * 1024**2))")
        await ada.stop_server()
        status, answer = await ada.api("POST", "hub/api/users/ada/server", {})
        assert status == 507
        assert answer["message"].startswith("Your home is too full to start a server: it holds 12")
        status, page = await _page(ada, "hub/spawn")
        assert status == 507
        assert "Your home is too full to start a server" in page
        assert "Nothing of yours was deleted." in page
        (home,) = hub.folder.homes.iterdir()
        (home / "big").write_bytes(b"x" * int(9.5 * 1024**2))
        usage = {"bytes": int(9.5 * 1024**2), "files": 1}
        measured = {"at": "2026-01-01T00:00:00+00:00", "homes": {"ada": usage}}
        (hub.folder.path / "usage.json").write_text(json.dumps(measured))
        _, page = await _page(ada, "hub/home")
        assert "Your home is nearly full: it holds 9.5M of 10M (95 %)." in page
        await ada.start_server()


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The folder's files over HTTP on this machine; git calls that the dumb protocol."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _git(*words: str, cwd: Path) -> None:
    name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *name, *words], cwd=cwd, check=True, capture_output=True)


async def test_a_link_brings_material_into_a_home(tmp_path: Path) -> None:
    work, served = tmp_path / "work", tmp_path / "served"
    work.mkdir()
    _git("init", "-b", "main", cwd=work)
    (work / "lesson.txt").write_text("one")
    _git("add", ".", cwd=work)
    _git("commit", "-m", "first", cwd=work)
    _git("clone", "--bare", str(work), str(served / "course.git"), cwd=tmp_path)
    _git("update-server-info", cwd=served / "course.git")
    async with standing_hub(tmp_path / "state") as hub, signed_in(hub, "ada") as ada:
        await ada.start_server()
        with _served(served) as address:
            # The dumb protocol can only send a whole history.
            query = f"repo={address}/course.git&branch=main&depth=0&urlpath=lab/tree/course"
            status, page = await _page(ada, f"hub/user-redirect/git-pull?{query}")
            assert (status, "course.git" in page) == (200, True)
            status, log = await ada.api("GET", f"user/ada/git-pull/api?{query}&targetpath=course")
            assert '"phase": "finished"' in log, log
        status, lesson = await ada.api("GET", "user/ada/api/contents/course/lesson.txt")
        assert lesson["content"] == "one"
