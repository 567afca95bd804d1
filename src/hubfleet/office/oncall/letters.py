"""What people read: the mail of a page, handed to the outbox, and its one line."""

from __future__ import annotations

from django.conf import settings

from hubfleet.kit.clock import now
from hubfleet.office.oncall.models import Delivery, Page
from hubfleet.office.post import outbox


def send_mail(page: Page) -> None:
    """Hand the page's mail to the outbox, which tries by itself; in the caller's transaction."""
    waiting = page.deliveries.filter(way=Delivery.MAIL, state=Delivery.WAITING)
    for row in waiting.order_by("id"):
        outbox.put("page", row.to, subject(page, row.act), letter(page, row))
        row.state, row.tries, row.ended_at = Delivery.SENT, 1, now()
        row.save(update_fields=["state", "tries", "ended_at"])
        row.attempts.create(outcome="sent", said="in the outbox")


def subject(page: Page, act: str) -> str:
    """One line: what is shown on a locked telephone."""
    said = {
        "acknowledge": f"{page.acknowledged_by or 'Somebody'} has it",
        "resolve": "over",
    }
    head = f"[{page.priority}]" if act == "trigger" else f"[{page.priority}, {said[act]}]"
    return f"{head} {page.summary}"


def letter(page: Page, row: Delivery) -> str:
    """The text of a mail."""
    lines = [page.summary, ""]
    if page.text and row.act == "trigger":
        lines += [page.text.strip(), ""]
    if page.url:
        lines += [f"More: {page.url}"]
    if row.act == "trigger":
        lines += [f"Take it on: {address_of(page)}", ""]
        lines += [f"You are told because: {row.why}."]
    return "\n".join(lines) + "\n"


def address_of(page: Page) -> str:
    """The page in the console."""
    return f"{settings.CONSOLE_ADDRESS}/oncall/pages/{page.pk}/"
