"""A real Prometheus with the rendered configuration reads a real hub's numbers."""

from __future__ import annotations

import http.client
import json
import re
import socket
import stat
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from hubfleet.monitoring.bundle import alerts_in
from hubfleet.monitoring.dashboards import queries
from tests.fleets import write_fleet
from tests.integration.monitoring.programs import program
from tests.places import LocalPlace, free_port, local_place, until

NOT_HERE = ("kube_", "kubelet_", "hubfleet:")
"""Numbers that something else than a hub tells."""


@contextmanager
def prometheus(binary: str, config: Path, data: Path) -> Iterator[str]:
    """Its address."""
    port = free_port()
    command = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)["data"]


def ask(address: str, expr: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = get(
            f"{address}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
        )["result"]
    except (urllib.error.URLError, ConnectionError):
        return []
    return found


def test_prometheus_reads_a_hubs_numbers_with_its_own_token(tmp_path: Path) -> None:
    binary = program("prometheus")
    fleet = tmp_path / "fleet"
    write_fleet(fleet, {"garden/prod": {}})
    with local_place(tmp_path / "state") as place:
        done = place.run("apply", "--yes", "--without-isolation", fleet=fleet)
        assert done.returncode == 0, done.stderr
        out = tmp_path / "out"
        done = place.run("monitoring", "render", "--to", str(out), fleet=fleet)
        assert done.returncode == 0, done.stderr
        token = place.state.hub("garden/prod").metrics_token
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert not any(
            token.read_text() in file.read_text() for file in out.rglob("*") if file.is_file()
        )
        _sooner(out / "prometheus.yml")
        with prometheus(binary, out / "prometheus.yml", tmp_path / "data") as address:
            until(lambda: ask(address, 'up{hub="garden/prod"} == 1'), "the hub's numbers", 60)
            _names_exist(address, out)
            _reads_nothing_else(place, token.read_text())
            _down_is_seen(place, address)


def _sooner(config: Path) -> None:
    """Scrape every second; there is no Alertmanager."""
    content = yaml.safe_load(config.read_text())
    content["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    del content["alerting"]
    config.write_text(yaml.safe_dump(content))


def _names_exist(address: str, out: Path) -> None:
    """Every number that a rule or a dashboard asks for is one that a hub tells."""
    known = set(get(f"{address}/api/v1/label/__name__/values"))
    # A number without a sample yet, such as of sign-ins, is told by its name alone.
    told = get(f"{address}/api/v1/metadata")
    known |= {f"{name}{suffix}" for name in told for suffix in ("", "_count", "_bucket")}
    rules = [
        rule["expr"]
        for file in out.glob("rules/*.yml")
        for rule in alerts_in(yaml.safe_load(file.read_text()))
    ]
    asked = {
        name
        for expr in [*rules, *queries()]
        for name in re.findall(r"\b(\w+)\{", expr)
        if not name.startswith(NOT_HERE)
    }
    assert len(asked) > 6
    assert asked - known == set()
    statuses = {
        one["metric"]["status"]
        for one in ask(address, "jupyterhub_server_spawn_duration_seconds_count")
    }
    assert {"error", "failure", "success"} <= statuses


def _reads_nothing_else(place: LocalPlace, token: str) -> None:
    with socket.create_connection(("127.0.0.1", place.port), 5) as opened:
        request = http.client.HTTPConnection("prod-garden.localhost")
        request.sock = opened
        for path, status in (("/hub/metrics", 200), ("/hub/api/users", 403)):
            request.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = request.getresponse()
            answer.read()
            assert answer.status == status, path


def _down_is_seen(place: LocalPlace, address: str) -> None:
    assert place.run("down").returncode == 0
    until(lambda: ask(address, 'up{hub="garden/prod"} == 0'), "the hub's absence", 60)
