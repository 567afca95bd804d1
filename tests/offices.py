"""A console in the test's own process: Django started once, a new database and fleet for each test.

Which settings Django has is decided once in a process, so the `conftest.py` of such tests calls
`start` when it is imported: before any test that needs only the ledger can start a smaller one.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubfleet.fleet.model import Fleet

if TYPE_CHECKING:
    from hubfleet.desk import Desk
    from hubfleet.office.accounts.models import Person

ADDRESS = "http://localhost:8010"
_started: list[tempfile.TemporaryDirectory[str]] = []


def start() -> Path:
    """Configure Django for the whole office; the migrated database that tests copy."""
    from hubfleet.office.site import launch

    if not _started:
        # Kept until the process ends.
        _started.append(tempfile.TemporaryDirectory(prefix="hubfleet-office-"))
        place = launch.Launch(Path(_started[0].name), ADDRESS, "0.0.0", names=("testserver",))
        plain = {
            "STORAGES": {
                "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
                "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
            },
            "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        }
        launch.start(launch.Launch(**{**_fields(place), "more": plain}))
        _migrate(place.state)
    return Path(_started[0].name) / "office.sqlite"


def _migrate(state: Path) -> None:
    from django.core.management import call_command
    from django.db import connections

    from hubfleet.office.site.opening import open_ledger

    open_ledger(state, version="0.0.0").close()
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    call_command("createcachetable", verbosity=0)
    connections.close_all()


def _fields(place: Any) -> dict[str, Any]:
    return {name: getattr(place, name) for name in place.__dataclass_fields__}


@dataclass
class Office:
    """One test's console. `root` is the fleet in a git repository, `state` its state folder."""

    root: Path
    state: Path
    desk: Desk

    @property
    def fleet(self) -> Fleet:
        return self.desk.reload()

    def person(self, login: str, *staff: str, **more: Any) -> Person:
        """An account with staff roles."""
        from hubfleet.office.accounts.models import Person, StaffRole

        name = more.pop("name", login.title() + " Example")
        email = more.pop("email", f"{login}@example.org")
        made = Person.objects.create_user(login, email, "correct horse battery", name=name, **more)
        for role in staff:
            StaffRole.objects.create(person=made, role=role, granted_by="test")
        return made

    def git(self, *words: str) -> str:
        return git(self.root, *words)


def git(root: Path, *words: str) -> str:
    """Git, as an engineer would call it in the fleet's folder."""
    person = ["-c", "user.name=Eve Engineer", "-c", "user.email=eve@example.org"]
    done = subprocess.run(
        ["git", "-C", str(root), *person, *words], capture_output=True, text=True, check=True
    )
    return done.stdout


def in_git(root: Path) -> None:
    """Put the folder under git with one commit."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "The fleet as it is")


@contextmanager
def office_of(root: Path, state: Path) -> Iterator[Office]:
    """A console over the fleet in `root`, with an empty database."""
    from django.db import connections

    from hubfleet import wiring
    from hubfleet.desk import Desk
    from hubfleet.office import ports

    template = start()
    state.mkdir(mode=0o700, exist_ok=True)
    connections.close_all()
    shutil.copy(template, state / "office.sqlite")
    settings: dict[str, Any] = connections.settings["default"]
    before = settings["NAME"]
    _use(state / "office.sqlite")
    desk = Desk(wiring.open_installation(root, state))
    ports.install(desk)
    try:
        yield Office(root, state, desk)
    finally:
        _use(before)
        ports._desk.clear()


def _use(name: Any) -> None:
    from django.db import connections

    connections.close_all()
    connections.settings["default"]["NAME"] = str(name)
    for connection in connections.all(initialized_only=True):
        connection.settings_dict["NAME"] = str(name)
