"""The hub for stock JupyterHub, without hubfleet: a configuration that people can read and change.

It reads `people.json` beside it and secrets from variables of the environment. `scripts` has the
programs that put homes and software beside it. What stock
JupyterHub cannot do on one machine by itself (limits, choices of memory, isolation) is said in it,
and is in `values.yaml` for the chart.
"""

from __future__ import annotations

import pprint
from collections.abc import Iterator
from typing import Any

from hubfleet.fleet.model import HubValues
from hubfleet.fleet.profiles import url_of
from hubfleet.kit.units import parse_duration

_AUTHENTICATORS = {
    "github": "github",
    "google": "google",
    "cilogon": "cilogon",
    "oidc": "generic-oauth",
}

_HEAD = '''"""{title}: a hub of stock JupyterHub, made from its declaration.

Run it in the folder where this file lies: `jupyterhub -f jupyterhub_config.py`.
It needs the packages of requirements.txt, and the proxy: `npm install -g configurable-http-proxy`.
Everybody's server runs under the account that runs JupyterHub: this is for trying it, or for a few
people who trust each other. For more, take values.yaml and the Zero to JupyterHub chart, or another
spawner.
"""

import json
import os
from pathlib import Path

c = get_config()  # noqa: F821, JupyterHub provides it

HERE = Path(__file__).parent.resolve()
people = json.loads((HERE / "people.json").read_text())


def secret(name):
    """A secret from the environment: none stands in a file that may be shared."""
    if not os.environ.get(name):
        raise SystemExit("set " + name + " first; see README.md")
    return os.environ[name]


c.JupyterHub.bind_url = os.environ.get("HUB_URL", "http://127.0.0.1:8000/")
c.JupyterHub.db_url = "sqlite:///" + str(HERE / "jupyterhub.sqlite")
c.JupyterHub.cookie_secret_file = str(HERE / "jupyterhub_cookie_secret")

# Who comes in. Whoever is in people.json may, beside those that a provider lets in.
c.Authenticator.admin_users = set(people["admins"])
c.Authenticator.allowed_users = set(people["users"])
'''

_HOMES = """
# People's servers: each has a folder below homes/, as restore_homes.py makes them.
homes = Path(os.environ.get("HUB_HOMES", HERE / "homes"))
homes.mkdir(mode=0o700, exist_ok=True)
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(homes / "{username}")
"""

_CULLER = """
# Stop servers that nobody uses.
c.JupyterHub.services = [
    {{
        "name": "culler",
        "command": ["python3", "-m", "jupyterhub_idle_culler", {arguments}],
    }}
]
c.JupyterHub.load_roles = [
    {{
        "name": "culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["culler"],
    }}
]
"""

_SHARED = """

def link_shared(spawner):
    \"\"\"Shared folders are below people's homes, as they know them; see restore_homes.py.\"\"\"
    home = homes / spawner.user.name
    home.mkdir(mode=0o700, exist_ok=True)
    for name in ("shared", "shared-readwrite"):
        link = home / name
        if not (HERE / name).is_dir() or link.is_symlink():
            continue
        if link.is_dir() and not any(link.iterdir()):
            link.rmdir()
        if not link.exists():
            link.symlink_to(HERE / name)


c.Spawner.pre_spawn_hook = link_shared
"""

_ENVIRONMENTS = """
# Notebooks run in what make_environments.py made beside this file; without it in JupyterHub's own.
kernels = sorted(HERE.glob("environments/*/share/jupyter"), key=lambda path: path.parts[-3])
kernels.sort(key=lambda path: path.parts[-3] != "default")
if kernels:
    c.Spawner.environment.update({"JUPYTER_PATH": os.pathsep.join(map(str, kernels))})
"""


def jupyterhub_config(values: HubValues) -> str:
    """The text of `jupyterhub_config.py`."""
    parts = [
        _HEAD.format(title=str(values.title).replace('"', "'").replace("\\", "/")),
        *_sign_in(values),
        "\nc.JupyterHub.load_groups = {\n"
        '    name: {"users": members} for name, members in people["groups"].items()\n}\n',
        _HOMES,
        *([_SHARED] if values.storage.shared or values.storage.shared_readwrite else []),
        f"c.Spawner.default_url = {url_of(values.interface)!r}\n",
        *_named_servers(values),
        *_culling(values),
        *_not_here(values),
        *_traitlets(values.jupyterhub.config),
        _ENVIRONMENTS,
    ]
    return "".join(parts)


