"""Pages, what was sent for each, and time off as the calendars say. A hub is text."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from hubfleet.kit.clock import now


class Page(models.Model):
    """One problem that somebody is told of: open until `closed_at`."""

    key = models.CharField(max_length=255)
    """Whoever opened it names it so; at PagerDuty it is the `dedup_key`."""
    hub = models.TextField(blank=True)
    """`community/hub`; empty for what is no hub's."""
    community = models.TextField(blank=True)
    priority = models.CharField(max_length=2)
    """`P1` to `P4`."""
    summary = models.CharField(max_length=1024)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=1000, blank=True)
    """Where more is told."""
    opened_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    settled_at = models.DateTimeField(null=True)
    """When it was over; empty again if it came back before its end was told."""
    closed_at = models.DateTimeField(null=True)
    """When everybody who was told of it was to be told of its end."""
    returns = models.PositiveIntegerField(default=0)
    """So often it came back."""
    steps = models.PositiveIntegerField(default=0)
    """So many steps of the escalation were taken."""
    gap = models.BooleanField(default=False)
    """At some step nobody was on call, or a way was closed: the operator's contact was told."""
    due_at = models.DateTimeField(default=now, null=True)
    """When the next step is due; none once somebody took it on, or no step is left."""

    class Meta:
        app_label = "oncall"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("key",),
                condition=models.Q(closed_at=None),
                name="oncall_page_open_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=("due_at",), name="oncall_page_due"),
            models.Index(fields=("-opened_at",), name="oncall_page_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.summary}"


class Delivery(models.Model):
    """One message of a page on one way: `waiting` until it was `sent`, `failed` for good, or
    `dropped` because the problem was over before it could be sent.
    """

    WAITING, SENT, FAILED, DROPPED = "waiting", "sent", "failed", "dropped"
    PAGERDUTY, MAIL, CHANNEL = "pagerduty", "mail", "channel"

    page = models.ForeignKey(Page, models.CASCADE, related_name="deliveries")
    act = models.CharField(max_length=11)
    """`trigger`, `acknowledge` or `resolve`."""
    way = models.CharField(max_length=10)
    to = models.CharField(max_length=300)
    """A service of `oncall.yaml`, a channel there (`person/channel`), or an address of mail."""
    why = models.CharField(max_length=300, blank=True)
    """Why they are told, such as the rotation and the step."""
    state = models.CharField(max_length=8, default=WAITING)
    made_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField(default=now)
    """When it is tried next; a process that tries it puts this into the future first."""
    claimed = models.BooleanField(default=False)
    """A try of it is under way, until `due_at` at the latest."""
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    trouble = models.CharField(max_length=500, blank=True)
    """What the other end said last."""

    class Meta:
        app_label = "oncall"
        indexes: ClassVar = [models.Index(fields=("state", "due_at"), name="oncall_delivery_due")]

    def __str__(self) -> str:
        return f"{self.act} by {self.way} to {self.to}: {self.state}"


class Attempt(models.Model):
    """One try of a delivery."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=now)
    outcome = models.CharField(max_length=9)
    """`sent`, `later` or `refused`."""
    said = models.CharField(max_length=500, blank=True)

    class Meta:
        app_label = "oncall"

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"


class Calendar(models.Model):
    """What a calendar of time off held when it was read last well."""

    source = models.CharField(max_length=1000, primary_key=True)
    """The path or address as declared, hashed where it is a secret."""
    read_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(default=now)
    content = models.TextField(blank=True)
    trouble = models.CharField(max_length=500, blank=True)

    class Meta:
        app_label = "oncall"

    def __str__(self) -> str:
        return self.source


class HeardCall(models.Model):
    """A call of PagerDuty's that was acted on: the same one again does nothing."""

    number = models.CharField(max_length=100, primary_key=True)
    at = models.DateTimeField(default=now)

    class Meta:
        app_label = "oncall"

    def __str__(self) -> str:
        return self.number
