"""Starts, finds again and stops one person's server.

The way of a start: the chosen profile sets the limits (`apply_user_options`), a home that is too
full is refused, what an earlier server left is cleared away, the control group is made, and the
server runs inside `walls` with `arguments` and an environment made from nothing. Its record
outlives the hub; `notices` tells its person why it ended.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Instance, default

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.model import Profile
from hubfleet.fleet.profiles import ForbiddenChoiceError, allowed_profiles, terms, url_of
from hubfleet.kit.clock import timestamp
from hubfleet.kit.files import make_private_folder
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.local.closing import notice
from hubfleet.platforms.local.environment_scripts import start_command
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.homes.admission import check_before_start
from hubfleet.platforms.local.homes.project_quota import enforce
from hubfleet.platforms.local.hub import form
from hubfleet.platforms.local.hub.arguments import lab_settings, server_arguments
from hubfleet.platforms.local.hub.notices import forget_stop, note_stop
from hubfleet.platforms.local.hub.refusing import (
    RefusedStartError,
    refuse_missing_software,
    refused_home,
)
from hubfleet.platforms.local.hub.setting import Setting
from hubfleet.platforms.local.hub.walls import Walls, build_walls, check_isolation
from hubfleet.platforms.local.limits import (
    Group,
    find_limiter,
    group_name,
    make_group,
    members,
    memory_events,
    memory_kills,
)
from hubfleet.platforms.local.listening import Doors, doors, prepare
from hubfleet.platforms.local.ports import server_port
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.sandbox import find_sandbox
from hubfleet.platforms.local.servers import (
    SERVER_MARK,
    ServerRecord,
    children,
    clear_away,
    home_folder,
    home_number,
    marked_with,
    read_server,
    server_key,
    signal_server,
)

_KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL, None}
"""How a server ends for want of memory, without and with a sandbox; None where nobody saw it."""


class PersonSpawner(LocalProcessSpawner):
    """One person's server on this machine."""

    setting = Instance(Setting, config=True, help="What the hub's spawners know.")
    record: ServerRecord | None = None
    _hubs_url: str | None = None
    _kernel: str | None = None

    # Profiles.

    def _profiles(self) -> tuple[Profile, ...]:
        groups = [group.name for group in self.user.groups]
        return allowed_profiles(self.setting.values.profiles, groups)

    async def get_options_form(self) -> str:
        return form.options_form(self._profiles(), self.setting.values)

    @default("options_from_form")
    def _default_options_from_form(self) -> Callable[[dict[str, list[str]]], dict[str, str]]:
        return form.options_from_form

    @default("apply_user_options")
    def _default_apply_user_options(self) -> Callable[[PersonSpawner, dict[str, Any]], None]:
        return PersonSpawner.apply_profile

    def apply_profile(self, options: dict[str, Any]) -> None:
        """Take over what was chosen; HTTP 403 for what is not offered to this person."""
        values, profiles = self.setting.values, self._profiles()
        if values.profiles and not profiles and self.user.name != PROBE_USER:
            words = "No profile of this hub is for you. Ask its admins."
            raise RefusedStartError(words, reason="no-profile", status_code=403)
        # The probe leaves a mark of its own among the options, and chooses nothing.
        asked = {} if self.user.name == PROBE_USER else options
        try:
            chosen = terms(values, profiles, asked)
        except ForbiddenChoiceError as error:
            words = str(error.args[0])
            raise RefusedStartError(words, reason="not-offered", status_code=403) from None
        # Without profiles the traits stay as they are: the pass-through may have set them.
        if not profiles:
            return
        self.mem_limit = _bytes(chosen.limits.memory)
        self.cpu_limit = chosen.limits.cpu
        self.mem_guarantee = _bytes(chosen.guarantees.memory)
        self.cpu_guarantee = chosen.guarantees.cpu
        if self._hubs_url is None:
            self._hubs_url = self.default_url
        own = chosen.interface != values.interface
        self.default_url = url_of(chosen.interface) if own else self._hubs_url
        self._kernel = chosen.environment

    # Start.

    def get_args(self) -> list[str]:
        arguments = [*super().get_args(), *server_arguments(self.setting.values)]
        if self._kernel is not None:
            # Kernels of further environments are called as the declaration calls them.
            arguments.append(f"--MultiKernelManager.default_kernel_name={self._kernel}")
        if os.getuid() == 0 and find_sandbox().program is None:
            # Said and refused elsewhere; Jupyter's own refusal would only look like a hang.
            arguments.append("--allow-root")
        return arguments

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        environment = self.setting.environment
        prefixes = [sys.prefix] if environment is None else [str(environment), sys.prefix]
        env.setdefault(
            "PATH", ":".join(f"{p}/bin" for p in prefixes) + ":/usr/local/bin:/usr/bin:/bin"
        )
        env.setdefault("LANG", "C.UTF-8")
        env.setdefault("SHELL", "/bin/bash")
        if self.setting.jupyter_path is not None:
            env["JUPYTER_PATH"] = self.setting.jupyter_path
        return env

    async def start(self) -> tuple[str, int]:
        setting = self.setting
        check_isolation(setting)
        refuse_missing_software(setting.spec.environment)
        if words := notice(setting.folder, setting.spec.timezone):
            raise RefusedStartError(words, reason="hub-closing", status_code=503)
        number = home_number(setting.folder, self.user.name)
        key = server_key(number, self.name)
        await self._refuse_full_home()
        await self._end_leftover(key)
        forget_stop(setting.folder, key)
        home = home_folder(setting.folder, number)
        await self._hold_to_quota(number)
        # A new one each time: nobody can have taken the old one meanwhile.
        self.port = server_port(StateFolder(setting.state))
        group = await self._fresh_group(group_name(setting.state, setting.spec.name, key))
        try:
            walls = build_walls(
                setting,
                home,
                key,
                admin=bool(self.user.admin),
                memory_events=memory_events(group.paths),
            )
        except OSError as error:
            raise refused_home(error) from error
        # In a thread: thousands of ports may have to be named.
        shut = await asyncio.to_thread(doors, self.port, self._never_theirs())
        self.proc = self._launch(walls, home, key, group, shut)
        self.pid = self.proc.pid
        self.record = self._describe(number, group, walls)
        self.record.write(setting.folder)
        if walls.prefix:
            self.record = replace(self.record, inner=await self._inner())
            self.record.write(setting.folder)
        return ("127.0.0.1", self.port)

    def _never_theirs(self) -> set[int]:
        return {self.setting.spec.port, self.setting.spec.proxy_port}

    def start_polling(self) -> None:
        """Called when a server is up, and for each that a hub finds when it starts."""
        super().start_polling()
        # For the next start. Nobody waits now; it takes a twentieth of a second.
        Thread(target=prepare, args=(self._never_theirs(),), daemon=True).start()

    async def _fresh_group(self, name: str) -> Group:
        """The server's group, with nobody in it.

        A hub that was killed after it had started a server and before it had recorded it left one
        that only its group, or the mark in its environment, tells of.
        """
        for look in range(200):
            group = make_group(
                find_limiter(),
                name,
                memory=self.mem_limit,
                cpu=self.cpu_limit,
                memory_guarantee=self.mem_guarantee,
                cpu_guarantee=self.cpu_guarantee,
            )
            left = members(group.paths) if group.paths else marked_with(name)
            if not left:
                return group
            if look == 0:
                self.log.warning("Ending a server of %s without a record", self.user.name)
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)
        words = "An earlier server of yours does not end. Ask the operator of this hub."
        raise RefusedStartError(words, reason="server-does-not-end", status_code=503)

    async def _refuse_full_home(self) -> None:
        """In a thread: a home may have to be measured. The probe has to see that a hub works."""
        quota = self.setting.quota
        if quota is None or self.user.name == PROBE_USER:
            return
        verdict = await asyncio.to_thread(
            check_before_start, self.setting.folder, self.user.name, quota
        )
        if verdict.refused:
            raise RefusedStartError(verdict.text, reason="home-full", status_code=507)

    async def _hold_to_quota(self, number: int) -> None:
        """By the file system, where it can; in a thread, because files may have to be looked at."""
        folder, quota = self.setting.folder, self.setting.quota
        try:
            await asyncio.to_thread(enforce, folder, number, quota)
        except OSError as error:
            # The measurement still holds; a server is how its owner mends the home.
            self.log.warning("No quota for the home of %s: %s", self.user.name, error)

    def _launch(
        self, walls: Walls, home: Path, key: str, group: Group, shut: Doors | None
    ) -> subprocess.Popen[bytes]:
        """A session of its own, no descriptor of the hub, a fresh log."""
        start = start_command(self.setting.environment)
        server = [sys.executable, "-I", str(walls.launcher), *self.get_args()]
        command = [*walls.prefix, *start, *server]
        name = group_name(self.setting.state, self.setting.spec.name, key)
        env = {**self.get_env(), **walls.environ, SERVER_MARK: name}
        env["JUPYTER_PATH"] = ":".join(filter(None, [env.get("JUPYTER_PATH"), str(walls.inside)]))
        settings = lab_settings(self.setting.values)
        env["JUPYTER_CONFIG_PATH"] = ":".join(str(walls.inside / name) for name in settings)
        self.log.info("Starting the server %s of %s", key, self.user.name)
        log = make_private_folder(self.setting.folder / "servers") / f"{key}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with open(log, "ab", opener=_private) as output, shut or nullcontext():
            return subprocess.Popen(
                command,
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                # The hub's other threads wait for work and hold no lock that these take.
                preexec_fn=partial(_confine, group, shut),  # noqa: PLW1509
            )

    def _describe(self, number: int, group: Group, walls: Walls) -> ServerRecord:
        return ServerRecord(
            user=self.user.name,
            number=number,
            pid=self.pid,
            start_time=start_time(self.pid) or 0,
            boot=boot_id(),
            since=timestamp(),
            groups=tuple(map(str, group.paths)),
            runtime=None if walls.runtime is None else str(walls.runtime),
            server=self.name,
            environments=tuple(map(str, self.setting.environments)),
        )

    async def _inner(self) -> tuple[int, int] | None:
        """The first process inside the sandbox; bubblewrap makes it within milliseconds."""
        for _ in range(500):
            for child in children(self.pid):
                if (started := start_time(child)) is not None:
                    return child, started
            if self.proc is None or self.proc.poll() is not None:
                return None
            await asyncio.sleep(0.01)
        return None

    # Find again.

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        if "server" in state:
            self.record = ServerRecord.from_json(state["server"])

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        if self.record is not None:
            state["server"] = asdict(self.record)
        return state

    def clear_state(self) -> None:
        super().clear_state()
        self.record = None
        self.proc = None

    async def poll(self) -> int | None:
        """None while exactly the server that was started runs; else its exit code, or 0."""
        status: int | None = None
        if self.proc is not None:
            # Asked first: it also takes the zombie away.
            status = self.proc.poll()
            ended = status is not None
        else:
            ended = self.record is None or not self.record.alive
        if not ended:
            return None
        if self.record is not None:
            self._tell_why(self.record, status)
            await self._clear_away(self.record)
        self.clear_state()
        return status or 0

    def _tell_why(self, record: ServerRecord, status: int | None) -> None:
        """Remember a server that was killed for want of memory, not one that was stopped."""
        groups = tuple(map(Path, record.groups))
        if not self._stop_pending and status in _KILLED and memory_kills(groups):
            note_stop(self.setting.folder, record.key, self.mem_limit)
            self.log.warning("The server %s of %s ran out of memory", record.key, record.user)

    # Stop.

    async def _signal(self, sig: int) -> bool:
        return self.record is not None and signal_server(self.record, sig)

    async def _end_leftover(self, key: str) -> None:
        """A server that this hub forgot (its database was lost) must not have two copies."""
        record = read_server(self.setting.folder, key)
        if record is not None:
            if signal_server(record, signal.SIGKILL):
                self.log.warning("Ended a forgotten server of %s", record.user)
            await self._clear_away(record)

    async def _clear_away(self, record: ServerRecord) -> None:
        for _ in range(100):
            if clear_away(self.setting.folder, record):
                return
            await asyncio.sleep(0.05)
        self.log.warning("Some of the processes of %s did not end", record.user)


def _confine(group: Group, shut: Doors | None) -> None:
    group.join()
    if shut is not None:
        shut.shut()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _bytes(amount: str | None) -> int | None:
    return None if amount is None else parse_memory(amount)
