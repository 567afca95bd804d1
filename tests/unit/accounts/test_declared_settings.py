"""What the declaration says about mail and providers becomes settings; secrets stay secret."""

from __future__ import annotations

from typing import Any

import pytest

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.mail import Mail, mail_server
from hubfleet.fleet.model import Service
from hubfleet.fleet.secrets.secret import Secret
from hubfleet.office.post.server import mail_settings
from tests.fleets import write_fleet
from tests.unit.fleet_secrets.keyring import identity_in, sealed


def service(**mail: Any) -> Service:
    return Service(
        name="Test Hubs",
        operator="Test Foundation",
        contact="hubs@example.org",
        domain="localhost",
        mail=Mail(**mail),
    )


def test_without_a_server_mail_is_printed():
    made = mail_settings(service(), None)
    assert made["EMAIL_BACKEND"] == "hubfleet.office.post.printing.Printer"
    assert made["DEFAULT_FROM_EMAIL"] == "Test Hubs <hubs@example.org>"


@pytest.mark.parametrize(
    ("server", "port", "ssl", "starttls"),
    [
        ("smtp://mail.example.org", 587, False, True),
        ("smtp://mail.example.org:2525", 2525, False, True),
        ("smtps://mail.example.org", 465, True, False),
        ("smtp://localhost", 25, False, False),
        ("smtps://127.0.0.1:4650", 4650, True, False),
    ],
)
def test_mail_is_encrypted_on_its_way_unless_it_stays_here(server, port, ssl, starttls):
    made = mail_settings(service(server=server, user="hubs", sender="x@example.org"), "canary-7")
    assert (made["EMAIL_PORT"], made["EMAIL_USE_SSL"], made["EMAIL_USE_TLS"]) == (
        port,
        ssl,
        starttls,
    )
    assert (made["EMAIL_HOST_USER"], made["EMAIL_HOST_PASSWORD"]) == ("hubs", "canary-7")
    assert made["DEFAULT_FROM_EMAIL"] == "Test Hubs <x@example.org>"
    found = mail_server(Mail(server=server))
    assert found is not None
    assert found.host == made["EMAIL_HOST"]


def test_a_password_of_the_service_stands_in_the_secret_file(tmp_path):
    """It is read as a secret, opened only by who has the key, and printed by nobody."""
    from hubfleet.office.site.declared import declared_settings

    root = tmp_path / "fleet"
    write_fleet(root, {"ant/prod": {}})
    ada = identity_in(tmp_path / "keys")
    plain = root / "fleet.yaml"
    plain.write_text(
        plain.read_text().replace(
            "service:\n",
            "service:\n  mail: {server: smtp://mail.example.org, user: hubs}\n",
        )
    )
    key = "service.mail.password"
    text = sealed("canary-7", key, ada, file="fleet.secret.yaml")
    (root / "fleet.secret.yaml").write_text(f"service:\n  mail:\n    password: {text}\n")
    fleet = load_fleet(root)
    assert isinstance(fleet.service.mail.password, Secret)
    assert "canary-7" not in repr(fleet)
    made = declared_settings(fleet.service, lambda secret: str(secret.reveal(ada)))
    assert made["EMAIL_HOST_PASSWORD"] == "canary-7"
    assert made["SOCIALACCOUNT_PROVIDERS"] == {}
