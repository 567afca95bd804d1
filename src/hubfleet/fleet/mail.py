"""How the service sends mail: `service.mail`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import Field

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import MAIL_SERVER_PATTERN, Email, Text
from hubfleet.fleet.secrets.secret import SecretText
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem


class Mail(Declared):
    """The server that takes the service's mail; without one, mail is printed by the console."""

    server: str | None = Field(default=None, pattern=MAIL_SERVER_PATTERN)
    """`smtp://mail.example.org` (encrypted by STARTTLS, port 587) or `smtps://...` (port 465)."""
    sender: Email | None = None
    """Who mail is from; default: the service's `contact`."""
    user: Text | None = None
    """The name at the server, where it wants one."""
    password: SecretText | None = None
    """Its password; it belongs into `fleet.secret.yaml`."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """`wrapped`: encrypted from the first byte; else by STARTTLS unless `plain`."""

    host: str
    port: int
    wrapped: bool
    plain: bool


def mail_server(mail: Mail) -> MailServer | None:
    """Where mail goes; None: it is printed."""
    if mail.server is None:
        return None
    split = urlsplit(mail.server)
    host, wrapped = split.hostname or "", split.scheme == "smtps"
    # A relay on this machine has no certificate for the name `localhost`.
    plain = not wrapped and (host in ("localhost", "127.0.0.1", "::1"))
    usual = 465 if wrapped else 25 if plain else 587
    return MailServer(host, split.port or usual, wrapped, plain)


def mail_problems(mail: Mail, document: Document) -> Iterator[Problem]:
    """What is wrong between the fields."""
    place = document.place(("service", "mail"))
    if mail.server is None and (mail.user or mail.password):
        yield Problem(
            "mail-without-server",
            "`service.mail` has a user and no server",
            place,
            "Mail is printed by the console until there is a server.",
            "add `server: smtp://...`, or remove the user",
        )
    if mail.server is not None and mail.user and mail.password is None:
        yield Problem(
            "no-mail-password",
            "`service.mail.user` needs `service.mail.password`",
            document.place(("service", "mail", "user")),
            "A server that knows users wants their passwords.",
            "run `hubfleet secret set fleet.yaml service.mail.password`",
        )
