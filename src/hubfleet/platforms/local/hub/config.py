"""A hub's spec and secrets as JupyterHub's configuration: values, never generated Python text.

Everything stands in the sections of JupyterHub's own base classes, so that the declaration's
pass-through (`jupyterhub.config`), which comes last, can change any of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from traitlets.config import Config

from hubfleet.fleet.model import HubValues
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.hub.access import DeclaredPeople
from hubfleet.platforms.local.hub.culling import CULLER_SCOPES, activity_interval, culling_period
from hubfleet.platforms.local.hub.route_proxy import RoutesOfOneHost
from hubfleet.platforms.local.hub.spawner import PersonSpawner, Setting
from hubfleet.platforms.local.servers import PROBE_USER
from hubfleet.platforms.local.spec import HubSecrets, HubSpec

PROBE_SCOPES = tuple(f"{scope}!user={PROBE_USER}" for scope in ("servers", "access:servers"))
"""Start, watch, reach and stop the server of one user, and nothing else."""


def hub_config(spec: HubSpec, secrets: HubSecrets, folder: Path) -> Config:
    """The whole configuration of one hub."""
    values = HubValues.model_validate(spec.values)
    config = Config(
        {
            "JupyterHub": {
                **_addresses(spec, values),
                **_storage(spec, secrets, folder),
                **_services(secrets, values),
                "load_groups": {
                    name: {"users": list(people)} for name, people in values.groups.items()
                },
                "authenticator_class": DeclaredPeople,
                "spawner_class": PersonSpawner,
                "proxy_class": RoutesOfOneHost,
            },
            "ConfigurableHTTPProxy": {
                "should_start": False,
                "api_url": spec.proxy_api,
                "auth_token": secrets.proxy_token,
            },
            "SharedPasswordAuthenticator": {
                "user_password": secrets.password,
                "admin_password": secrets.admin_password,
            },
            "Authenticator": _people(values),
            "DeclaredPeople": {"until": values.access.until},
            "PersonSpawner": {"setting": Setting(folder, spec, values)},
            "Spawner": _servers(values),
            "LocalProcessSpawner": {"interrupt_timeout": 10, "term_timeout": 5},
        }
    )
    config.merge(Config(values.jupyterhub.model_dump()["config"]))
    return config


def _addresses(spec: HubSpec, values: HubValues) -> dict[str, Any]:
    return {
        "bind_url": f"http://127.0.0.1:{spec.proxy_port}/",
        "public_url": spec.url,
        "hub_bind_url": f"http://127.0.0.1:{spec.port}",
        # Hub and proxy come and go while people's servers stay.
        "cleanup_proxy": False,
        "cleanup_servers": False,
        # Also how often the proxy's routes are checked.
        "last_activity_interval": activity_interval(values.culling),
    }


def _storage(spec: HubSpec, secrets: HubSecrets, folder: Path) -> dict[str, Any]:
    return {
        "db_url": f"sqlite:///{HubFolder(folder).database}",
        # In memory only; hashed, because JupyterHub wants exactly 32 bytes.
        "cookie_secret": hashlib.sha256(secrets.cookie_secret.encode()).digest(),
        "log_level": "INFO",
        "template_paths": [str(Path(__file__).parent / "templates")],
        "template_vars": {"hub_title": spec.title},
    }


def _services(secrets: HubSecrets, values: HubValues) -> dict[str, Any]:
    services = [{"name": "probe", "api_token": secrets.probe_token}]
    # Naming the probe's user in a role makes it exist: no token needs the right to make users.
    roles: list[dict[str, Any]] = [
        {"name": "probe", "scopes": list(PROBE_SCOPES), "services": ["probe"]},
        {"name": "probed", "scopes": ["self"], "users": [PROBE_USER]},
    ]
    if culling_period(values.culling) is not None:
        services.append({"name": "culler", "api_token": secrets.culler_token})
        roles.append({"name": "culler", "scopes": list(CULLER_SCOPES), "services": ["culler"]})
    return {"services": services, "load_roles": roles}


def _people(values: HubValues) -> dict[str, Any]:
    access = values.access
    members = {person for group in access.allow.groups for person in values.groups.get(group, ())}
    return {
        "admin_users": set(access.admins),
        "allowed_users": {*access.admins, *access.allow.users, *members},
        "allow_all": access.everyone,
        # Whoever is no longer declared no longer comes in.
        "allow_existing_users": False,
    }


def _servers(values: HubValues) -> dict[str, Any]:
    limits = values.limits
    return {
        "default_url": {"lab": "/lab", "notebook": "/tree"}.get(values.interface, values.interface),
        "mem_limit": None if limits.memory is None else parse_memory(limits.memory),
        "cpu_limit": limits.cpu,
        # Nothing of the operator's shell reaches people.
        "env_keep": [],
        "environment": {"JUPYTERHUB_ACTIVITY_INTERVAL": str(activity_interval(values.culling))},
    }
