"""A hub's spec and secrets as JupyterHub's configuration: values, never generated Python text.

Everything stands in the sections of JupyterHub's own base classes, so that the declaration's
pass-through (`jupyterhub.config`), which comes last, can change any of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from traitlets.config import Config

from hubfleet.fleet.fields import METER_SCOPES, OFFICE_SCOPES, PROBE_USER
from hubfleet.fleet.model import HubValues
from hubfleet.fleet.profiles import url_of
from hubfleet.fleet.secrets.secret import filled
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.face.markup import TEMPLATES
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.hub.closing_page import ClosingHandler
from hubfleet.platforms.local.hub.culling import CULLER_SCOPES, activity_interval, culling_period
from hubfleet.platforms.local.hub.face import Face, face_of
from hubfleet.platforms.local.hub.notices import Notices
from hubfleet.platforms.local.hub.route_proxy import RoutesOfOneHost
from hubfleet.platforms.local.hub.setting import Setting
from hubfleet.platforms.local.hub.sign_in.names import one_spelling
from hubfleet.platforms.local.hub.sign_in.settings import sign_in_config
from hubfleet.platforms.local.hub.spawner import PersonSpawner
from hubfleet.platforms.local.spec import HubSecrets, HubSpec

PROBE_SCOPES = tuple(f"{scope}!user={PROBE_USER}" for scope in ("servers", "access:servers"))
"""Start, watch, reach and stop the server of one user, and nothing else."""


def hub_config(spec: HubSpec, secrets: HubSecrets, folder: Path) -> Config:
    """The whole configuration of one hub."""
    values = HubValues.model_validate(spec.values)
    # Only what JupyterHub itself must know; everything else sees marks.
    open_values = HubValues.model_validate(filled(spec.values, secrets.declared))
    setting = Setting(folder, spec, values)
    config = Config(
        {
            "JupyterHub": {
                **_addresses(spec, values),
                **_storage(secrets, folder, face_of(spec, values, folder), Notices(setting)),
                **_named_servers(values),
                **_services(secrets, values),
                "load_groups": _groups(values),
                "spawner_class": PersonSpawner,
                "proxy_class": RoutesOfOneHost,
                # What JupyterLab asks, so that people at work are told too.
                "extra_handlers": [("/closing", ClosingHandler)],
            },
            "ConfigurableHTTPProxy": {
                "should_start": False,
                "api_url": spec.proxy_api,
                "auth_token": secrets.proxy_token,
            },
            "PersonSpawner": {"setting": setting},
            "Spawner": _servers(values),
            "LocalProcessSpawner": {"interrupt_timeout": 10, "term_timeout": 5},
        }
    )
    config.merge(Config(sign_in_config(spec, open_values, secrets, folder)))
    config.merge(Config(open_values.jupyterhub.model_dump()["config"]))
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


def _storage(secrets: HubSecrets, folder: Path, face: Face, notices: Notices) -> dict[str, Any]:
    return {
        "db_url": f"sqlite:///{HubFolder(folder).database}",
        # In memory only; hashed, because JupyterHub wants exactly 32 bytes.
        "cookie_secret": hashlib.sha256(secrets.cookie_secret.encode()).digest(),
        "log_level": "INFO",
        "template_paths": [str(Path(__file__).parent / "templates"), str(TEMPLATES)],
        "template_vars": {"face": face, "hub_notices": notices},
        **({"logo_file": str(face.logo)} if face.logo else {}),
    }


def _groups(values: HubValues) -> dict[str, dict[str, list[str]]]:
    """The declared groups, unless the console tells of them: JupyterHub takes them from one."""
    if values.access.sign_in == "console":
        return {}
    return {
        name: {"users": [one_spelling(person) for person in people]}
        for name, people in values.groups.items()
    }


def _services(secrets: HubSecrets, values: HubValues) -> dict[str, Any]:
    services = [{"name": "probe", "api_token": secrets.probe_token}]
    # Naming the probe's user in a role makes it exist: no token needs the right to make users.
    roles: list[dict[str, Any]] = [
        {"name": "probe", "scopes": list(PROBE_SCOPES), "services": ["probe"]},
        {"name": "probed", "scopes": ["self"], "users": [PROBE_USER]},
    ]
    if secrets.office_token:
        services.append({"name": "office", "api_token": secrets.office_token})
        roles.append({"name": "office", "scopes": list(OFFICE_SCOPES), "services": ["office"]})
    if secrets.metrics_token:
        services.append({"name": "metrics", "api_token": secrets.metrics_token})
        roles.append({"name": "metrics", "scopes": ["read:metrics"], "services": ["metrics"]})
    if secrets.meter_token:
        services.append({"name": "meter", "api_token": secrets.meter_token})
        roles.append({"name": "meter", "scopes": list(METER_SCOPES), "services": ["meter"]})
    if culling_period(values.culling) is not None:
        services.append({"name": "culler", "api_token": secrets.culler_token})
        roles.append({"name": "culler", "scopes": list(CULLER_SCOPES), "services": ["culler"]})
    if values.collaboration:
        # JupyterHub's own role for everybody, with the right to let others into one's servers.
        scopes = ["self", "shares!user", "read:users:name", "read:groups:name"]
        roles.append({"name": "user", "scopes": scopes})
    return {"services": services, "load_roles": roles}


def _named_servers(values: HubValues) -> dict[str, Any]:
    return {
        "allow_named_servers": values.named_servers > 0,
        "named_server_limit_per_user": values.named_servers,
    }


def _servers(values: HubValues) -> dict[str, Any]:
    limits, guarantees = values.limits, values.guarantees
    return {
        "default_url": url_of(values.interface),
        "mem_limit": None if limits.memory is None else parse_memory(limits.memory),
        "cpu_limit": limits.cpu,
        "mem_guarantee": None if guarantees.memory is None else parse_memory(guarantees.memory),
        "cpu_guarantee": guarantees.cpu,
        # A server that died is noticed before its person has reloaded the page many times.
        "poll_interval": 5,
        # Nothing of the operator's shell reaches people.
        "env_keep": [],
        "environment": {"JUPYTERHUB_ACTIVITY_INTERVAL": str(activity_interval(values.culling))},
    }
