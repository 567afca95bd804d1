"""How long a tree of clusters takes to come in: `python -m benchmarks.imports` prints JSON.

30 clusters, 171 hubs, four layers each; CPU seconds of a fresh process, imports included, from the
first file read to the fleet checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

CLUSTERS, HUBS, LIMIT = 30, 171, 30.0

_CHILD = """
import sys, time
from typer.testing import CliRunner
from hubfleet.cli import app
done = CliRunner().invoke(app, ["import", "clusters-tree", sys.argv[1], "--into", sys.argv[2],
    "--representative", "Ada <ada@example.org>", "--json"])
assert '"hubs"' in done.stdout, done
print(time.process_time())
"""


def write_tree(root: Path) -> None:
    """Values of the size that real trees have: about 150 for the chart, 60 for a cluster."""
    chart = {"jupyterhub": {"singleuser": _many(100), "hub": {"extraConfig": _code(20)}}}
    _write(root / "helm-charts/basehub/values.yaml", chart)
    depends = [{"name": "jupyterhub", "version": "4.3.3"}]
    _write(root / "helm-charts/basehub/Chart.yaml", {"dependencies": depends})
    left = HUBS
    for number in range(CLUSTERS):
        count = 1 + (left - 1) // (CLUSTERS - number)
        left -= count
        _cluster(root / f"config/clusters/c{number}", f"c{number}", count)


def _cluster(folder: Path, name: str, count: int) -> None:
    config = {
        "JupyterHub": {"authenticator_class": "github"},
        "GitHubOAuthenticator": {"allowed_organizations": ["org-a", "org-b:team"]},
        "Authenticator": {"admin_users": ["ada", "bob"]},
    }
    profiles = [
        {"display_name": f"P{n}", "kubespawner_override": {"mem_limit": f"{n + 1}G", "uid": n}}
        for n in range(12)
    ]
    servers = {**_many(40), "profileList": profiles, "image": {"name": "a/b", "tag": "1"}}
    common = {"jupyterhub": {"hub": {"config": config}, "singleuser": servers}}
    _write(folder / "common.values.yaml", common)
    hubs = []
    for number in range(count):
        hub = "staging" if number == 0 else f"h{number}"
        values = {"jupyterhub": {"singleuser": {"memory": {"limit": "2G"}}, "cull": {"every": 60}}}
        _write(folder / f"{hub}.values.yaml", values)
        secret = {"GitHubOAuthenticator": {"client_secret": "ENC[AES256_GCM,data:x,type:str]"}}
        sops = {"jupyterhub": {"hub": {"config": secret}}, "sops": {"version": "3.9.0"}}
        _write(folder / f"enc-{hub}.secret.values.yaml", sops)
        files = ["common", hub, f"enc-{hub}.secret"]
        hubs.append(
            {
                "name": hub,
                "domain": f"{hub}.{name}.example.org",
                "helm_chart": "basehub",
                "helm_chart_values_files": [f"{file}.values.yaml" for file in files],
            }
        )
    _write(folder / "cluster.yaml", {"name": name, "provider": "gcp", "hubs": hubs})


def _many(count: int) -> dict[str, Any]:
    return {"extraEnv": {f"VARIABLE_{n}": str(n) for n in range(count)}}


def _code(count: int) -> dict[str, str]:
    return {f"part-{n}": "c.Spawner.args = []\n" * 20 for n in range(count)}


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value))


def measure() -> float:
    """CPU seconds of one import."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_tree(root / "tree")
        service = {"name": "X", "operator": "Y", "contact": "a@b.org", "domain": "example.org"}
        _write(root / "fleet/fleet.yaml", {"service": service})
        command = [sys.executable, "-c", _CHILD, str(root / "tree"), str(root / "fleet")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = len(list((root / "fleet").glob("communities/*/hubs/*.yaml")))
        if found != HUBS:
            raise RuntimeError(f"{found} hubs came in, not {HUBS}")
        return float(done.stdout)


def main() -> None:
    seconds = measure()
    row = {"benchmark": "import", "clusters": CLUSTERS, "hubs": HUBS, "limit": LIMIT}
    print(json.dumps({**row, "cpu_seconds": round(seconds, 2), "ok": seconds <= LIMIT}, indent=1))


if __name__ == "__main__":
    main()
