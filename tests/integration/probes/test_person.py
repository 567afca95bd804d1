"""The probe against a real JupyterHub, whole and broken in one place each."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal

import pytest

from hubfleet.probes.person import probe_hub, probe_hubs
from hubfleet.probes.target import TimeLimits
from hubfleet.probes.verdict import NOT_REACHED, STAGES, ProbeResult

pytestmark = pytest.mark.integration


def broken_stage(found: ProbeResult) -> str:
    """The first stage that went wrong, and that nothing after it but the clean-up ran."""
    names = [stage.name for stage in found.stages if not stage.ok]
    first = STAGES.index(names[0])
    for stage in found.stages[first + 1 : -1]:
        assert stage.detail == NOT_REACHED
    return names[0]


async def test_a_working_hub_is_healthy_and_left_as_it_was(start_hub):
    hub = start_hub()
    found = await probe_hub(hub.target)
    assert found.verdict == "healthy", found
    assert [stage.name for stage in found.stages] == list(STAGES)
    assert hub.servers() == {}
    assert not list((hub.folder / "homes" / "hubfleet-probe").glob("*.txt"))
    assert hub.token not in repr(found) + repr(hub.target) + str(found.as_json())


async def test_two_probes_of_one_hub_wait_for_each_other(start_hub):
    hub = start_hub()
    reported: list[ProbeResult] = []
    found = await probe_hubs([hub.target, hub.target], report=reported.append)
    assert [one.verdict for one in found] == ["healthy", "healthy"], found
    assert len(reported) == 2
    assert any("for another probe" in one.stages[4].detail for one in found)
    assert hub.servers() == {}


async def test_a_cancelled_probe_takes_its_server_with_it(start_hub):
    hub = start_hub()
    probe = asyncio.create_task(probe_hub(hub.target))
    await _until(lambda: _has_server(hub))
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert hub.servers() == {}
    assert (await probe_hub(hub.target)).verdict == "healthy"


async def test_a_server_that_a_crashed_probe_left_is_stopped_first(start_hub, monkeypatch):
    hub = start_hub()
    monkeypatch.setattr("hubfleet.probes.person._Visit._cleanup", _no_cleanup)
    assert (await probe_hub(hub.target)).verdict == "healthy"
    monkeypatch.undo()
    assert hub.servers()
    monkeypatch.setattr("hubfleet.probes.mark._running", set())
    assert (await probe_hub(hub.target)).verdict == "healthy"
    assert hub.servers() == {}


async def test_a_hub_that_is_down_is_blamed_not_its_proxy(start_hub):
    hub = start_hub("c.JupyterHub.cleanup_proxy = False\n")
    os.kill(hub.process.pid, signal.SIGKILL)
    hub.process.wait()
    found = await probe_hub(hub.target)
    assert found.verdict == "failed"
    assert broken_stage(found) == "hub"
    assert found.cause == (
        "hub: the hub itself does not answer (the proxy gets no answer from the hub)"
    )
    assert found.stages[-1].ok


async def test_a_proxy_that_is_down_and_a_wrong_token_are_told_apart(start_hub):
    hub = start_hub()
    found = await probe_hub(dataclasses.replace(hub.target, token="wrong"))
    assert broken_stage(found) == "sign-in"
    assert found.cause.startswith("sign-in: ")
    assert "does not accept the probe's token" in found.cause
    os.kill(hub.process.pid, signal.SIGSTOP)  # else the hub starts its proxy again
    os.kill(hub.proxy_pid(), signal.SIGKILL)
    found = await probe_hub(hub.target)
    assert broken_stage(found) == "proxy"
    assert found.cause.startswith("proxy: ")


async def test_a_token_that_may_not_make_its_user_says_so(start_hub):
    scopes = ["servers!user=hubfleet-probe", "access:servers!user=hubfleet-probe"]
    found = await probe_hub(start_hub(scopes=scopes).target)
    assert broken_stage(found) == "sign-in"
    assert "the user hubfleet-probe does not exist and the hub refused to make it" in found.cause


async def test_the_user_may_come_from_the_configuration_and_then_two_scopes_do(start_hub):
    scopes = ["servers!user=hubfleet-probe", "access:servers!user=hubfleet-probe"]
    extra = "c.JupyterHub.load_groups = {'probes': {'users': ['hubfleet-probe']}}\n"
    found = await probe_hub(start_hub(extra, scopes).target)
    assert found.verdict == "healthy", found


BREAKS = [
    ("c.Spawner.cmd = ['/bin/false']", "spawn", "spawner"),
    ("c.Spawner.cmd = ['sleep', '60']; c.Spawner.start_timeout = 60", "spawn", "spawner"),
    ("c.JupyterHub.concurrent_spawn_limit = -1", "spawn", "capacity"),
    (
        "import json, pathlib\n"
        "kernel = pathlib.Path('kernels/python3')\n"
        "kernel.mkdir(parents=True)\n"
        "spec = {'argv': ['/bin/false'], 'display_name': 'x', 'language': 'python'}\n"
        "(kernel / 'kernel.json').write_text(json.dumps(spec))\n"
        "c.Spawner.environment['JUPYTER_PATH'] = str(pathlib.Path.cwd())\n",
        "kernel",
        "environment",
    ),
]


@pytest.mark.parametrize(("extra", "stage", "cause"), BREAKS)
async def test_what_is_broken_is_found_at_its_stage(start_hub, extra, stage, cause):
    hub = start_hub(extra)
    found = await probe_hub(hub.target, limits=TimeLimits(spawn=15, kernel=12))
    assert found.verdict == "failed"
    assert (broken_stage(found), found.cause.split(":")[0]) == (stage, cause), found
    assert hub.servers() == {}


LIAR = """
import builtins
real = builtins.print
builtins.print = lambda *values, **more: real(*[value + 1 if isinstance(value, int) else value
                                                 for value in values], **more)
"""


async def test_a_kernel_that_answers_wrongly_is_found(start_hub):
    hub = start_hub()
    startup = hub.folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "liar.py").write_text(LIAR)
    found = await probe_hub(hub.target)
    assert broken_stage(found) == "code"
    assert found.cause.startswith("kernel: code does not run as it should (the kernel answered")
    assert hub.servers() == {}


async def test_a_home_that_takes_no_files_is_found(start_hub):
    hub = start_hub()
    startup = hub.folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    # Root may write anywhere: a limit on the size of files stops root as well.
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
    (startup / "full.py").write_text(full)
    found = await probe_hub(hub.target)
    assert broken_stage(found) == "home"
    assert found.cause.startswith("storage: ")


async def test_a_server_that_does_not_stop_makes_the_hub_degraded(start_hub):
    hub = start_hub(
        "from jupyterhub.spawner import SimpleLocalProcessSpawner\n"
        "class Stubborn(SimpleLocalProcessSpawner):\n"
        "    async def stop(self, now=False):\n"
        "        import asyncio\n"
        "        await asyncio.sleep(3600)\n"
        "c.JupyterHub.spawner_class = Stubborn\n"
        "c.JupyterHub.tornado_settings = {'slow_stop_timeout': 1}\n"
    )
    found = await probe_hub(hub.target, limits=TimeLimits(cleanup=3))
    assert found.verdict == "degraded"
    assert broken_stage(found) == "cleanup"
    assert found.cause == (
        "the probe could not clean up after itself (the server did not stop within 3 s)"
    )


def _has_server(hub) -> bool:
    try:
        return bool(hub.servers())
    except OSError:
        return False


async def _no_cleanup(self) -> str:
    return "left as it is"


async def _until(condition) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(condition):
            pass
