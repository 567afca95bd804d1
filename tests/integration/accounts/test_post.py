"""Mail: an outbox that loses nothing, against a real SMTP server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from hubfleet.kit.clock import now


@dataclass
class Server:
    """What it was sent; `answers` are given to the next recipients instead of 250."""

    taken: list[tuple[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    port: int = 0

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope) -> str:
        self.sessions.add(id(session))
        text = envelope.content.decode()
        self.taken += [(to, text) for to in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture
def server() -> Iterator[Server]:
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=_free())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def carrier(port: int) -> Any:
    from django.core.mail import get_connection

    backend = "django.core.mail.backends.smtp.EmailBackend"
    return get_connection(backend, host="127.0.0.1", port=port, timeout=5)


def put(to: str = "ada@example.org", text: str = "hello") -> None:
    from hubfleet.office.post.outbox import put

    put("test", to, "A subject", text)


def states() -> list[tuple[str, str, int]]:
    from hubfleet.office.post.models import Message

    return list(Message.objects.order_by("id").values_list("recipient", "state", "tries"))


def test_what_is_due_is_sent_once_over_one_connection(office, server):
    from hubfleet.office.post.sending import Delivered, deliver_due

    for number in range(60):
        put(f"u{number}@example.org")
    assert deliver_due(carrier(server.port)) == Delivered(sent=60)
    assert len(server.taken) == 60
    assert len(server.sessions) == 1
    assert deliver_due(carrier(server.port)) == Delivered()
    head = server.taken[0][1]
    assert "Subject: A subject" in head
    assert "Auto-Submitted: auto-generated" in head


def test_nothing_of_the_text_is_kept_once_it_is_sent(office, server):
    from hubfleet.office.post.models import Message
    from hubfleet.office.post.sending import deliver_due

    put(text="a link that lets somebody in")
    assert b"link" not in bytes(Message.objects.get().sealed)
    deliver_due(carrier(server.port))
    assert bytes(Message.objects.get().sealed) == b""


def test_a_message_of_a_transaction_that_failed_is_not_sent(office, server):
    from django.db import transaction

    from hubfleet.office.post.sending import Delivered, deliver_due

    with pytest.raises(RuntimeError), transaction.atomic():
        put()
        raise RuntimeError
    assert deliver_due(carrier(server.port)) == Delivered()


def test_a_server_that_is_away_is_asked_again_later_and_later(office, server):
    from hubfleet.office.post.models import Message
    from hubfleet.office.post.sending import Delivered, back_off, deliver_due

    put()
    at = now()
    for tries in (1, 2, 3):
        assert deliver_due(carrier(_free()), at) == Delivered(later=1)
        assert deliver_due(carrier(server.port), at) == Delivered(), "not before its time"
        message = Message.objects.get()
        assert (message.tries, message.due_at) == (tries, at + back_off(tries))
        assert "refused" in message.trouble
        at = message.due_at
    assert deliver_due(carrier(server.port), at) == Delivered(sent=1)
    waits = [back_off(tries).total_seconds() for tries in range(1, 9)]
    assert waits == [10, 30, 90, 270, 810, 2430, 3600, 3600]


def test_later_is_later_and_no_is_no(office, server):
    from hubfleet.office.post.models import Message
    from hubfleet.office.post.sending import Delivered, deliver_due

    put("full@example.org")
    put("none@example.org")
    put("fine@example.org")
    server.answers = ["452 mailbox full", "550 no such user"]
    assert deliver_due(carrier(server.port)) == Delivered(sent=1, later=1, failed=1)
    assert states() == [
        ("full@example.org", "waiting", 1),
        ("none@example.org", "failed", 1),
        ("fine@example.org", "sent", 1),
    ]
    assert Message.objects.get(recipient="none@example.org").trouble == "550 no such user"


def test_after_three_days_it_is_given_up(office):
    from hubfleet.office.post.models import Message
    from hubfleet.office.post.sending import Delivered, deliver_due

    put()
    Message.objects.update(made_at=now() - timedelta(days=3))
    assert deliver_due(carrier(_free())) == Delivered(failed=1)
    message = Message.objects.get()
    assert message.trouble.startswith("given up after 3 days: ")
    assert bytes(message.sealed) == b""


def test_what_another_sender_has_claimed_is_left_alone(office, server):
    from hubfleet.office.post import sending

    put()
    assert len(sending._claim(now())) == 1
    assert sending.deliver_due(carrier(server.port)) == sending.Delivered()
    later = now() + sending.CLAIM
    assert sending.deliver_due(carrier(server.port), later) == sending.Delivered(sent=1)


def test_headers_cannot_be_smuggled_in(office, server):
    from hubfleet.office.post.outbox import put as put_into
    from hubfleet.office.post.sending import deliver_due

    put_into("test", "ada@example.org", "Hello\nBcc: sly@example.org", "text")
    deliver_due(carrier(server.port))
    [(to, text)] = server.taken
    assert to == "ada@example.org"
    assert "Subject: Hello Bcc: sly@example.org" in text


def test_development_prints_it(office, capsys):
    from django.core.mail import get_connection

    from hubfleet.office.post.sending import Delivered, deliver_due

    put(text="Open this page:\n\nhttp://localhost:8010/x/\x1b[31m")
    printer = get_connection("hubfleet.office.post.printing.Printer")
    assert deliver_due(printer) == Delivered(sent=1)
    assert capsys.readouterr().err == (
        "--- mail to ada@example.org: A subject\n"
        "    Open this page:\n"
        "\n"
        "    http://localhost:8010/x/?[31m\n"
        "---\n"
    )


def test_what_ended_long_ago_is_forgotten(office, server):
    from hubfleet.office.post.models import Message
    from hubfleet.office.post.sending import deliver_due, forget

    put()
    deliver_due(carrier(server.port))
    assert forget() == 0
    Message.objects.update(ended_at=now() - timedelta(days=31))
    assert forget() == 1
