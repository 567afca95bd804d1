"""What was seen. A hub is text, `community/hub`; a hub that is gone keeps its past."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from hubfleet.kit.clock import now


class Look(models.Model):
    """One row: when the fleet was looked at last. What lies between two looks far apart was not
    seen by anybody.
    """

    id = models.IntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    class Meta:
        app_label = "watching"

    def __str__(self) -> str:
        return f"looked at {self.at}"


class Sighting(models.Model):
    """A hub as it was seen last; written when something about it changed."""

    hub = models.TextField(primary_key=True)
    cluster = models.TextField()
    state = models.TextField()
    """One of `planning.observation.State`."""
    since = models.DateTimeField()
    """Since when it was seen in this state."""
    revision = models.IntegerField(default=0)
    url = models.TextField(blank=True)
    users = models.IntegerField(default=0)
    """People with a running server."""
    note = models.TextField(blank=True)
    counted_to = models.DateTimeField()
    """The moment up to which its days hold its state."""
    counts = models.CharField(max_length=8, blank=True)
    """As what the time since then will be counted: a word of `availability.Worth`."""

    class Meta:
        app_label = "watching"

    def __str__(self) -> str:
        return f"{self.hub} is {self.state}"


class HubDay(models.Model):
    """One day of a hub in the service's time zone, in seconds; the rest was not seen."""

    hub = models.TextField()
    day = models.DateField()
    up = models.FloatField(default=0)
    """It ran and answered."""
    down = models.FloatField(default=0)
    """It ought to have, and did not."""
    excused = models.FloatField(default=0)
    """It did not, in a maintenance that was announced: neither up nor down."""

    class Meta:
        app_label = "watching"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("hub", "day"), name="watching_day_once")
        ]
        indexes: ClassVar = [models.Index(fields=("day",), name="watching_day")]

    def __str__(self) -> str:
        return f"{self.hub} on {self.day}"


class ProbeRecord(models.Model):
    """One probe of one hub."""

    hub = models.TextField()
    at = models.DateTimeField(default=now)
    """When it ended."""
    verdict = models.TextField()
    seconds = models.FloatField()
    stages = models.JSONField(default=list)
    """As in `probe --json`."""
    cause = models.TextField(blank=True)
    hint = models.TextField(blank=True)
    asked_by = models.TextField(blank=True)
    """A login."""

    class Meta:
        app_label = "watching"
        indexes: ClassVar = [models.Index(fields=("hub", "-id"), name="watching_probe_of_hub")]

    def __str__(self) -> str:
        return f"{self.hub} was {self.verdict}"


class Check(models.Model):
    """One kind of check of one hub: its last result, what it adds up to, and when the next is due.

    One row for each hub and kind, however often it is checked.
    """

    class Kind(models.TextChoices):
        LIGHT = "light", "light check"
        PATH = "path", "person's path"

    hub = models.TextField()
    kind = models.CharField(max_length=5, choices=Kind)
    at = models.DateTimeField(null=True)
    """When the last one ended."""
    verdict = models.CharField(max_length=10, blank=True)
    cause = models.CharField(max_length=20, blank=True)
    what = models.TextField(blank=True)
    hint = models.TextField(blank=True)
    seconds = models.FloatField(default=0)
    certificate_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default="unknown")
    """One of `turning.State`: what this kind of check says of the hub."""
    began_at = models.DateTimeField(null=True)
    counted = models.JSONField(default=dict)
    """The rows of `turning.Standing`: count and beginning."""
    due_at = models.DateTimeField()
    revision = models.IntegerField(default=0)
    """The revision that was seen last: a new one makes a path due."""

    class Meta:
        app_label = "watching"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("hub", "kind"), name="watching_check_once")
        ]
        indexes: ClassVar = [models.Index(fields=("kind", "due_at"), name="watching_check_due")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.hub}: {self.verdict or 'never'}"


class Condition(models.Model):
    """What the checks say of a hub, all kinds together."""

    hub = models.TextField(primary_key=True)
    cluster = models.TextField(blank=True)
    url = models.TextField(blank=True)
    state = models.CharField(max_length=10, default="unknown")
    """One of `turning.State`."""
    since = models.DateTimeField(null=True)
    cause = models.CharField(max_length=20, blank=True)
    what = models.TextField(blank=True)
    hint = models.TextField(blank=True)

    class Meta:
        app_label = "watching"

    def __str__(self) -> str:
        return f"{self.hub} is {self.state}"


class Finding(models.Model):
    """A result of a check that was not like the one before it."""

    hub = models.TextField()
    kind = models.CharField(max_length=5, choices=Check.Kind)
    at = models.DateTimeField()
    verdict = models.CharField(max_length=10)
    cause = models.CharField(max_length=20, blank=True)
    what = models.TextField(blank=True)

    class Meta:
        app_label = "watching"
        indexes: ClassVar = [models.Index(fields=("hub", "-id"), name="watching_finding_of_hub")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.hub}: {self.verdict}"


class Turn(models.Model):
    """A hub that went up, down or degraded, once it is sure: the one fact that others react to.

    Written by the checks after as many failures or successes as are asked for; `reacted_at` is
    set by whoever reacts, in the transaction of the reaction.
    """

    hub = models.TextField()
    state = models.CharField(max_length=10)
    """`up`, `degraded` or `down`."""
    cause = models.CharField(max_length=20, blank=True)
    """A cause class, such as `spawner`; empty for `up`."""
    what = models.TextField(blank=True)
    """What was found, in a sentence."""
    hint = models.TextField(blank=True)
    began_at = models.DateTimeField()
    """When the first of the checks saw it: trouble began then, not when it was sure."""
    at = models.DateTimeField(default=now)
    reacted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "watching"
        indexes: ClassVar = [
            models.Index(fields=("hub", "-id"), name="watching_turn_of_hub"),
            models.Index(
                fields=("id",),
                condition=models.Q(reacted_at=None),
                name="watching_turn_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hub} went {self.state}"


class Announcement(models.Model):
    """What the operator tells the public; shown until it ends."""

    class Kind(models.TextChoices):
        NOTICE = "notice", "notice"
        MAINTENANCE = "maintenance", "maintenance"
        TROUBLE = "trouble", "trouble"

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.NOTICE)
    title = models.CharField(max_length=120)
    text = models.TextField(blank=True)
    community = models.CharField(max_length=40, blank=True)
    """Whose hubs it is about; empty: all."""
    starts_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField(null=True, blank=True)
    made_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        app_label = "watching"
        ordering = ("-starts_at", "-id")

    def __str__(self) -> str:
        return self.title
