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
    from oauthenticator.cilogon import CILogonOAuthenticator
    from oauthenticator.generic import GenericOAuthenticator
    from oauthenticator.github import GitHubOAuthenticator
    from oauthenticator.google import GoogleOAuthenticator
    from oauthenticator.oauth2 import OAuthenticator

    # Of oauthenticator only what `access.sign_in` can name; all of it is entered with JupyterHub.
    own = {kind for kind in JupyterHub().classes if "oauthenticator" not in kind.__module__}
    providers = {GitHubOAuthenticator, GoogleOAuthenticator, CILogonOAuthenticator}
    classes = {*own, LocalAuthenticator, Proxy, OAuthenticator, GenericOAuthenticator, *providers}
    traits = {c.__name__: _kinds(c) for c in classes}
    return {"jupyterhub": version("jupyterhub"), "classes": dict(sorted(traits.items()))}


def _kinds(owner: Any) -> dict[str, str]:
    """What each trait takes; only where every value of another type is refused by traitlets."""
    import traitlets

    kinds = {
        traitlets.Bool: "bool",
        traitlets.Integer: "int",
        traitlets.Int: "int",
        traitlets.Float: "float",
        traitlets.Unicode: "text",
        traitlets.List: "list",
        traitlets.Dict: "mapping",
    }
    traits = owner.class_traits(config=True)
    return {name: kinds.get(type(trait), "any") for name, trait in sorted(traits.items())}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(installed_traits(), indent=1) + "\n")
