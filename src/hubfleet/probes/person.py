"""A person's path through one hub: from its name to code that ran and a file that was kept.

Start with `probe_hub`. `_Visit` has one method for each stage; each returns a few words for the
reader or raises `_StageError`. The clean-up always runs, after failures and cancellation too.

One probe at a time uses a hub: whoever starts the probe's server leaves a mark in the server's
user options (`MARK`), and others read it back before they act. A mark whose owner is gone, or
that is older than a whole probe, belongs to a crashed probe, and its server is stopped first.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

from hubfleet.probes.address import host_of, open_session, port_of
from hubfleet.probes.certificates import trusting, why_not_trusted
from hubfleet.probes.clocks import skew
from hubfleet.probes.hanging import SECONDS, who_hangs
from hubfleet.probes.kernel import Kernel, KernelError
from hubfleet.probes.mark import MARK, begin_mark, end_mark, is_left_over
from hubfleet.probes.target import Target, TimeLimits
from hubfleet.probes.verdict import STAGES, Cause, ProbeResult, Stage, StageName, result

_POLL_SECONDS = 0.1  # JupyterHub has no event for "stopped"

_FILE_PREFIX = "hubfleet-probe-"

_MOST_PAGES = 6
_REFUSALS: dict[int, Cause] = {429: "capacity", 507: "storage", 424: "environment"}
_SLOW_REFUSAL = 3.0  # SQLite waits five seconds for a lock; a wrong token is refused at once
_NO_DATABASE = "the hub cannot ask its database who somebody is"
_TO_PROVIDER = re.compile(r'href="([^"]*/oauth_login[^"]*)"')


def _nobody(_stage: StageName) -> None: ...


async def probe_hub(
    target: Target,
    *,
    limits: TimeLimits | None = None,
    tell: Callable[[StageName], None] = _nobody,
) -> ProbeResult:
    """Walk a person's path through the hub; every failure of the hub is in the result.

    Ends within `limits.whole` seconds. Cancelled, it cleans up first. `tell` is called when a
    stage begins.
    """
    began = time.monotonic()
    async with open_session(target) as session:
        stages = await _Visit(target, session, limits or TimeLimits(), tell).walk()
    return result(target.hub, time.monotonic() - began, stages)


async def probe_hubs(
    targets: Sequence[Target],
    *,
    at_once: int = 2,
    limits: TimeLimits | None = None,
    report: Callable[[ProbeResult], None] | None = None,
    tell: Callable[[str, StageName], None] = lambda _hub, _stage: None,
) -> list[ProbeResult]:
    """Probe many hubs; results in the order of `targets`, each reported as soon as it is known.

    `tell` is called when a stage of a hub begins.

    A probe is bound by CPU: more at once than the machine has processors only makes each slower.
    """
    room = asyncio.Semaphore(at_once)

    async def one(target: Target) -> ProbeResult:
        async with room:
            found = await probe_hub(
                target, limits=limits, tell=lambda stage: tell(target.hub, stage)
            )
        if report is not None:
            report(found)
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(target)) for target in targets]
    return [task.result() for task in tasks]


class _StageError(Exception):
    """What went wrong in a stage; `cause` None leaves the blame to the stage's usual one."""

    def __init__(self, detail: str, cause: Cause | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cause = cause


class _ConsoleAwayError(Exception):
    """People cannot sign in, and the hub is not to blame."""


class _Visit:
    """One probe of one hub, and what it must clean up."""

    def __init__(
        self,
        target: Target,
        session: aiohttp.ClientSession,
        limits: TimeLimits,
        tell: Callable[[StageName], None],
    ) -> None:
        self._tell = tell
        self._target = target
        self._session = session
        self._limits = limits
        self._deadline = time.monotonic() + limits.whole
        self._authorization = {"Authorization": f"token {target.token}"}
        self._user_api = f"{target.url}hub/api/users/{quote(target.user, safe='')}"
        self._mark: dict[str, Any] | None = None
        self._doing = ""
        self._blame: Cause | None = None
        self._beside: Cause | None = None
        self._clock = ""
        self._server_url = ""
        self._kernel_id = ""
        self._talk: Kernel | None = None

    async def walk(self) -> list[Stage]:
        """All stages up to the first that fails, then the clean-up."""
        stages: list[Stage] = []
        try:
            for name in STAGES[:-1]:
                stages.append(await self._run(name))
                if not stages[-1].ok:
                    break
        finally:
            stages.append(await self._run("cleanup"))
        return stages

    async def _run(self, name: StageName) -> Stage:
        self._tell(name)
        began = time.monotonic()
        limit = self._limits.of(name)
        if name != "cleanup":
            # Whatever happens, the clean-up keeps its share of the whole time.
            limit = min(limit, self._deadline - self._limits.cleanup - began)
        self._doing, self._blame = "no result", None
        self._beside = None
        detail, cause, ok = "", None, False
        try:
            async with asyncio.timeout(max(limit, 0)):
                detail = await getattr(self, f"_{name.replace('-', '_')}")()
            ok, cause = True, self._beside
        except _StageError as failed:
            detail, cause = failed.detail, failed.cause
        except KernelError as failed:
            detail, cause = str(failed), "kernel"
        except TimeoutError:
            detail, cause = f"{self._doing} within {max(limit, 0):.3g} s", self._blame
            if name == "proxy":
                cause = await self._who_hangs(min(SECONDS, max(limit, 0)))
        except aiohttp.ClientConnectorCertificateError as failed:
            detail, cause = why_not_trusted(failed.certificate_error), "certificate"
        except (aiohttp.ClientError, OSError) as failed:
            detail = f"the connection failed: {_plain(failed)}"
        except (ValueError, KeyError, TypeError, AttributeError):
            detail = "the answer was not understood"
        return Stage(name, ok, time.monotonic() - began, detail, cause)

    async def _name(self) -> str:
        if self._target.connect_to is not None:
            host, port = self._target.connect_to
            return f"reached at {host}:{port}"
        name = host_of(self._target)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, port_of(self._target))
        except OSError as failed:
            raise _StageError(f"{name} does not resolve: {_plain(failed)}") from failed
        return f"{name} is {found[0][4][0]}"

    async def _proxy(self) -> str:
        async with self._call("GET", f"{self._target.url}hub/health", public=True) as answer:
            return f"answers with {answer.status}"

    async def _who_hangs(self, seconds: float) -> Cause:
        """Who kept the first request waiting; takes at most twice as long."""
        name = host_of(self._target)
        context = trusting() if self._target.url.startswith("https:") else None
        address = self._target.connect_to or (name, port_of(self._target))
        return await who_hangs(address, name, context, seconds)

    async def _hub(self) -> str:
        async with self._call("GET", f"{self._target.url}hub/health", public=True) as answer:
            if answer.status == 404:
                raise _StageError("the proxy knows no hub of this name", "proxy")
            if answer.status == 503:
                raise _StageError("the proxy gets no answer from the hub")
            if answer.status != 200:
                raise _StageError(f"/hub/health answers with {answer.status}")
        async with self._call("GET", f"{self._target.url}hub/api/", public=True) as answer:
            version = _version(await answer.text()) if answer.status == 200 else None
            self._clock = answer.headers.get("Date", "")
        if version is None:
            raise _StageError("what answers under this name is not a JupyterHub", "proxy")
        return f"JupyterHub {version}"

    async def _sign_in(self) -> str:
        try:
            way = await self._way_in()
        except _ConsoleAwayError as away:
            way, self._beside = str(away), "console"
        if self._beside is None and (late := skew(self._clock)):
            way, self._beside = f"{way}, but {late}", "sign-in"
        asked = time.monotonic()
        async with self._call("GET", self._user_api) as answer:
            took = time.monotonic() - asked
            if answer.status >= 500:
                raise _StageError(f"the hub's API answers {answer.status}", "hub")
            if answer.status in {401, 403}:
                if took > _SLOW_REFUSAL:
                    # JupyterHub refuses everybody when it cannot read who they are.
                    raise _StageError(f"{_NO_DATABASE}: it took {took:.0f} s to refuse", "hub")
                raise _StageError("the hub does not accept the probe's token")
            if answer.status == 200:
                return f"{way}, the token is accepted"
        async with self._call("POST", self._user_api) as answer:
            if answer.status not in {201, 409}:
                raise _StageError(
                    f"the user {self._target.user} does not exist and the hub refused to make it "
                    f"({answer.status})"
                )
        return f"{way}, the probe's user was made"

    async def _way_in(self) -> str:
        """The pages that a person meets before they prove who they are, here or elsewhere."""
        address = f"{self._target.url}hub/login"
        for _ in range(_MOST_PAGES):
            async with self._call("GET", address, public=True) as answer:
                leads_to = answer.headers.get("Location") if 300 <= answer.status < 400 else None
                if answer.status in {502, 503} and "oauth_login" in address:
                    if self._target.console is not None:
                        raise _ConsoleAwayError("the console does not answer the hub")
                    raise _StageError("the service that people sign in with does not answer")
                if answer.status != 200 and leads_to is None:
                    raise _StageError(f"the sign-in page answers with {answer.status}")
                page = await answer.text()
            if leads_to is None:
                if "<form" in page and 'name="_xsrf"' in page:
                    return "the form is there"
                button = _TO_PROVIDER.search(page)
                if button is None:
                    raise _StageError("the sign-in page has no working form")
                leads_to = html.unescape(button[1])
            address = urljoin(address, leads_to)
            host = urlsplit(address).hostname or ""
            if host != host_of(self._target):
                return await self._elsewhere(address, host)
        raise _StageError("the sign-in page leads in a circle")

    async def _elsewhere(self, address: str, host: str) -> str:
        """People sign in at another service: its page must be there, and know this hub."""
        try:
            async with self._call("GET", address, public=True) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError) as failed:
            if self._is_console(address):
                raise _ConsoleAwayError(f"the console: {_plain(failed)}") from failed
            raise _StageError(f"people sign in at {host}: {_plain(failed)}") from failed
        if status in {400, 404}:
            raise _StageError(
                f"people sign in at {host}, which answers {status}: does it know this hub and "
                "its callback address?"
            )
        if status >= 500:
            if self._is_console(address):
                raise _ConsoleAwayError(f"the console answers {status}")
            raise _StageError(f"people sign in at {host}, which answers {status}")
        return f"people sign in at {host}"

    def _is_console(self, address: str) -> bool:
        return self._target.console is not None and address.startswith(f"{self._target.console}/")

    async def _spawn(self) -> str:
        waited = 0.0
        while True:
            self._doing, self._blame = "another probe of this hub did not end", "capacity"
            waited += await self._wait_for_turn()
            self._doing, self._blame = "the server was not ready", None
            self._mark = begin_mark(self._limits.whole)
            options = {MARK: self._mark}
            async with self._call("POST", f"{self._user_api}/server", json=options) as answer:
                refused = answer.status not in {201, 202}
                message = await _message(answer) if refused else ""
                status = answer.status
            # Another probe that began at the same moment may have been first.
            if await self._other_mark() is None:
                break
            end_mark(self._mark)
            self._mark = None
        if refused:
            raise _StageError(message, _REFUSALS.get(status))
        self._server_url = urljoin(self._target.url, await self._follow_progress())
        return f"waited {waited:.1f} s for another probe" if waited > _POLL_SECONDS else "ready"

    async def _wait_for_turn(self) -> float:
        """Seconds waited until no server of the probe's user was left."""
        began = time.monotonic()
        stopping = False
        while (server := await self._own_server()) is not None:
            mark = (server.get("user_options") or {}).get(MARK)
            if is_left_over(mark) and not stopping:
                await self._stop_server()
                stopping = True
            await asyncio.sleep(_POLL_SECONDS)
        return 0.0 if stopping else time.monotonic() - began

    async def _other_mark(self) -> Any:
        """The mark on the running server when it is somebody else's."""
        server = await self._own_server()
        mark = None if server is None else (server.get("user_options") or {}).get(MARK)
        return None if mark == self._mark else mark

    async def _own_server(self) -> dict[str, Any] | None:
        """What the hub says about the probe user's server; None when none runs or starts."""
        async with self._call("GET", self._user_api) as answer:
            if answer.status != 200:
                raise _StageError(f"the hub says {answer.status} about the probe's own user")
            servers: dict[str, dict[str, Any]] = (await answer.json()).get("servers") or {}
        return servers.get("")

    async def _follow_progress(self) -> str:
        """The path of the server, once the hub says that it is ready."""
        async with self._call("GET", f"{self._user_api}/server/progress") as answer:
            if answer.status != 200:
                raise _StageError(await _message(answer))
            async for line in answer.content:
                if not line.startswith(b"data:"):
                    continue
                event = json.loads(line.removeprefix(b"data:"))
                if event.get("failed"):
                    raise _StageError(str(event.get("message") or "the spawn failed"))
                if event.get("ready"):
                    return str(event["url"])
        raise _StageError("the hub stopped telling before the server was ready")

    async def _server(self) -> str:
        async with self._call("GET", f"{self._server_url}api/status") as answer:
            if answer.status in {302, 401, 403}:
                raise _StageError("the server does not accept the probe's token", "sign-in")
            if answer.status != 200:
                raise _StageError(f"the server answers with {answer.status}")
            started = (await answer.json())["started"]
        return f"runs since {started}"

    async def _kernel(self) -> str:
        # The server starts a kernel that dies again and again, and tells nobody before it lived.
        self._doing, self._blame = "the kernel did not answer", "environment"
        async with self._call("POST", f"{self._server_url}api/kernels", json={}) as answer:
            if answer.status != 201:
                raise _StageError(await _message(answer), "environment")
            self._kernel_id = (await answer.json())["id"]
        socket = await self._session.ws_connect(
            f"{self._server_url}api/kernels/{self._kernel_id}/channels",
            headers=self._authorization,
        )
        self._talk = Kernel(socket)
        try:
            await self._talk.wait_until_alive()
        except KernelError as failed:
            raise _StageError(f"{failed} before it answered", "environment") from failed
        return "alive"

    async def _code(self) -> str:
        # New numbers each time, so that no cache and no fixed answer can pass.
        one, two = random.randint(10**5, 10**6), random.randint(10**5, 10**6)  # noqa: S311
        await self._expect(f"print({one} * {two})", f"{one * two}\n", None)
        return f"{one} * {two} = {one * two}"

    async def _home(self) -> str:
        """The file goes where the server's file browser begins: people's files live there."""
        name, text = f"{_FILE_PREFIX}{secrets.token_hex(8)}.txt", secrets.token_hex(32)
        # Files of probes that were killed in the middle go first.
        await self._expect(
            "import pathlib\n"
            f"for old in pathlib.Path().glob('{_FILE_PREFIX}*.txt'): old.unlink()\n"
            f"print(pathlib.Path('{name}').write_text('{text}'))",
            f"{len(text)}\n",
            "storage",
        )
        async with self._call("GET", f"{self._server_url}api/contents/{name}") as answer:
            if answer.status != 200:
                raise _StageError(f"the new file cannot be read back ({answer.status})")
            kept = (await answer.json())["content"]
        gone = f"pathlib.Path('{name}').unlink()\nprint(pathlib.Path('{name}').exists())"
        await self._expect(gone, "False\n", "storage")
        if kept != text:
            raise _StageError("the new file holds something else than was written")
        return "a file was written, read back and deleted"

    async def _expect(self, code: str, text: str, cause: Cause | None) -> None:
        if self._talk is None:
            raise _StageError("there is no kernel")
        answer = await self._talk.run(code)
        if answer.status != "ok":
            raise _StageError(f"the code ended with {answer.error or answer.status}", cause)
        if answer.text != text:
            raise _StageError(
                f"the kernel answered {answer.text[:80]!r} instead of {text!r}", "kernel"
            )

    async def _cleanup(self) -> str:
        if self._mark is None:
            return "there was nothing to clean up"
        self._doing = "the server did not stop"
        try:
            if self._talk is not None:
                await self._talk.close()
            if await self._other_mark() is not None:
                return "the server belongs to another probe"
            await self._delete_kernel()
            await self._stop_server()
            while await self._own_server() is not None and await self._other_mark() is None:  # noqa: ASYNC110 - nobody could set an event
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            end_mark(self._mark)
        return "the server is gone"

    async def _delete_kernel(self) -> None:
        """The server's end would end it too; asking first shows that people can."""
        if not self._kernel_id:
            return
        url = f"{self._server_url}api/kernels/{self._kernel_id}"
        async with self._call("DELETE", url):
            pass

    async def _stop_server(self) -> None:
        async with self._call("DELETE", f"{self._user_api}/server") as answer:
            if answer.status not in {202, 204}:
                raise _StageError(await _message(answer))

    @asynccontextmanager
    async def _call(
        self, method: str, url: str, *, public: bool = False, json: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """`public` calls are those of somebody who has not signed in: without the token."""
        headers = {} if public else self._authorization
        async with self._session.request(
            method, url, headers=headers, json=json, allow_redirects=False
        ) as answer:
            yield answer


def _version(text: str) -> str | None:
    """What the hub's API says of itself; None for what is no JupyterHub."""
    try:
        version = json.loads(text)["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) else None


async def _message(answer: aiohttp.ClientResponse) -> str:
    """The hub's or server's own words for what went wrong."""
    text = await answer.text()
    try:
        said = json.loads(text)
        return str(said["message"] or said.get("reason") or f"answer {answer.status}")
    except (ValueError, KeyError, TypeError):
        return f"answer {answer.status}"


def _plain(failed: BaseException) -> str:
    error = getattr(failed, "os_error", failed)
    text = getattr(error, "strerror", None) or str(error) or type(failed).__name__
    return str(text)
