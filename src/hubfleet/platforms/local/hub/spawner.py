"""Starts, finds again and stops one person's server.

The way of a start: the profile sets the limits (`apply_user_options`), the home is looked up by
number, what an earlier server left is cleared away, the control group is made, and the server
runs under bubblewrap with an environment made from nothing. Its record outlives the hub.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import random_port
from tornado.web import HTTPError
from traitlets import Instance, default

from hubfleet.fleet.model import HubValues, Profile
from hubfleet.kit.clock import timestamp
from hubfleet.kit.digest import digest
from hubfleet.kit.files import make_private_folder
from hubfleet.kit.units import parse_memory
from hubfleet.platforms.local.hub import form
from hubfleet.platforms.local.limits import Group, find_limiter, group_name, make_group
from hubfleet.platforms.local.processes import boot_id, start_time
from hubfleet.platforms.local.sandbox import (
    HOME_INSIDE,
    LAUNCHER_INSIDE,
    RUNTIME_INSIDE,
    Seat,
    bubblewrap_command,
    find_sandbox,
    interpreter_folders,
    isolation_is_waived,
    refuse_without_isolation,
    write_accounts,
)
from hubfleet.platforms.local.servers import (
    PROBE_USER,
    ServerRecord,
    children,
    clear_away,
    home_folder,
    home_number,
    read_server,
    signal_server,
)
from hubfleet.platforms.local.spec import HubSpec

_LAUNCHER = Path(__file__).with_name("singleuser.py")


@dataclass(frozen=True)
class Setting:
    """What the spawners of one hub know."""

    folder: Path
    spec: HubSpec
    values: HubValues

    @property
    def state(self) -> Path:
        """The state folder that the hub's folder lies in."""
        return self.folder.parents[2]

    @property
    def environment(self) -> Path | None:
        return None if self.spec.environment is None else Path(self.spec.environment)


