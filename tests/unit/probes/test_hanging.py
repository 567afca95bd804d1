"""Who keeps a request waiting, and whose clock is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from hubfleet.probes.clocks import skew
from hubfleet.probes.hanging import NOBODY, who_hangs
from hubfleet.probes.light import Address, LightLimits, check_hubs
from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target, TimeLimits
from tests.faults.stand_ins import answering, no_route

NAME = "prod-ant.localhost"


@asynccontextmanager
async def proxy(*, lives: bool) -> AsyncIterator[tuple[str, int]]:
    """Keeps requests for hubs waiting; one that lives answers for names that it does not know."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if lives and NOBODY.encode() in asked:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield host, port
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(("lives", "cause"), [(True, "hub"), (False, "proxy")])
async def test_a_proxy_that_lives_is_told_from_one_that_hangs(lives: bool, cause: str) -> None:
    async with proxy(lives=lives) as at:
        assert await who_hangs(at, NAME, None, 0.2) == cause
        address = Address("ant/prod", f"http://{NAME}:{at[1]}/", at)
        [light] = await check_hubs([address], limits=LightLimits(answer=0.2))
        assert (light.verdict, light.cause) == ("failed", cause)
        assert light.what.endswith("(no answer within 0.2 s)")
        target = Target("ant/prod", address.url, at, "probe", "token")
        found = await probe_hub(target, limits=TimeLimits(proxy=0.2))
        assert found.cause.replace("no result", "no answer") == light.what


async def test_a_way_that_leads_nowhere_is_the_networks() -> None:
    with no_route() as at:
        assert await who_hangs(at, NAME, None, 0.2) == "network"
        target = Target("ant/prod", f"http://{NAME}:{at[1]}/", at, "probe", "token")
        found = await probe_hub(target, limits=TimeLimits(proxy=0.2))
        assert found.cause == (
            "network: the hub's name or machine cannot be reached (no result within 0.2 s)"
        )


async def test_another_program_under_the_hubs_name_is_the_proxys_doing() -> None:
    with answering(200, b"<h1>It works!</h1>") as at:
        target = Target("ant/prod", f"http://{NAME}:{at[1]}/", at, "probe", "token")
        found = await probe_hub(target)
        assert found.cause.startswith("proxy: ")
        assert found.cause.endswith("(what answers under this name is not a JupyterHub)")


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (0, ""),
        (119, ""),
        (3600, "the hub's clock is 3600 s ahead of this machine's"),
        (-3600, "the hub's clock is 3600 s behind this machine's"),
    ],
)
def test_a_clock_that_is_far_off(second: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    monkeypatch.setattr("hubfleet.probes.clocks.now", lambda: moment)
    told = datetime.fromtimestamp(moment.timestamp() + second, UTC)
    assert skew(format_datetime(told, usegmt=True)) == words


@pytest.mark.parametrize("told", ["", "yesterday", "Sun, 31 Feb 2026 12:00:00 GMT", "0"])
def test_a_date_that_is_none_says_nothing(told: str) -> None:
    assert skew(told) == ""
