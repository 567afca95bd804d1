"""Jupyter's settings in people's pods, with a real Jupyter server that reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubfleet.platforms.kubernetes.rendering.values import render_values
from tests.places import free_port, until
from tests.unit.rendering.hubs import PINS, cluster_of, hub_of

pytestmark = pytest.mark.integration

FIELDS = {"downloads": False, "terminals": False, "culling": {"kernels": "30m"}}
TOKEN = "token-of-a-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the files that the pod would find; its address."""
    folder = tmp_path_factory.mktemp("pod")
    files = render_values(hub_of(FIELDS), cluster_of(), PINS)["singleuser"]["extraFiles"]
    home = folder / "home"
    home.mkdir()
    (home / "data.csv").write_text("1,2\n")
    for file in files.values():
        path = folder / "etc" / file["mountPath"].removeprefix("/usr/local/etc/jupyter/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(file["data"]))
    port = free_port()
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "etc")}
    environment |= {"JUPYTER_RUNTIME_DIR": str(folder / "run"), "HOME": str(folder)}
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    command += [f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--ServerApp.root_dir={home}", "--ServerApp.ip=127.0.0.1"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            until(lambda: asked(f"{address}/api/status")[0] == 200, "the server", 60)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def asked(address: str) -> tuple[int, Any]:
    request = urllib.request.Request(address, headers={"Authorization": f"token {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def test_files_are_read_and_not_handed_out(server: str) -> None:
    assert asked(f"{server}/files/data.csv")[0] == 404
    status, content = asked(f"{server}/api/contents/data.csv")
    assert (status, json.loads(content)["content"]) == (200, "1,2\n")


def test_there_are_no_terminals(server: str) -> None:
    assert asked(f"{server}/api/terminals")[0] == 404


def test_a_hub_that_offers_them_has_no_such_file() -> None:
    files = render_values(hub_of({"collaboration": True}), cluster_of(), PINS)["singleuser"]
    assert "extraFiles" not in files


def test_paths_are_where_every_image_looks(server: str) -> None:
    files = render_values(hub_of(FIELDS), cluster_of(), PINS)["singleuser"]["extraFiles"]
    from jupyter_core.paths import SYSTEM_CONFIG_PATH

    for file in files.values():
        assert any(Path(file["mountPath"]).is_relative_to(one) for one in SYSTEM_CONFIG_PATH)