class PersonSpawner(LocalProcessSpawner):
    """One person's server on this machine."""

    setting = Instance(Setting, config=True, help="What the hub's spawners know.")
    record: ServerRecord | None = None

    # Profiles.

    def _profiles(self) -> tuple[Profile, ...]:
        groups = [group.name for group in self.user.groups]
        return form.allowed_profiles(self.setting.values.profiles, groups)

    async def get_options_form(self) -> str:
        return form.options_form(self._profiles(), self.setting.values.limits)

    @default("options_from_form")
    def _default_options_from_form(self) -> Callable[[dict[str, list[str]]], dict[str, str]]:
        def options(data: dict[str, list[str]]) -> dict[str, str]:
            return {"profile": data["profile"][0]} if data.get("profile") else {}

        return options

    @default("apply_user_options")
    def _default_apply_user_options(self) -> Callable[[PersonSpawner, dict[str, Any]], None]:
        return PersonSpawner.apply_profile

    def apply_profile(self, options: dict[str, Any]) -> None:
        """Take over the limits of the chosen profile; HTTP 403 for one that is not theirs."""
        values = self.setting.values
        profiles = self._profiles()
        if values.profiles and not profiles and self.user.name != PROBE_USER:
            raise HTTPError(403, "No profile of this hub is for you. Ask its admins.")
        try:
            profile = form.choose(profiles, options.get("profile"))
        except LookupError as error:
            raise HTTPError(403, str(error.args[0])) from None
        if profile is not None:
            limits = form.effective_limits(values.limits, profile)
            self.mem_limit = None if limits.memory is None else parse_memory(limits.memory)
            self.cpu_limit = limits.cpu

    # Start.

    def get_args(self) -> list[str]:
        """Kernels over sockets in a private folder: over TCP any process could listen."""
        arguments = [*super().get_args(), "--KernelManager.transport=ipc"]
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
        if environment is not None:
            env["JUPYTER_PATH"] = str(environment / "share" / "jupyter")
        return env

    async def start(self) -> tuple[str, int]:
        number = home_number(self.setting.folder, self.user.name)
        await self._end_leftover(number)
        home = home_folder(self.setting.folder, number)
        self.port = self.port or random_port()
        prefix, own = self._walls(home, number)
        group = make_group(
            find_limiter(),
            group_name(self.setting.state, self.setting.spec.name, str(number)),
            memory=self.mem_limit,
            cpu=self.cpu_limit,
        )
        launcher = LAUNCHER_INSIDE if prefix else _LAUNCHER
        command = [*prefix, sys.executable, "-I", str(launcher), *self.get_args()]
        env = {**self.get_env(), **own}
        self.log.info("Starting the server of %s in home %s", self.user.name, number)
        self.proc = self._launch(command, env, home, number, group)
        self.pid = self.proc.pid
        self.record = self._describe(number, group, None if prefix else own["JUPYTER_RUNTIME_DIR"])
        self.record.write(self.setting.folder)
        if prefix:
            self.record = replace(self.record, inner=await self._inner())
            self.record.write(self.setting.folder)
        return ("127.0.0.1", self.port)

    def _walls(self, home: Path, number: int) -> tuple[list[str], dict[str, str]]:
        """The sandbox (empty where there is none) and the environment that depends on it."""
        setting, sandbox = self.setting, find_sandbox()
        account = pwd.getpwuid(os.getuid()).pw_name
        refusal = refuse_without_isolation(
            setting.spec.name,
            setting.values,
            account=account,
            sandbox=sandbox,
            waived=isolation_is_waived(setting.folder),
        )
        if refusal is not None:
            self.log.error("%s", refusal)
            raise HTTPError(503, f"{refusal.what}. {refusal.hint}")
        shared = setting.folder / "shared" if setting.values.storage.shared else None
        if shared is not None:
            make_private_folder(shared)
        _make_room_for_shared(home, shared, linked=sandbox.program is None)
        if sandbox.program is None:
            runtime = _runtime_folder(setting.folder, number)
            return [], {"HOME": str(home), "USER": account, "JUPYTER_RUNTIME_DIR": str(runtime)}
        seat = Seat(
            home=home,
            launcher=_LAUNCHER,
            accounts=write_accounts(setting.folder / "servers" / "accounts"),
            hidden=setting.state,
            hostname=re.sub(r"[^a-z0-9-]", "-", setting.spec.name),
            readable=interpreter_folders(setting.environment),
            shared=shared,
        )
        inside = {"HOME": str(HOME_INSIDE), "USER": "jovyan"}
        return bubblewrap_command(sandbox.program, seat), {
            **inside,
            "JUPYTER_RUNTIME_DIR": str(RUNTIME_INSIDE),
        }

    def _launch(
        self, command: list[str], env: dict[str, str], home: Path, number: int, group: Group
    ) -> subprocess.Popen[bytes]:
        """A session of its own, no descriptor of the hub, a fresh log."""
        log = make_private_folder(self.setting.folder / "servers") / f"{number}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with open(log, "ab", opener=_private) as output:
            return subprocess.Popen(
                command,
                env=env,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                preexec_fn=group.join,  # noqa: PLW1509, the hub has one thread
            )

    def _describe(self, number: int, group: Group, runtime: str | None) -> ServerRecord:
        return ServerRecord(
            user=self.user.name,
            number=number,
            pid=self.pid,
            start_time=start_time(self.pid) or 0,
            boot=boot_id(),
            since=timestamp(),
            groups=tuple(map(str, group.paths)),
            runtime=runtime,
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
        status: int | None = 0
        if self.proc is not None:
            # Asked first: it also takes the zombie away.
            status = self.proc.poll()
        elif self.record is not None and self.record.alive:
            status = None
        if status is not None:
            if self.record is not None:
                await self._clear_away(self.record)
            self.clear_state()
        return status

    # Stop.

    async def _signal(self, sig: int) -> bool:
        return self.record is not None and signal_server(self.record, sig)

    async def _end_leftover(self, number: int) -> None:
        """A server that this hub forgot (its database was lost) must not share a home."""
        record = read_server(self.setting.folder, number)
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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_room_for_shared(home: Path, shared: Path | None, *, linked: bool) -> None:
    """`~/shared`: a folder to put the sandbox's view on, or a link where there is no sandbox.

    A person may have made anything of that name: files are kept under another one.
    """
    place = home / "shared"
    if place.is_symlink():
        place.unlink()
    if shared is None:
        return
    if place.exists() and not place.is_dir():
        place.rename(home / "shared.moved")
    if linked:
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
        if not place.exists():
            place.symlink_to(shared)
    else:
        place.mkdir(mode=0o700, exist_ok=True)


def _runtime_folder(folder: Path, number: int) -> Path:
    """A short private folder for kernels' sockets: paths of sockets hold about 100 letters.

    Raises HTTP 503 when somebody else owns a folder of that name.
    """
    name = f"hubfleet-{os.getuid()}-{digest(str(folder))[:10]}-{number}"
    path = Path(tempfile.gettempdir()) / name
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise HTTPError(503, f"{path} belongs to somebody else")
    return path
