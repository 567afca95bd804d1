"""Django's mail settings from the declaration. Knows no Django."""

from __future__ import annotations

from email.utils import formataddr
from typing import Any

from hubfleet.fleet.mail import mail_server
from hubfleet.fleet.model import Service

SECONDS = 20
"""How long the server may take for one answer."""


def mail_settings(service: Service, password: str | None) -> dict[str, Any]:
    """`password` is the revealed one; without a server mail is printed."""
    sender = formataddr((service.name, service.mail.sender or service.contact))
    settings: dict[str, Any] = {"DEFAULT_FROM_EMAIL": sender, "SERVER_EMAIL": sender}
    server = mail_server(service.mail)
    if server is None:
        return {**settings, "EMAIL_BACKEND": "hubfleet.office.post.printing.Printer"}
    return {
        **settings,
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": server.host,
        "EMAIL_PORT": server.port,
        "EMAIL_HOST_USER": service.mail.user or "",
        "EMAIL_HOST_PASSWORD": password or "",
        "EMAIL_USE_SSL": server.wrapped,
        "EMAIL_USE_TLS": not server.wrapped and not server.plain,
        "EMAIL_TIMEOUT": SECONDS,
    }
