"""A real Alertmanager with the configuration that we render tells a real console of alerts."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from hubfleet.kit.clock import now, timestamp
from tests.consoles import console_fleet
from tests.integration.monitoring.programs import program
from tests.places import free_port, until

LABELS = {"alertname": "HubDown", "priority": "P1", "cluster": "reef", "community": "garden"}


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def running(command: list[str], url: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: answers(url), url, 90)
            yield
        finally:
            process.terminate()
            process.wait(30)


def hubfleet(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hubfleet", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sooner(config: Path) -> None:
    """Send at once; there is no mail server here."""
    content = yaml.safe_load(config.read_text())
    for route in (content["route"], *content["route"]["routes"]):
        route |= {"group_wait": "1s", "group_interval": "1s"}
    config.write_text(yaml.safe_dump(content))


def tell(address: str, hub: str, ends: str | None = None) -> None:
    """As Prometheus does."""
    one: dict[str, Any] = {
        "labels": {**LABELS, "hub": hub},
        "annotations": {"summary": f"{hub} does not answer"},
        "startsAt": timestamp(now() - timedelta(minutes=3)),
    }
    body = json.dumps([one if ends is None else {**one, "endsAt": ends}]).encode()
    asked = urllib.request.Request(
        f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.status == 200


def rows(state: Path, query: str) -> list[tuple[Any, ...]]:
    file = f"file:{state / 'office.sqlite'}?mode=ro"
    with closing(sqlite3.connect(file, uri=True, timeout=20)) as found:
        return found.execute(query).fetchall()


def test_a_real_alertmanager_opens_and_recovers_an_incident(tmp_path: Path) -> None:
    binary, state = program("prometheus-alertmanager"), tmp_path / "state"
    root, console = console_fleet(tmp_path / "fleet", {"garden/prod": {}, "garden/lab": {}})
    token = tmp_path / "alerts.token"
    declared = yaml.safe_load((root / "fleet.yaml").read_text())
    declared["service"]["monitoring"] = {
        "webhook": f"{console.replace('localhost', '127.0.0.1')}/api/alerts/alertmanager",
        "webhook_token_file": str(token),
    }
    (root / "fleet.yaml").write_text(yaml.safe_dump(declared))
    where = ("--fleet", str(root), "--state", str(state))
    hubfleet("monitoring", "render", "--to", str(tmp_path / "out"), "--fleet", str(root))
    config = tmp_path / "out" / "alertmanager.yml"
    sooner(config)
    address = f"http://127.0.0.1:{free_port()}"
    serve = [sys.executable, "-m", "hubfleet", "serve", "--quiet", *where]
    manager = [
        binary,
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address={address.removeprefix('http://')}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with running(serve, f"{console}/healthz"):
        hubfleet("incident", "token", "--to", str(token), *where)
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        with running(manager, f"{address}/-/ready"):
            tell(address, "garden/prod")
            tell(address, "garden/lab")
            until(
                lambda: rows(state, "SELECT count(*) FROM incidents_affected") == [(2,)],
                "both hubs in the record",
            )
            opened = rows(state, "SELECT id, title, priority, kind, state FROM incidents_incident")
            words = "2 hubs on reef: the address does not answer"
            assert opened == [(1, words, "P1", "hub-unreachable", "triggered")]
            assert rows(state, "SELECT count(*) FROM oncall_page") == [(1,)]
            for hub in ("garden/prod", "garden/lab"):
                tell(address, hub, timestamp(now() - timedelta(seconds=1)))
            until(
                lambda: (
                    rows(
                        state,
                        "SELECT count(*) FROM incidents_affected WHERE recovered_at IS NOT NULL",
                    )
                    == [(2,)]
                ),
                "their recovery",
            )
    told = json.loads(hubfleet("incident", "show", "1", "--json", *where))
    assert "HubDown: over" in [one["text"] for one in told["timeline"]]
