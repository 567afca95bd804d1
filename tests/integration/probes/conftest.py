"""A real JupyterHub with a real proxy, which tests break in one place each."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubfleet.probes.target import Target
from tests.places import free_port

USER = "hubfleet-probe"
NAME = "prod-reef.localhost"

CONFIG = """
import sys
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{public}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}/"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/homes/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--KernelManager.transport=ipc"]
c.Spawner.environment = {{"JUPYTER_RUNTIME_DIR": {runtime!r}, "IPYTHONDIR": "{folder}/ipython"}}
c.JupyterHub.services = [{{"name": "probe", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "probe", "services": ["probe"], "scopes": {scopes!r}}}]
import jupyterhub.utils
jupyterhub.utils.exponential_backoff.__defaults__ = (0.1, 1.3, 0.3) + (
    jupyterhub.utils.exponential_backoff.__defaults__[3:]
)
"""
SCOPES = [f"{scope}!user={USER}" for scope in ("servers", "access:servers", "admin:users")]


class RunningHub:
    """A JupyterHub process, its addresses and its token."""

    def __init__(self, folder: Path, proxy: str, extra: str, scopes: list[str]) -> None:
        self.folder = folder
        self.public, self.hub, self.api = free_port(), free_port(), free_port()
        self.token = secrets.token_hex(16)
        self.runtime = Path("/tmp") / f"hf-{secrets.token_hex(4)}"  # sockets need short paths
        self.runtime.mkdir(mode=0o700)
        config = CONFIG.format(
            public=self.public,
            hub=self.hub,
            api=self.api,
            proxy=proxy,
            folder=folder,
            runtime=str(self.runtime),
            token=self.token,
            scopes=scopes,
        )
        (folder / "jupyterhub_config.py").write_text(config + extra)
        self.log = folder / "hub.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"],
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    @property
    def target(self) -> Target:
        url = f"http://{NAME}:{self.public}/"
        return Target("reef/prod", url, ("127.0.0.1", self.public), USER, self.token)

    def servers(self) -> dict[str, object]:
        """The probe user's servers that run or start."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.hub}/hub/api/users/{USER}",
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return dict(json.load(answer)["servers"])

    def proxy_pid(self) -> int:
        return int((self.folder / "jupyterhub-proxy.pid").read_text())

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                health = f"http://127.0.0.1:{self.public}/hub/health"
                with urllib.request.urlopen(health, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
        raise RuntimeError(self.log.read_text()[-3000:])

    def stop(self) -> None:
        """Every process of the hub's sessions: the hub, its proxy, its servers, their kernels."""
        for pid in self._family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(10)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def _family(self) -> list[int]:
        """Processes that carry this hub's own folder or port in their environment or arguments."""
        marks = (str(self.folder).encode(), str(self.runtime).encode())
        found = [self.process.pid]
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                cwd = bytes((entry / "cwd").readlink())
                told = (entry / "environ").read_bytes() + cwd
            except OSError:
                continue
            if any(mark in told for mark in marks):
                found.append(int(entry.name))
        return found


@pytest.fixture(scope="session")
def proxy_command(tmp_path_factory) -> str:
    """configurable-http-proxy, installed once for this user; skips where there is no npm."""
    found = shutil.which("configurable-http-proxy")
    if found:
        return found
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hubfleet-tests"
    command = cache / "node_modules/.bin/configurable-http-proxy"
    if not command.exists():
        if shutil.which("npm") is None:
            pytest.skip("these tests need npm, to install configurable-http-proxy")
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                "npm",
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                str(cache),
                "configurable-http-proxy@5.3.0",
            ],
            check=True,
            capture_output=True,
        )
    return str(command)


@pytest.fixture
def start_hub(tmp_path, proxy_command) -> Iterator[Callable[..., RunningHub]]:
    """Starts a hub whose configuration may get further lines and other scopes."""
    hubs: list[RunningHub] = []

    def start(extra: str = "", scopes: list[str] = SCOPES) -> RunningHub:
        hubs.append(RunningHub(tmp_path, proxy_command, extra, scopes))
        return hubs[-1]

    yield start
    for hub in hubs:
        hub.stop()
