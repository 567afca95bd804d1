"""The sandbox around one server, and what of the world outside is put into it."""

from __future__ import annotations

import os
import pwd
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hubfleet.kit.digest import digest
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.local.hub.refusing import RefusedStartError
from hubfleet.platforms.local.hub.setting import INSIDE, Setting
from hubfleet.platforms.local.sandbox import (
    HOME_INSIDE,
    LAUNCHER_INSIDE,
    MEMORY_EVENTS_INSIDE,
    RUNTIME_INSIDE,
    Seat,
    SharedFolder,
    bubblewrap_command,
    find_sandbox,
    isolation_is_waived,
    refuse_without_isolation,
    write_accounts,
)


@dataclass(frozen=True, slots=True)
class Walls:
    """What stands before a server's command (nothing without a sandbox), and what depends on it.

    `inside` is where the server finds the launcher's folder; `runtime` the folder of sockets that
    has to be removed afterwards, None where it goes away with the sandbox.
    """

    prefix: list[str]
    environ: dict[str, str]
    inside: Path
    runtime: Path | None = None

    @property
    def launcher(self) -> Path:
        return self.inside / LAUNCHER_INSIDE.name


def build_walls(
    setting: Setting, home: Path, key: str, *, admin: bool, memory_events: Path | None
) -> Walls:
    """The walls of the server `key`; makes the folders that they need.

    Raises RefusedStartError.
    """
    program = find_sandbox().program
    shared = shared_folders(setting, admin=admin)
    for folder in shared:
        make_private_folder(folder.path)
    for name in ("shared", "shared-readwrite"):
        found = next((folder.path for folder in shared if folder.name == name), None)
        _make_room(home, name, found, linked=program is None)
    if program is None:
        runtime = _runtime_folder(setting.folder, key)
        environ = {
            "HOME": str(home),
            "USER": pwd.getpwuid(os.getuid()).pw_name,
            "JUPYTER_RUNTIME_DIR": str(runtime),
            **({} if memory_events is None else {"MEM_EVENTS": str(memory_events)}),
        }
        return Walls([], environ, INSIDE, runtime)
    seat = Seat(
        home=home,
        inside=INSIDE,
        accounts=write_accounts(setting.folder / "servers" / "accounts"),
        hidden=setting.state,
        hostname=re.sub(r"[^a-z0-9-]", "-", setting.spec.name),
        readable=setting.software,
        shared=shared,
        memory_events=memory_events,
    )
    environ = {
        "HOME": str(HOME_INSIDE),
        "USER": "jovyan",
        "JUPYTER_RUNTIME_DIR": str(RUNTIME_INSIDE),
        **({} if memory_events is None else {"MEM_EVENTS": str(MEMORY_EVENTS_INSIDE)}),
    }
    return Walls(bubblewrap_command(program, seat), environ, LAUNCHER_INSIDE.parent)


def check_isolation(setting: Setting) -> None:
    """Raises RefusedStartError where people would not be kept apart and nobody accepted that."""
    problem = refuse_without_isolation(
        setting.spec.name,
        setting.values,
        account=pwd.getpwuid(os.getuid()).pw_name,
        sandbox=find_sandbox(),
        waived=isolation_is_waived(setting.folder),
    )
    if problem is not None:
        words = f"{problem.what}. {problem.hint}"
        raise RefusedStartError(words, reason=problem.code, status_code=503)


def shared_folders(setting: Setting, *, admin: bool) -> tuple[SharedFolder, ...]:
    """What people of this hub have in common; only an admin may write `shared`."""
    storage = setting.values.storage
    folders = []
    if storage.shared:
        folders.append(SharedFolder("shared", setting.folder / "shared", writable=admin))
    if storage.shared_readwrite:
        path = setting.folder / "shared-readwrite"
        folders.append(SharedFolder("shared-readwrite", path, writable=True))
    return tuple(folders)


def _make_room(home: Path, name: str, shared: Path | None, *, linked: bool) -> None:
    """`~/shared`: a folder to put the sandbox's view on, or a link where there is no sandbox.

    A person may have made anything of that name: files are kept under another one.
    """
    place = home / name
    if place.is_symlink():
        place.unlink()
    if shared is None:
        return
    if place.exists() and not place.is_dir():
        place.rename(_free_name(place))
    if linked:
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
        if not place.exists():
            place.symlink_to(shared)
    else:
        place.mkdir(mode=0o700, exist_ok=True)


def _free_name(place: Path) -> Path:
    number = 0
    while True:
        free = place.with_name(f"{place.name}.moved{f'-{number}' if number else ''}")
        if not os.path.lexists(free):
            return free
        number += 1


def _runtime_folder(folder: Path, key: str) -> Path:
    """A short private folder for kernels' sockets: paths of sockets hold about 100 letters."""
    name = f"hubfleet-{os.getuid()}-{digest(str(folder))[:10]}-{key}"
    path = Path(tempfile.gettempdir()) / name
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        words = f"{path} belongs to somebody else"
        raise RefusedStartError(words, reason="folder-taken", status_code=503)
    return path
