"""A real JupyterHub of an earlier major version, in an environment of its own.

Fetched from the package index; a test that needs it is skipped, visibly, where that is out of
reach.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.places import free_port, until

ADMIN_TOKEN = "a-token-of-the-test-0123456789abcdef"

CONFIG = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    routes = {}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return dict(self.routes)

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.admin_users = {"ada"}
c.Authenticator.allowed_users = {"bo", "cy"}
c.JupyterHub.load_groups = {"researchers": {"users": ["bo", "cy"]}}
c.JupyterHub.services = [{"name": "test", "admin": True, "api_token": TOKEN}]
c.JupyterHub.load_roles = [
    {"name": "test", "scopes": ["admin:users", "tokens", "list:users"], "services": ["test"]}
]
c.JupyterHub.cookie_secret = bytes(32)
c.JupyterHub.hub_port = PORT
# The database may know servers that run, and they are none of its business.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = "sqlite:///" + DATABASE
"""


@dataclass(frozen=True)
class OldHub:
    """One that runs."""

    port: int

    def ask(self, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
        """A call of its API."""
        return ask(self.port, method, path, token, body)


def ask(
    port: int, method: str, path: str, token: str, body: Any = None, host: str | None = None
) -> tuple[int, Any]:
    """Status and JSON of a call to a hub's API on a loopback port."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Authorization": f"token {token}"} | ({"Host": host} if host else {})
        line.request(method, f"/hub/api/{path}", json.dumps(body or {}), headers)
        answer = line.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    except OSError:
        return 0, None
    finally:
        line.close()


def install(folder: Path, version: str) -> Path:
    """The Python of an environment with this JupyterHub; skips the test when it cannot be had."""
    python = folder / "bin" / "python"
    for command in (
        ["venv", "-q", "--python", sys.executable, str(folder)],
        ["pip", "install", "-q", "--python", str(python), f"jupyterhub=={version}"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "uv", *command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"JupyterHub {version} cannot be installed here: {done.stderr[-300:]}")
    return python


@contextmanager
def running(python: Path, database: Path) -> Iterator[OldHub]:
    """Run the old JupyterHub on a database until the end of the block."""
    folder = database.parent
    port = free_port()
    known = f"TOKEN, PORT, DATABASE = {ADMIN_TOKEN!r}, {port}, {str(database)!r}\n"
    (folder / "config.py").write_text(known + CONFIG)
    command = [str(python), "-m", "jupyterhub", "-f", str(folder / "config.py")]
    log = folder / "old.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=output,
            env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "none"},
        )
    hub = OldHub(port)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        return hub.ask("GET", "users", ADMIN_TOKEN)[0] == 200

    try:
        until(answers, "the old JupyterHub")
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def old_database(python: Path, database: Path) -> str:
    """Have the old JupyterHub make a database; returns a token of `bo` that it gave out."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with running(python, database) as hub:
        status, made = hub.ask("POST", "users/bo/tokens", ADMIN_TOKEN, {"note": "mine"})
        assert status in (200, 201), made
        assert hub.ask("POST", "users/dee", ADMIN_TOKEN)[0] == 201
    return str(made["token"])
