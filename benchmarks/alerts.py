"""2,000 alerts in a burst: how long until all are stored and the incidents are right?

`python -m benchmarks.alerts [ALERTS] [HUBS]`: a fleet of so many hubs on ten clusters, each alert
told by a call of its own over HTTP to a console in a process of its own, eight at a time, as a
storm comes from Alertmanager when nothing is grouped; then the same again in one call for each
cluster. Every alert must be there and every hub in exactly one open incident for each kind.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from hubfleet.kit.clock import timestamp
from tests.fleets import write, write_fleet
from tests.places import free_port

KINDS = ("HubDown", "ServersDoNotStart", "NobodySignsIn", "VolumeFull")
AT_ONCE = 8


def fleet(root: Path, hubs: int, port: int) -> list[str]:
    """So many hubs on ten clusters."""
    names = [f"c{number % 25}/h{number}" for number in range(hubs)]
    write_fleet(root, {name: {"cluster": f"k{n % 10}"} for n, name in enumerate(names)})
    declared = (root / "fleet.yaml").read_text()
    place = f"http://localhost:{port}"
    write(root / "fleet.yaml", _with_console(declared, place))
    return names


def _with_console(text: str, place: str) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(text)
    found["service"]["console"] = {"address": place}
    return found


def alert(name: str, hub: str, cluster: str, starts: str) -> dict[str, Any]:
    labels = {
        "alertname": name, "hub": hub, "cluster": cluster, "community": hub.partition("/")[0],
        "priority": "P1",
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:16]
    return {
        "status": "firing", "labels": labels, "annotations": {"summary": f"{hub}: {name}"},
        "startsAt": starts, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": digest,
    }  # fmt: skip


def send(address: str, token: str, alerts: list[dict[str, Any]]) -> float:
    """Seconds until it was answered; tried again when it was not, as Alertmanager does."""
    body = json.dumps({"version": "4", "status": "firing", "alerts": alerts})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    began, place = time.monotonic(), urlsplit(address)
    for _ in range(10):
        connection = http.client.HTTPConnection("127.0.0.1", place.port or 80, timeout=120)
        try:
            connection.request("POST", "/api/alerts/alertmanager", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return time.monotonic() - began
            if answer.status < 500:
                raise RuntimeError(f"{answer.status}")
        except OSError:
            continue
        finally:
            connection.close()
    raise RuntimeError("no answer")


def main(count: int, hubs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="hubfleet-alerts-") as folder:
        root, state, port = Path(folder) / "fleet", Path(folder) / "state", free_port()
        names = fleet(root, hubs, port)
        where = ["--fleet", str(root), "--state", str(state)]
        hubfleet = [sys.executable, "-m", "hubfleet"]
        with subprocess.Popen(
            [*hubfleet, "serve", "--quiet", *where], stderr=subprocess.DEVNULL
        ) as process:
            try:
                address = f"http://localhost:{port}"
                _wait(port, process)
                made = subprocess.run(
                    [*hubfleet, "incident", "token", *where],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                before = sum(psutil.Process(process.pid).cpu_times()[:2])
                measure(address, made.stdout.strip(), names, count, where)
                used = sum(psutil.Process(process.pid).cpu_times()[:2]) - before
                print(f"the console used {used:.1f} s of CPU, its other work included")
            finally:
                process.terminate()
                process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the console ended") from None
        time.sleep(0.1)
    raise RuntimeError("the console does not answer")


def measure(address: str, token: str, names: list[str], count: int, where: list[str]) -> None:
    starts = timestamp()
    alerts = [
        alert(KINDS[n // len(names) % len(KINDS)], names[n % len(names)],
              f"k{n % len(names) % 10}", starts)
        for n in range(count)
    ]  # fmt: skip
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        took = sorted(pool.map(lambda one: send(address, token, [one]), alerts))
    seconds = time.monotonic() - began
    print(f"{count} alerts, a call each, {AT_ONCE} at a time: {seconds:.1f} s; "
          f"middle {took[len(took) // 2] * 1000:.0f} ms, longest {took[-1]:.2f} s")  # fmt: skip
    began = time.monotonic()
    for cluster in range(10):
        mine = [one for one in alerts if one["labels"]["cluster"] == f"k{cluster}"]
        send(address, token, mine)
    print(f"the same again in 10 calls: {time.monotonic() - began:.1f} s")
    _check(alerts, where)


def _check(alerts: list[dict[str, Any]], where: list[str]) -> None:
    command = [sys.executable, "-m", "hubfleet", "incident", "list", "--json", "--limit", "10000"]
    done = subprocess.run(
        [*command, *where], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    found = json.loads(done.stdout)["incidents"]
    pairs = [(hub, one["kind"]) for one in found for hub in one["hubs"]]
    wanted = {(one["labels"]["hub"], one["labels"]["alertname"]) for one in alerts}
    clusters = {(one["labels"]["cluster"], one["labels"]["alertname"]) for one in alerts}
    assert len(pairs) == len(set(pairs)) == len(wanted), (len(pairs), len(wanted))
    assert len(found) == len(clusters), (len(found), len(clusters))
    print(f"none lost: {len(wanted)} hubs and kinds in {len(found)} incidents, each once")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "2000", "500"][:2]))
