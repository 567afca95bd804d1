"""A real Alertmanager with the rendered routes: one page for a cluster, and a watchdog's beat."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from hubfleet.fleet.load import load_fleet
from hubfleet.monitoring.bundle import routes_of
from tests.fleets import write_fleet
from tests.integration.monitoring.programs import program
from tests.places import free_port, until
from tests.unit.monitoring.fleets import watched


@contextmanager
def listener() -> Iterator[tuple[str, dict[str, list[dict[str, Any]]]]]:
    """An address that keeps what it is sent, by path."""
    heard: dict[str, list[dict[str, Any]]] = {}

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.setdefault(self.path, []).append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def alertmanager(config: Path, data: Path) -> Iterator[str]:
    port = free_port()
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def test_hubs_of_a_cluster_that_is_down_are_held_back_and_the_watchdog_beats(
    tmp_path: Path,
) -> None:
    program("prometheus-alertmanager")
    with listener() as (address, heard):
        config = tmp_path / "alertmanager.yml"
        config.write_text(yaml.safe_dump(_sooner(_routes(tmp_path / "fleet", address))))
        with alertmanager(config, tmp_path / "data") as at:
            _tell(
                at,
                {"alertname": "ClusterDown", "cluster": "reef", "priority": "P1"},
                {"alertname": "HubDown", "cluster": "reef", "hub": "ant/prod", "priority": "P1"},
                {"alertname": "HubDown", "cluster": "cove", "hub": "bee/prod", "priority": "P1"},
                {"alertname": "Watchdog", "priority": "P4"},
            )
            until(lambda: len(_told(heard, "/record")) > 1 and "/beat" in heard, "the alerts", 30)
            assert _told(heard, "/record") == {("ClusterDown", ""), ("HubDown", "bee/prod")}
            assert _told(heard, "/beat") == {("Watchdog", "")}
            [held] = [
                alert["labels"]["hub"]
                for alert in _get(f"{at}/api/v2/alerts")
                if alert["status"]["inhibitedBy"]
            ]
            assert held == "ant/prod"


def _routes(root: Path, address: str) -> dict[str, Any]:
    write_fleet(root, {"ant/prod": {}, "bee/prod": {"cluster": "cove"}})
    file = root / "fleet.yaml"
    said = f"{{webhook: '{address}/record', watchdog: '{address}/beat'}}"
    file.write_text(file.read_text().replace("service:\n", f"service:\n  monitoring: {said}\n", 1))
    return routes_of(watched(load_fleet(root)))


def _sooner(config: dict[str, Any]) -> dict[str, Any]:
    """A short wait for more alerts of a group; long enough to see what holds others back."""
    for route in (config["route"], *config["route"]["routes"]):
        route["group_wait"] = "1s"
    return config


def _tell(at: str, *alerts: dict[str, str]) -> None:
    body = json.dumps([{"labels": labels} for labels in alerts]).encode()
    request = urllib.request.Request(
        f"{at}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )

    def sent() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    until(sent, "Alertmanager", 30)


def _told(heard: dict[str, list[dict[str, Any]]], path: str) -> set[tuple[str, str]]:
    return {
        (alert["labels"]["alertname"], alert["labels"].get("hub", ""))
        for body in heard.get(path, [])
        for alert in body["alerts"]
    }


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)
