"""Delivering what is due. A message is claimed before it is sent, so two processes send it once.

A server that is away or says "later" (4xx) is asked again after 10 s, 30 s, 1.5 min and so on up
to an hour, for three days. A refusal for good (5xx) ends it. A sender that crashes leaves its
messages claimed for a minute, and in the worst moment one of them is sent twice.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Q

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.post.models import Message
from hubfleet.office.post.outbox import PURPOSE
from hubfleet.office.sealing import unseal

CLAIM = timedelta(minutes=1)
GIVE_UP = timedelta(days=3)
AT_ONCE = 50
LONGEST = 30.0


class Carrier(Protocol):
    """What takes a message to somebody; Django's mail connections are such."""

    def open(self) -> bool | None: ...
    def close(self) -> None: ...
    def send_messages(self, messages: Sequence[EmailMessage], /) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the messages that were due."""

    sent: int = 0
    later: int = 0
    failed: int = 0

    def __bool__(self) -> bool:
        return bool(self.sent or self.later or self.failed)


def deliver_due(carrier: Carrier | None = None, at: datetime | None = None) -> Delivered:
    """Send all that is due, for half a minute at most; what is left is due at the next call."""
    counts = {Message.SENT: 0, Message.WAITING: 0, Message.FAILED: 0}
    began = time.monotonic()
    messages = _claim(at or now())
    if not messages:
        return Delivered()
    carrier = carrier or get_connection()
    try:
        while messages:
            for message in messages:
                counts[_deliver(carrier, message, at or now())] += 1
            rushed = time.monotonic() - began > LONGEST
            messages = [] if rushed else _claim(at or now())
    finally:
        _close(carrier)
    return Delivered(counts[Message.SENT], counts[Message.WAITING], counts[Message.FAILED])


def _claim(at: datetime) -> list[Message]:
    with transaction.atomic():
        due = Message.objects.filter(Q(state=Message.WAITING) & Q(due_at__lte=at))
        rows = due.order_by("due_at", "id").select_for_update(skip_locked=True)[:AT_ONCE]
        messages = list(rows)
        chosen = [message.pk for message in messages]
        Message.objects.filter(pk__in=chosen).update(due_at=at + CLAIM)
    return messages


def _deliver(carrier: Carrier, message: Message, at: datetime) -> str:
    """The state that it has now."""
    message.tries += 1
    try:
        # Opened once for all of them; without this Django would connect anew for each.
        carrier.open()
        carrier.send_messages([_mail(message)])
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        code, words = _said(error)
        return _end(message, Message.FAILED, words, at) if code >= 500 else _wait(
            message, words, at
        )  # fmt: skip
    except (smtplib.SMTPException, OSError) as error:
        # The connection is in an unknown state: the next message opens another.
        _close(carrier)
        return _wait(message, str(error) or type(error).__name__, at)
    except (ValueError, HubfleetError) as error:
        # An address or a text that can never be sent.
        return _end(message, Message.FAILED, str(error), at)
    return _end(message, Message.SENT, "", at)


def _mail(message: Message) -> EmailMessage:
    text = unseal(bytes(message.sealed), PURPOSE)
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    sender = settings.DEFAULT_FROM_EMAIL
    return EmailMessage(message.subject, text, sender, [message.recipient], headers=headers)


def _said(error: Exception) -> tuple[int, str]:
    """The server's code and words; the recipient's own where it refused that."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers: list[tuple[int, bytes]] = list(error.recipients.values())
        code, words = answers[0] if answers else (550, b"refused")
        return int(code), f"{code} {words.decode('utf-8', 'replace')}"
    assert isinstance(error, smtplib.SMTPResponseException)
    said = error.smtp_error
    shown = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return int(error.smtp_code), f"{error.smtp_code} {shown}"


def _wait(message: Message, trouble: str, at: datetime) -> str:
    if at - message.made_at >= GIVE_UP:
        return _end(message, Message.FAILED, f"given up after 3 days: {trouble}", at)
    message.due_at = at + back_off(message.tries)
    message.trouble = trouble[:500]
    message.save(update_fields=["due_at", "tries", "trouble"])
    return Message.WAITING


def back_off(tries: int) -> timedelta:
    """How long to wait after so many tries: 10 s, 30 s, 1.5 min ... an hour."""
    return min(timedelta(seconds=10 * 3 ** (min(tries, 10) - 1)), timedelta(hours=1))


def _end(message: Message, state: str, trouble: str, at: datetime) -> str:
    """Nothing of the text is kept: it may hold a link that lets somebody in."""
    message.state, message.ended_at, message.trouble = state, at, trouble[:500]
    message.sealed = b""
    message.save(update_fields=["state", "ended_at", "trouble", "sealed", "tries"])
    return state


def _close(carrier: Carrier) -> None:
    try:
        carrier.close()
    except (smtplib.SMTPException, OSError):
        return


def forget(days: int = 30, at: datetime | None = None) -> int:
    """Delete what ended so many days ago; how many rows."""
    before = (at or now()) - timedelta(days=days)
    deleted, _ = Message.objects.filter(ended_at__lt=before).delete()
    return deleted
