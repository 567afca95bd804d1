"""Development's mail: every message is printed where `hubfleet serve` runs.

A backend of Django's mail, `EMAIL_BACKEND = "hubfleet.office.post.printing.Printer"`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class Printer(BaseEmailBackend):
    """Prints recipient, subject and text to stderr, each message at once."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            print(printed(message), file=sys.stderr, flush=True)  # noqa: T201, its purpose
        return len(email_messages)


def printed(message: EmailMessage) -> str:
    """As people read it at a terminal; control characters are made visible."""
    head = f"--- mail to {', '.join(message.to)}: {message.subject}"
    body = "".join(c if c.isprintable() or c == "\n" else "?" for c in str(message.body))
    indented = "\n".join(f"    {line}".rstrip() for line in body.strip().splitlines())
    return f"{_plain(head)}\n{indented}\n---"


def _plain(line: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in line)
