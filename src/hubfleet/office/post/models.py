"""One table: a message for each recipient, from the moment it is wanted until it was taken."""

from __future__ import annotations

from django.db import models

from hubfleet.kit.clock import now


class Message(models.Model):
    """`waiting` until the mail server took it (`sent`) or refused it for good (`failed`)."""

    WAITING, SENT, FAILED = "waiting", "sent", "failed"

    kind = models.CharField(max_length=40)
    """Why it is sent, such as `invitation`."""
    recipient = models.EmailField(max_length=254)
    subject = models.CharField(max_length=300)
    sealed = models.BinaryField()
    """The text, encrypted; empty once sent or given up."""
    state = models.CharField(max_length=8, default=WAITING)
    made_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField(default=now)
    """When it is tried next; a process that tries it puts this into the future first."""
    tries = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=500, blank=True)
    """What the mail server said last."""

    class Meta:
        app_label = "post"
        indexes = [models.Index(fields=("state", "due_at"), name="post_due")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}: {self.state}"
