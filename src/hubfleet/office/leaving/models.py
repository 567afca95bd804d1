"""Endings of hubs, what was left of each, and bundles that people take along. Hubs are text."""

from __future__ import annotations

import uuid
from datetime import date
from typing import ClassVar

from django.db import models

from hubfleet.kit.clock import now
from hubfleet.office.leaving.dates import Dates, Progress


class Ending(models.Model):
    """One ending of one hub, from the day it was asked for. Dates are kept as they were promised:
    what the policy says later changes none.
    """

    hub = models.CharField(max_length=80, db_index=True)
    title = models.CharField(max_length=200)
    """What people called the hub."""
    community_title = models.CharField(max_length=200)
    cluster = models.CharField(max_length=40)
    platform = models.CharField(max_length=20)
    domain = models.CharField(max_length=260)
    timezone = models.CharField(max_length=60)
    reason = models.TextField(blank=True)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(default=now)

    asked_on = models.DateField()
    notice = models.DateField()
    reminders = models.JSONField(default=list)
    export_from = models.DateField()
    last_day = models.DateField()
    removal = models.DateField()
    retention_end = models.DateField()
    extended = models.PositiveSmallIntegerField(default=0)

    consent_of = models.CharField(max_length=254, blank=True)
    """The representative who agreed: a login, or the address of one without."""
    consent_at = models.DateTimeField(null=True)
    consent_by = models.CharField(max_length=150, blank=True)
    """Who wrote it down; the representative, when they did it themselves."""
    consent_reason = models.TextField(blank=True)
    """How it was given, when somebody else wrote it down."""
    confirmed_by = models.CharField(max_length=150, blank=True)
    confirmed_at = models.DateTimeField(null=True)

    data = models.CharField(max_length=10, blank=True)
    """What became of people's data: `exported`, `waived`, or nothing yet."""
    data_by = models.CharField(max_length=150, blank=True)
    data_at = models.DateTimeField(null=True)
    data_reason = models.TextField(blank=True)

    announced = models.TextField(blank=True)
    """What the hub's pages say, when we wrote it there."""
    announced_before = models.TextField(blank=True)

    cancelled_by = models.CharField(max_length=150, blank=True)
    cancelled_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    """When the hub was found to be neither declared nor seen."""
    erased_by = models.CharField(max_length=150, blank=True)
    erase_begun_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    """When nothing was left but what may be kept for a while."""
    closed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "leaving"
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("hub",),
                condition=models.Q(cancelled_at=None, gone_at=None),
                name="leaving_one_open_ending",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hub} ends on {self.last_day}"

    @property
    def community(self) -> str:
        return self.hub.partition("/")[0]

    @property
    def dates(self) -> Dates:
        reminders = tuple(date.fromisoformat(day) for day in self.reminders)
        return Dates(
            self.asked_on, self.notice, reminders, self.export_from, self.last_day, self.removal,
            self.retention_end,
        )  # fmt: skip

    @dates.setter
    def dates(self, value: Dates) -> None:
        self.asked_on, self.notice = value.asked, value.notice
        self.reminders = [str(day) for day in value.reminders]
        self.export_from, self.last_day = value.export_from, value.last_day
        self.removal, self.retention_end = value.removal, value.retention_end

    @property
    def progress(self) -> Progress:
        return Progress(
            consent=self.consent_at is not None,
            confirmed=self.confirmed_at is not None,
            cancelled=self.cancelled_at is not None,
            gone=self.gone_at is not None,
            settled=self.settled_at is not None,
            forgotten=self.closed_at is not None,
        )

    @property
    def people(self) -> tuple[str, ...]:
        """Those who asked or consented: none of them can be the second person."""
        found = (self.asked_by, self.consent_of, self.consent_by)
        return tuple(dict.fromkeys(name for name in found if name))


class Told(models.Model):
    """A reminder that was sent; the row keeps it from being sent twice."""

    ending = models.ForeignKey(Ending, on_delete=models.CASCADE, related_name="told")
    what = models.CharField(max_length=40)
    at = models.DateTimeField(default=now)

    class Meta:
        app_label = "leaving"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ending", "what"), name="leaving_told_once")
        ]

    def __str__(self) -> str:
        return self.what


class Asset(models.Model):
    """One kind of data of an ending's hub, and what is known of it."""

    class State(models.TextChoices):
        PRESENT = "present", "present"
        EXPORTED = "exported", "exported"
        WAIVED = "waived", "waived"
        KEPT = "kept", "kept"
        DELETED = "deleted", "deleted"

    ending = models.ForeignKey(Ending, on_delete=models.CASCADE, related_name="assets")
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State)
    count = models.BigIntegerField(default=0)
    """Files or rows that were found at the last look."""
    size = models.BigIntegerField(default=0)
    """Bytes, for files."""
    deleted_count = models.BigIntegerField(default=0)
    """What was found when the deletion began."""
    deleted_size = models.BigIntegerField(default=0)
    places = models.JSONField(default=list)
    """Where was looked: paths below the state folder, tables."""
    by_hand = models.CharField(max_length=150, blank=True)
    """Who wrote the evidence down, where hubfleet cannot look itself."""
    evidence = models.TextField(blank=True)
    """Where was looked and what was found, in a sentence."""
    looked_at = models.DateTimeField(default=now)

    class Meta:
        app_label = "leaving"
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ending", "kind"), name="leaving_asset_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.state}"


class Take(models.Model):
    """A bundle that somebody made of a hub, to take along; deleted when it expires."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hub = models.CharField(max_length=80, db_index=True)
    at = models.DateTimeField(default=now)
    who = models.CharField(max_length=150)
    options = models.JSONField(default=list)
    """What was asked to be in it, beside the declaration."""
    pid = models.IntegerField(null=True)
    pid_began = models.BigIntegerField(null=True)
    boot = models.CharField(max_length=40, blank=True)
    ended_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    outcome = models.TextField(blank=True)
    path = models.TextField(blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "leaving"
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.hub} by {self.who}"

    @property
    def running(self) -> bool:
        return self.ended_at is None

    @property
    def ready(self) -> bool:
        """There is a file to fetch."""
        return bool(self.path) and self.exit_code == 0 and self.deleted_at is None
