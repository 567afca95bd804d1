"""An address with a password in it is refused or found, and never shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from hubfleet.cli.remote import address
from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.words import described
from hubfleet.kit.addresses import without_credentials
from hubfleet.kit.errors import HubfleetError

GOOD = Path(__file__).parents[2] / "cases" / "good"
CANARY = "canary7hunter"
BAD = f"smtp://ada:{CANARY}@mail.example.org"
HTTPS = f"https://ada:{CANARY}@id.example.org/"
FIELDS = [
    ("fleet.yaml", "service.mail.server", BAD),
    ("fleet.yaml", "service.mail.server", f"smtp://ada:{CANARY}/x@mail.example.org"),
    ("fleet.yaml", "service.mail.server", f"ada:{CANARY}@mail.example.org"),
    ("fleet.yaml", "service.mail.server", f"smtp://{CANARY}@mail.example.org"),
    ("fleet.yaml", "service.console.address", HTTPS),
    ("fleet.yaml", "service.console.address", f"https://x.example.org/?token={CANARY}"),
    ("fleet.yaml", "service.console.bind", f"ada:{CANARY}@127.0.0.1:8010"),
    ("fleet.yaml", "service.console.providers.ours.issuer", HTTPS),
    ("fleet.yaml", "service.contact", HTTPS),
    ("fleet.yaml", "service.domain", HTTPS),
    ("communities/earth/community.yaml", "website", HTTPS),
    ("clusters/reef.yaml", "kubernetes.server", HTTPS),
    ("clusters/reef.yaml", "kubernetes.connect_to", f"ada:{CANARY}@192.0.2.7:443"),
    ("communities/earth/hubs/prod.yaml", "access.oidc.issuer", HTTPS),
    ("communities/earth/hubs/prod.yaml", "environment.repository", HTTPS),
    ("communities/earth/hubs/prod.yaml", "interface", HTTPS),
    ("communities/earth/hubs/prod.yaml", "access.sign_in", HTTPS),
]


@pytest.mark.parametrize(("file", "key", "value"), FIELDS)
def test_a_password_in_an_address_is_never_shown(tmp_path: Path, file: str, key: str, value: str):
    root = shutil.copytree(GOOD, tmp_path / "fleet")
    declared = yaml.safe_load((root / file).read_text()) or {}
    inner = declared
    *above, last = key.split(".")
    for part in above:
        if not isinstance(inner.get(part), dict):
            inner[part] = {}
        inner = inner[part]
    inner[last] = value
    (root / file).write_text(yaml.safe_dump(declared, sort_keys=False))
    with pytest.raises(FleetErrors) as raised:
        load_fleet(root)
    assert CANARY not in str(raised.value)
    assert CANARY not in str([problem.as_json() for problem in raised.value.problems])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("smtp://ada:pa/s@s@mail.example.org:25", "smtp://***@mail.example.org:25"),
        ("smtp://token@mail.example.org", "smtp://***@mail.example.org"),
        ("ada:word@mail.example.org", "***@mail.example.org"),
        ("https://id.example.org/?client_secret=abc", "https://id.example.org/?***"),
        ("https://id.example.org/#abc", "https://id.example.org/?***"),
        ("ada@@example", "ada@@example"),
        ("mail.example.org:25", "mail.example.org:25"),
    ],
)
def test_what_is_left_of_an_address(value: str, shown: str):
    assert without_credentials(value) == shown


def test_a_long_value_is_cut_after_its_password_was_taken_out():
    long = f"smtp://{'a' * 50}:{CANARY}{'b' * 50}@mail.example.org"
    assert described(long) == "`smtp://***@mail.example.org`"


def test_a_console_elsewhere_is_not_told_with_a_password():
    with pytest.raises(HubfleetError) as raised:
        address(f"https://ada:{CANARY}@console.example.org")
    assert str(raised.value).startswith(
        "error[bad-address]: `https://***@console.example.org` is not the address of a console\n"
    )
