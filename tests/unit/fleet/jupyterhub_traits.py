"""Writes the traitlets of the installed JupyterHub as JSON, for `hubfleet.fleet.traits`."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any


def installed_traits() -> dict[str, Any]:
    """The content that `traits.json` should have."""
    from jupyterhub.app import JupyterHub
    from jupyterhub.auth import LocalAuthenticator
    from jupyterhub.proxy import Proxy

    classes = {*JupyterHub().classes, LocalAuthenticator, Proxy}
    traits = {c.__name__: sorted(c.class_trait_names(config=True)) for c in classes}
    return {"jupyterhub": version("jupyterhub"), "classes": dict(sorted(traits.items()))}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(installed_traits(), indent=1) + "\n")
