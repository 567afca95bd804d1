"""Fleets of any size as ordinary files on disk, for benchmarks and tests.

As a program: `python -m benchmarks.fleets FOLDER HUBS` writes one.
"""

from __future__ import annotations

import sys
from pathlib import Path

FLEET = """\
service:
  name: Generated Hubs
  operator: Example Foundation
  contact: hubs@example.org
  domain: localhost
  timezone: UTC
rollout: {max_parallel: 8, stop_after_failures: 1}
defaults:
  interface: lab
  limits: {memory: 1G, cpu: 1}
  culling: {idle: 1h}
"""

CLUSTER = """\
platform: local
region: region-{region}
tenancy: shared
defaults:
  limits: {{cpu: 2}}
"""

COMMUNITY = """\
name: Community {number}
representatives:
  - {{name: Representative {number}, email: rep-{number}@example.org, login: rep-{number}}}
responsibilities: {{define-environment: community}}
agreement: {{price_list: 2022-01, cell: research/shared, start: 2022-02-01}}
defaults:
  cluster: cluster-{cluster}
  groups: {{researchers: [user-{number}]}}
"""

HUB = """\
# The hub {hub} of community {number}.
stage: {stage}
access:
  sign_in: shared-password
  admins: [rep-{number}]
  allow: {{users: [user-{number}, guest-{number}]}}
environment:
  packages: ["numpy>=2", pandas]
limits: {{memory: 2G}}
profiles:
  - {{name: Small, default: true}}
  - {{name: Large, limits: {{memory: 8G}}, groups: [researchers]}}
jupyterhub:
  config:
    JupyterHub: {{concurrent_spawn_limit: 10}}
"""


def write_fleet(
    root: Path, *, hubs: int, clusters: int | None = None, communities: int | None = None
) -> Path:
    """Write a sound fleet below `root`: by default a fifth as many clusters, and one hub each.

    A community's only hub has `gate: none`; with more hubs the first one is staging.
    """
    clusters = clusters or max(1, hubs // 5)
    communities = communities or hubs
    root.mkdir(parents=True, exist_ok=True)
    (root / "fleet.yaml").write_text(FLEET)
    (root / "clusters").mkdir(exist_ok=True)
    for number in range(clusters):
        text = CLUSTER.format(region=number % 7)
        (root / "clusters" / f"cluster-{number}.yaml").write_text(text)
    for number in range(communities):
        folder = root / "communities" / f"community-{number}"
        (folder / "hubs").mkdir(parents=True, exist_ok=True)
        text = COMMUNITY.format(number=number, cluster=number % clusters)
        (folder / "community.yaml").write_text(text)
        _write_hubs(folder / "hubs", number, len(range(number, hubs, communities)))
    return root


def _write_hubs(folder: Path, community: int, count: int) -> None:
    for index in range(count):
        staging = count > 1 and index == 0
        name = "staging" if staging else f"hub-{index}"
        text = HUB.format(hub=name, number=community, stage="staging" if staging else "production")
        if count == 1:
            text += "gate: none\n"
        (folder / f"{name}.yaml").write_text(text)


if __name__ == "__main__":
    write_fleet(Path(sys.argv[1]), hubs=int(sys.argv[2]))
