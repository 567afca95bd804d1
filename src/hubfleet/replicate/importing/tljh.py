"""The Littlest JupyterHub's `config.yaml`: a hub on a local cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubfleet.fleet.yaml import Document
from hubfleet.replicate.importing.foreign import read_foreign
from hubfleet.replicate.importing.found import Found, Origin, leaves_of

_SAME = {
    ("users", "banned"): ("hub", "config", "Authenticator", "blocked_users"),
    ("limits", "memory"): ("singleuser", "memory", "limit"),
    ("limits", "cpu"): ("singleuser", "cpu", "limit"),
    ("auth", "type"): ("hub", "config", "JupyterHub", "authenticator_class"),
    ("services", "cull", "enabled"): ("cull", "enabled"),
    ("services", "cull", "timeout"): ("cull", "timeout"),
    ("services", "cull", "max_age"): ("cull", "maxAge"),
}
_INTERFACES = {"jupyterlab": "lab", "classic": "notebook", "notebook": "notebook", "lab": "lab"}
_PEOPLE = {("users", "admin"): "access.admins", ("users", "allowed"): "access.allow.users"}
_WHY = {
    ("https",): "certificates belong to the web server before hubfleet",
    ("http",): "the port is chosen with `hubfleet up --port`",
    ("base_url",): "each hub has a host name of its own",
    ("services", "configurator"): "JupyterHub has no configurator here: change the declaration",
    ("services", "cull"): "hubfleet decides how the culler looks",
    ("users", "extra_user_groups"): "groups of the machine are not groups of the hub: see `groups`",
    ("user_environment",): "there is no such interface among hubfleet's",
    ("tljh_version",): "",
}
_UNTYPED = {
    "firstuseauthenticator.FirstUseAuthenticator": "people who chose a password here sign in anew",
    "nativeauthenticator.NativeAuthenticator": "people who registered here sign in anew",
    "jupyterhub.auth.PAMAuthenticator": "accounts of the machine are not used",
    "dummy": "a password for all is `sign_in: shared-password`",
    "jupyterhub.auth.DummyAuthenticator": "a password for all is `sign_in: shared-password`",
}


def from_tljh(file: Path, *, community: str, hub: str, cluster: str) -> Found:
    """Everything of the file; environments are not in it, but on the machine."""
    document = read_foreign(file, file.name)
    found = Found(community, hub, cluster, platform="local")
    for path, value in leaves_of(document.value or {}):
        _key(found, document, path, value)
    found.notes.append(
        "the user environment of The Littlest JupyterHub is no file: "
        "`pip list --format freeze` there, then `environment: {packages: [...]}` here"
    )
    return found


def _key(found: Found, document: Document, path: tuple[str, ...], value: Any) -> None:
    origin = Origin(".".join(path), document.place(path))
    if path == ("auth", "type") and str(value) in _UNTYPED:
        found.leave(origin, f"{_UNTYPED[str(value)]}; choose `access.sign_in`")
    elif path in _PEOPLE:
        found.give(_PEOPLE[path], value, origin)
    elif path in _SAME:
        found.put(_SAME[path], value, origin)
    elif path == ("user_environment", "default_app") and value in _INTERFACES:
        found.give("interface", _INTERFACES[value], origin)
    elif path[0] == "auth" and len(path) >= 3:
        found.put(("hub", "config", *path[1:]), value, origin)
    else:
        known = (path[:length] for length in (2, 1) if path[:length] in _WHY)
        why = next((_WHY[one] for one in known), "hubfleet knows no such key")
        found.leave(origin, why or "it says nothing about the hub")
