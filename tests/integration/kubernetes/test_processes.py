"""A process of its own for each cluster: what it knows, what it shows, and how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from hubfleet.kit.errors import TransientError
from tests.control_plane.control_plane import ADMIN_TOKEN
from tests.integration.kubernetes.acting import HUB, bring_up, create, seen
from tests.places import until

pytestmark = pytest.mark.integration


def workers() -> list[psutil.Process]:
    """The processes of clusters, children of the nursery."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "hubfleet.platforms.kubernetes.nursery" in " ".join(child.cmdline())
        and (parent := child.parent()) is not None
        and parent.pid != os.getpid()
    ]


def test_a_cluster_s_process_has_nothing_of_the_others(place, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "canary-of-tide")
    monkeypatch.setenv("HUBFLEET_SECRET_KEY", "canary-of-the-fleet")
    fleet = place.fleet("one", {"ant/prod": {"cluster": "tide"}, "bee/prod": {"cluster": "reef"}})
    file = fleet.root / "clusters" / "tide.yaml"
    file.write_text(
        file.read_text().replace(
            "kubernetes:\n", "kubernetes:\n  pass_environment: [AWS_PROFILE]\n"
        )
    )
    from hubfleet.fleet.load import load_fleet

    platform = place.platform(load_fleet(fleet.root))
    platform.observe("tide")
    platform.observe("reef")

    found = workers()
    assert len(found) == 2
    for process in found:
        said = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"canary" not in said, "what a process was started with is what all clusters share"
        assert ADMIN_TOKEN.encode() not in said
    (nursery,) = {process.ppid() for process in found}
    assert b"canary" not in Path(f"/proc/{nursery}/environ").read_bytes()


def test_tokens_and_passwords_stand_in_no_file_and_no_argument(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    platform.snapshot(HUB)
    sign_in, door = platform.sign_in(HUB), platform.door(HUB)
    assert (sign_in.method, sign_in.admins) == ("shared-password", ("ada",))
    secrets = [sign_in.password, sign_in.admin_password, door.token]
    assert all(secrets)
    # The cluster keeps them; the folder of this machine and the records do not.
    for path in (place.folder / "state").rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert not [one for one in [*secrets, ADMIN_TOKEN] if one.encode() in text], path
    record = place.api.read(f"/api/v1/namespaces/{place.namespace(HUB)}/configmaps/hubfleet")
    assert not [one for one in secrets if one in json.dumps(record)]
    for process in psutil.Process().children(recursive=True):
        assert ADMIN_TOKEN not in " ".join(process.cmdline())


def test_a_process_that_was_killed_is_told_and_replaced(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    create(platform, fleet)
    (worker,) = workers()
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(TransientError) as caught:
        until(lambda: platform.observe("reef") is None, "the call to fail")
    assert caught.value.problems[0].code == "cluster-process-ended"
    assert seen(platform).state == "running"


def test_closing_leaves_no_process(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    platform.observe("reef")
    assert workers()
    platform.end()
    until(lambda: not workers(), "the processes to end")


def test_logs_come_from_the_hub_s_pod_and_follow(place):
    fleet = place.fleet("one", {HUB: {}})
    platform = place.platform(fleet)
    bring_up(platform, fleet)
    (line,) = platform.logs(HUB, lines=5, follow=False)
    assert line.startswith("JupyterHub is now running in hub-")
    assert next(iter(platform.logs(HUB, lines=1, follow=True))) == line
