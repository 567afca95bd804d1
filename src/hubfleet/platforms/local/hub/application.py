"""JupyterHub as hubfleet runs it: configured by values, made to agree with the declaration.

JupyterHub adds what its configuration names and never takes away; a declaration means exactly
what it says, so admins and members of groups who are no longer declared are taken out at start.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from jupyterhub import orm, roles
from jupyterhub.app import JupyterHub
from tornado.ioloop import PeriodicCallback

from hubfleet.fleet.model import HubValues
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.hub.config import hub_config
from hubfleet.platforms.local.hub.culling import cull, culling_period
from hubfleet.platforms.local.hub.migrating import migrate_if_needed
from hubfleet.platforms.local.spec import HubSecrets, HubSpec


class DeclaredHub(JupyterHub):
    """One hub of a fleet."""

    name = "jupyterhub"
    hub_folder: HubFolder
    values: HubValues
    culler_token: str

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """There is none, and a stray `jupyterhub_config.py` must not become one."""

    def init_db(self) -> None:
        migrate_if_needed(self.hub_folder, self.log)
        super().init_db()

    async def init_users(self) -> None:
        await super().init_users()
        admins = self.authenticator.admin_users
        for user in self.db.query(orm.User).filter(orm.User.admin):
            if user.name not in admins:
                user.admin = False
                roles.assign_default_roles(self.db, user)
        self.db.commit()

    async def init_groups(self) -> None:
        await super().init_groups()
        if self.authenticator.manage_groups:
            return  # the provider says who is in which
        for group in self.db.query(orm.Group):
            declared = self.load_groups.get(group.name, {}).get("users", [])
            group.users = [user for user in group.users if user.name in declared]
        self.db.commit()

    async def start(self) -> None:  # type: ignore[override]
        await super().start()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reopen)
        period = culling_period(self.values.culling)
        if period is not None:
            look = partial(
                cull,
                self.values.culling,
                api=f"{self.hub.url.rstrip('/')}/api",
                token=self.culler_token,
                log=self.log,
            )
            self._periodic_callbacks["culling"] = culling = PeriodicCallback(look, period * 1000)
            culling.start()

    def _reopen(self) -> None:
        """The log was moved away or the proxy is a new one: write to the new log, send routes."""
        log = os.open(self.hub_folder.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        self._checking = asyncio.ensure_future(
            self.proxy.check_routes(self.users, self._service_map)
        )


def run(folder: Path, spec: HubSpec) -> int:
    """Run the hub of `folder` until a signal ends it; returns the exit code."""
    hub_folder = HubFolder(folder)
    secrets = HubSecrets.read(hub_folder.secrets)
    app = DeclaredHub.instance(config=hub_config(spec, secrets, folder))
    app.hub_folder = hub_folder
    app.values = HubValues.model_validate(spec.values)
    app.culler_token = secrets.culler_token
    DeclaredHub.launch_instance([])
    return 0
