"""The bundle's pages for people: what to do with it, what to take on, what to make anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubfleet.fleet.model import Fleet
from hubfleet.fleet.responsibilities import split_of
from hubfleet.replicate.bundle.manifest import Promise, Told
from hubfleet.replicate.data.licences import Licence

_OWNERS = {"community": "the community", "operator": "the operator", "shared": "both"}


def readme(title: str, kind: str, hubs: Mapping[str, Promise]) -> str:
    """Steps with hubfleet, with the chart, and with JupyterHub alone."""
    lines = [
        f"# {title}",
        "",
        f"This is a whole {kind}: everything that is needed to run it elsewhere.",
    ]
    lines += ["It needs nobody's permission and no account of whoever ran it before.", ""]
    for name, promise in hubs.items():
        held = ["its declaration", f"{len(promise.users)} people"]
        held += ["the hub's database"] if promise.database else []
        held += [f"{len(promise.homes)} homes"] if promise.homes else []
        held += ["shared folders"] if promise.shared else []
        lines.append(f"- `{name}` ({promise.stage}): {', '.join(held)}")
    lines += ["", "Read PLACEHOLDERS.md first: what must be made anew, and what was left out.", ""]
    lines += [_WITH_HUBFLEET, _WITH_CHART, _PLAIN, _CHECKING]
    return "\n".join(lines)


_WITH_HUBFLEET = """## With hubfleet

```sh
pip install 'hubfleet[local,bundles]'
hubfleet replicate verify BUNDLE
hubfleet replicate import BUNDLE --into FLEET --cluster NAME --restore-data
```

`verify` stands a copy up on this machine, tries it as a person would, and takes it away again.
`import` adds the hub to a fleet of yours; `fleet/` in here is a whole fleet to begin with.
"""

_WITH_CHART = """## With Kubernetes and the Zero to JupyterHub chart

For each hub: copy `hubs/<hub>/secrets.example.yaml` to `secrets.yaml` and supply what it names.

```sh
helm upgrade --install HUB jupyterhub --repo https://hub.jupyter.org/helm-chart/ \\
  --version VERSION --values values.yaml --values secrets.yaml
```

`chart.yaml` beside it says which version; `objects.yaml`, where there is one, is applied first.
`IMAGES.json`, where there is one, lists the images with their digests: copy them while you can.
Where people's software was a list of packages, build an image of `environment/` with repo2docker.
"""

_PLAIN = """## With JupyterHub alone

```sh
cd hubs/<hub>/plain
python3 -m venv hub && hub/bin/pip install -r requirements.txt
npm install -g configurable-http-proxy
cp ../hub.sqlite jupyterhub.sqlite
python3 ../../../restore_homes.py .. homes
python3 ../../../make_environments.py .. environments
HUB_PASSWORD=... HUB_ADMIN_PASSWORD=... hub/bin/jupyterhub -f jupyterhub_config.py
```

Leave out `cp` where the bundle holds no database, and `restore_homes.py` where it holds no homes.
Without `make_environments.py` notebooks run in JupyterHub's own Python.
"""

_CHECKING = """## Checking it by hand

`manifest.json` has the SHA-256 and the size of every file.
`homes/<number>.tar` are ordinary archives; the manifest says whose each is.
"""


def placeholders(told: Iterable[Told], left_out: Iterable[Told]) -> str:
    """What must be made anew, and what stayed behind."""
    lines = ["# What must be made anew", ""]
    lines += _listed(told) or ["Nothing."]
    lines += ["", "# What was left out", ""]
    lines += _listed(left_out) or ["Nothing."]
    return "\n".join(lines) + "\n"


def _listed(told: Iterable[Told]) -> list[str]:
    lines = []
    for one in told:
        lines.append(f"- [ ] {one.what}")
        lines += [
            f"  {text}" for text in (one.why, f"To do: {one.cure}." if one.cure else "") if text
        ]
    return lines


def checklist(fleet: Fleet, community: str) -> str:
    """The responsibilities that somebody must take on, first those of the operator."""
    lines = ["# What the new operator takes on", ""]
    lines += ["Each line is something that somebody did until now.", ""]
    split = split_of(fleet, community)
    for owner in ("operator", "shared", "community"):
        lines += [f"## So far by {_OWNERS[owner]}", ""]
        found = [one for one in split if one.owner == owner]
        for one in found:
            note = f" ({one.note})" if one.note else ""
            lines.append(f"- [ ] {one.item.sentence.rstrip('.')}{note}: who? ______")
        lines += [] if found else ["Nothing."]
        lines.append("")
    return "\n".join(lines)


def licences(packages: Mapping[str, Licence]) -> str:
    """The licence of every package that the hub's software is made of, as it declares it."""
    lines = ["# Licences", "", "hubfleet and JupyterHub are open source (BSD-3-Clause)."]
    if not packages:
        return "\n".join(
            [*lines, "No environment was built, so that its packages are unknown.", ""]
        )
    lines += ["What each package of the environment declares:", ""]
    for name, one in sorted(packages.items()):
        lines.append(f"- {name} {one.version}: {one.words or 'not declared'}")
    return "\n".join(lines) + "\n"