def _sign_in(values: HubValues) -> Iterator[str]:
    access = values.access
    yield f"c.Authenticator.allow_all = {access.everyone!r}\n"
    name = _AUTHENTICATORS.get(access.sign_in)
    if name is None:
        if access.sign_in == "console":
            yield "# People signed in at the operator's console: here it is a password.\n"
        yield 'c.JupyterHub.authenticator_class = "shared-password"\n'
        yield 'c.SharedPasswordAuthenticator.user_password = secret("HUB_PASSWORD")\n'
        yield 'c.SharedPasswordAuthenticator.admin_password = secret("HUB_ADMIN_PASSWORD")\n'
        return
    yield f"c.JupyterHub.authenticator_class = {name!r}\n"
    yield 'c.OAuthenticator.client_id = secret("HUB_CLIENT_ID")\n'
    yield 'c.OAuthenticator.client_secret = secret("HUB_CLIENT_SECRET")\n'
    yield 'c.OAuthenticator.oauth_callback_url = secret("HUB_CALLBACK_URL")\n'
    for trait, value in _provider(values):
        yield f"c.{trait} = {_shown(value)}\n"


def _provider(values: HubValues) -> Iterator[tuple[str, Any]]:
    access = values.access
    allow, oidc = access.allow, access.oidc
    if access.sign_in == "github":
        members = [*allow.organisations, *allow.teams]
        yield "GitHubOAuthenticator.allowed_organizations", members
        yield "GitHubOAuthenticator.scope", ["read:org"] if members else []
    elif access.sign_in == "google":
        yield "GoogleOAuthenticator.hosted_domain", list(allow.domains)
    elif access.sign_in == "cilogon":
        idps = {idp.id: idp.model_dump(mode="json") for idp in access.cilogon.idps}
        yield (
            "CILogonOAuthenticator.allowed_idps",
            {
                name: {
                    "username_derivation": {"username_claim": one["username_claim"]},
                    "allow_all": one["allow_all"],
                    "allowed_domains": one["allowed_domains"],
                }
                for name, one in idps.items()
            },
        )
    else:
        addresses = ("authorize_url", "token_url", "userdata_url")
        for name in addresses:
            yield f"GenericOAuthenticator.{name}", getattr(oidc, name) or f"supply-the-{name}"
        yield "GenericOAuthenticator.scope", list(oidc.scope)
        yield "GenericOAuthenticator.username_claim", oidc.username_claim
        if oidc.groups_claim:
            yield "GenericOAuthenticator.auth_state_groups_key", f"oauth_user.{oidc.groups_claim}"
            yield "GenericOAuthenticator.manage_groups", True
            yield "GenericOAuthenticator.allowed_groups", list(allow.groups)
            yield "GenericOAuthenticator.admin_groups", list(oidc.admin_groups)


def _named_servers(values: HubValues) -> Iterator[str]:
    if values.named_servers:
        yield "c.JupyterHub.allow_named_servers = True\n"
        yield f"c.JupyterHub.named_server_limit_per_user = {values.named_servers}\n"


def _culling(values: HubValues) -> Iterator[str]:
    idle, age = parse_duration(values.culling.idle), parse_duration(values.culling.max_age)
    arguments = [f'"--timeout={idle}"'] if idle else []
    arguments += [f'"--max-age={age}"'] if age else []
    if not idle and age:
        arguments.insert(0, f'"--timeout={age}"')
    if arguments:
        yield _CULLER.format(arguments=", ".join(arguments))


def _not_here(values: HubValues) -> Iterator[str]:
    limits = values.limits
    yield "\n# What the declaration says and this spawner cannot do; values.yaml has it.\n"
    yield f"#   limits: {limits.memory or 'no'} memory, {limits.cpu or 'no'} CPU for each person\n"
    for profile in values.profiles:
        yield f"#   profile: {' '.join(profile.name.split())}\n"
    if values.storage.home_quota:
        yield f"#   quota of homes: {values.storage.home_quota}\n"


def _traitlets(config: dict[str, dict[str, Any]]) -> Iterator[str]:
    if config:
        yield "\n# As the declaration says.\n"
    for name, traits in sorted(config.items()):
        for trait, value in sorted(traits.items()):
            if name.isidentifier() and trait.isidentifier():
                yield f"c.{name}.{trait} = {_shown(value)}\n"


def _shown(value: Any) -> str:
    return pprint.pformat(value, width=96, sort_dicts=True)


def requirements(values: HubValues, software: dict[str, str]) -> str:
    """What the configuration needs, with the versions that the hub ran."""
    lines = [f"jupyterhub=={software['jupyterhub']}" if "jupyterhub" in software else "jupyterhub"]
    lines += ["jupyterlab>=4", "notebook>=7", "jupyterhub-idle-culler>=1.4"]
    if values.access.sign_in in _AUTHENTICATORS:
        lines.append("oauthenticator>=17.4,<18")
    if values.collaboration:
        lines.append("jupyter-collaboration>=4")
    return "\n".join(lines) + "\n"
