"""The stages before a hub is known to be one, against small servers that answer wrongly."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target, TimeLimits

WHOLE = TimeLimits(proxy=0.2, hub=0.2, cleanup=0.2, whole=2)


@asynccontextmanager
async def answering(handler):
    """A server on a free port under a name that only browsers resolve."""
    server = web.Server(handler)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield Target("a/b", f"http://b-a.localhost:{port}/", ("127.0.0.1", port), "u", "s3cret")
    finally:
        await runner.cleanup()


async def test_a_name_that_does_not_resolve_is_the_networks_fault():
    target = Target("a/b", "http://hubfleet.invalid/", None, "u", "s3cret")
    found = await probe_hub(target)
    assert found.verdict == "failed"
    assert found.cause.startswith(
        "network: the hub's name or machine cannot be reached (hubfleet.invalid does not resolve: "
    )


async def test_a_name_that_the_proxy_does_not_know_is_the_proxys_fault():
    async def unknown(request):
        return web.Response(status=404)

    async with answering(unknown) as target:
        found = await probe_hub(target)
    assert found.cause == (
        "proxy: the proxy in front of the hub does not answer for it "
        "(the proxy knows no hub of this name)"
    )


@pytest.mark.parametrize("body", ["<html>", "[]", '{"version": 7}', "{}"])
async def test_another_service_under_the_hubs_name_is_not_taken_for_a_hub(body):
    async def other(request):
        return web.Response(text=body, content_type="application/json")

    async with answering(other) as target:
        found = await probe_hub(target)
    assert [stage.name for stage in found.stages if stage.ok] == ["name", "proxy", "cleanup"]


async def test_the_hub_sees_its_own_name_and_strangers_no_token():
    seen = []

    async def listen(request):
        seen.append((request.headers["Host"], request.headers.get("Authorization")))
        return web.Response(status=500)

    async with answering(listen) as target:
        found = await probe_hub(target)
    assert found.verdict == "failed"
    assert {host for host, _ in seen} == {target.url.removeprefix("http://").rstrip("/")}
    assert {token for _, token in seen} == {None}


async def test_a_server_that_never_answers_does_not_hold_the_probe():
    never = asyncio.Event()

    async def hang(request):
        await never.wait()
        return web.Response()

    began = time.monotonic()
    async with answering(hang) as target:
        found = await probe_hub(target, limits=WHOLE)
        never.set()
    assert found.stages[1].detail == "no result within 0.2 s"
    assert time.monotonic() - began < WHOLE.whole
