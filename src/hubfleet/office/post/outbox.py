"""Putting a message into the outbox: one row for each recipient, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hubfleet.office.post.models import Message
from hubfleet.office.sealing import seal

PURPOSE = "post"


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody is to read. `kind` says why, such as `invitation`."""

    kind: str
    recipient: str
    subject: str
    text: str


def put(kind: str, recipient: str, subject: str, text: str) -> None:
    """One message; it is sent after the caller's transaction, or never if that is rolled back."""
    put_all([Letter(kind, recipient, subject, text)])


def put_all(letters: Iterable[Letter]) -> int:
    """Many at once; how many."""
    rows = [
        Message(
            kind=letter.kind,
            recipient=one_line(letter.recipient),
            subject=one_line(letter.subject)[:300],
            sealed=seal(letter.text, PURPOSE),
        )
        for letter in letters
    ]
    Message.objects.bulk_create(rows, batch_size=500)
    return len(rows)


def one_line(text: str) -> str:
    """A line break in a header would begin another header."""
    return " ".join(text.split())
