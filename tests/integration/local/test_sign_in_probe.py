"""The probe at a hub whose people sign in elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target
from hubfleet.probes.verdict import Stage
from tests.integration.local.standing_hub import StandingHub
from tests.integration.local.visitors import CLIENT, hub_with
from tests.integration.oidc_provider import provider

pytestmark = pytest.mark.integration


async def sign_in_stage(hub: StandingHub) -> tuple[str, Stage]:
    target = Target(
        hub.folder.name,
        hub.url,
        ("127.0.0.1", hub.proxy.port),
        PROBE_USER,
        hub.secrets.probe_token,
    )
    found = await probe_hub(target)
    return found.verdict, next(stage for stage in found.stages if stage.name == "sign-in")


@pytest.mark.parametrize("face", [{}, {"about": "A face comes before the provider."}])
async def test_a_hub_is_healthy_while_its_provider_answers(
    tmp_path: Path, face: dict[str, str]
) -> None:
    async with provider() as running:
        oidc = {"name": "Campus", "issuer": running.url}
        access = {"sign_in": "oidc", "client": CLIENT, "admins": ["ada"], "oidc": oidc}
        async with hub_with(tmp_path, running, access=access, page=face) as hub:
            verdict, stage = await sign_in_stage(hub)
            assert (verdict, stage.ok) != ("failed", False), stage
            assert stage.detail == "people sign in at 127.0.0.1, the token is accepted"
            callback, running.callback = running.callback, "http://elsewhere.example/"
            verdict, stage = await sign_in_stage(hub)
            assert verdict == "failed"
            assert stage.detail == (
                "people sign in at 127.0.0.1, which answers 400: does it know this hub and its "
                "callback address?"
            )
            running.callback = callback
            await running.stop()
            verdict, stage = await sign_in_stage(hub)
            assert verdict == "failed"
            assert stage.detail.startswith("people sign in at 127.0.0.1: ")
            hub.end()
            hub.start()
            await hub.ready()
            verdict, stage = await sign_in_stage(hub)
            assert verdict == "failed"
            assert stage.detail == "the service that people sign in with does not answer"
