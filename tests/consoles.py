"""A console as its own process beside real hubs, and what people at its terminal would do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.fleets import write_fleet
from tests.places import LocalPlace, free_port

PASSWORD = "correct horse battery staple"

_IN_THE_OFFICE = """
import json, sys
from pathlib import Path
from hubfleet.cli.serve import open_office, prepare
asked = json.loads(sys.stdin.read())
desk, launch, _ = prepare(Path(asked["fleet"]), Path(asked["state"]), None, 0)
open_office(desk, launch)
from allauth.account.models import EmailAddress
from hubfleet.office.accounts import leaving
from hubfleet.office.accounts.models import Membership, Person
from hubfleet.office.audit.record import Actor
fleet, actor = desk.fleet(), Actor("test")
"""


@dataclass(frozen=True)
class ConsolePlace:
    """A fleet whose people sign in at the console; everything runs after `up`."""

    place: LocalPlace
    fleet: Path
    address: str

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.place.run("up", fleet=self.fleet)

    def hub(self, name: str) -> str:
        """The public address of a hub."""
        return self.place.platform().door(name).url

    def in_the_office(self, code: str, **asked: Any) -> str:
        """Run code in a process of its own with the office open; what it printed."""
        given = {"fleet": str(self.fleet), "state": str(self.place.state.path), **asked}
        done = subprocess.run(
            [sys.executable, "-c", _IN_THE_OFFICE + code],
            input=json.dumps(given),
            env={**os.environ, "HUBFLEET_PORT": str(self.place.port)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def account(self, *logins: str) -> None:
        """Accounts that can sign in with `PASSWORD`."""
        self.in_the_office(
            """
for login in asked["logins"]:
    email = f"{login}@example.org"
    made = Person.objects.create_user(login, email, asked["password"], name=login.title())
    EmailAddress.objects.create(user=made, email=email, verified=True, primary=True)
""",
            logins=logins,
            password=PASSWORD,
        )

    def member(self, login: str, hub: str) -> None:
        self.in_the_office(
            """
person = Person.objects.get(login=asked["login"])
community = asked["hub"].partition("/")[0]
Membership.objects.create(person=person, community=community, hub=asked["hub"], added_by="test")
""",
            login=login,
            hub=hub,
        )

    def remove(self, login: str, hub: str) -> None:
        """As a representative does on the hub's page."""
        self.in_the_office(
            """
person = Person.objects.get(login=asked["login"])
community = asked["hub"].partition("/")[0]
assert leaving.remove_member(actor, person, community, asked["hub"], fleet=fleet)
""",
            login=login,
            hub=hub,
        )


def console_fleet(
    root: Path, hubs: Mapping[str, Mapping[str, Any]], **more: Any
) -> tuple[Path, str]:
    """Write a fleet with a console on a free port; its folder and the console's address."""
    write_fleet(root, hubs, **more)
    address = f"http://localhost:{free_port()}"
    file = root / "fleet.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["service"]["console"] = {"address": address}
    file.write_text(yaml.safe_dump(declared, sort_keys=False))
    return root, address
