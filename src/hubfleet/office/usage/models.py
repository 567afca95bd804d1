"""What is known of use. A hub is text, `community/hub`; a person is a keyed hash, and no more."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

HASH = 32
"""Hexadecimal digits of a hash."""


class Secret(models.Model):
    """One row: the secret that all keys are made from, sealed with the console's own key."""

    id = models.IntegerField(primary_key=True, default=1)
    sealed = models.BinaryField()

    class Meta:
        app_label = "usage"

    def __str__(self) -> str:
        return "the secret of the hashes"


class Reading(models.Model):
    """The last reading of a hub."""

    hub = models.TextField(primary_key=True)
    at = models.DateTimeField(null=True)
    """When it succeeded last."""
    running = models.IntegerField(default=0)
    """Servers that count, at that time."""
    spawns: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True)
    """The hub's own counters of starts, at that time."""
    trouble = models.TextField(blank=True)
    """Why it could not be read the last time; empty when it could."""

    class Meta:
        app_label = "usage"

    def __str__(self) -> str:
        return f"{self.hub} was read {self.at}"


class Session(models.Model):
    """One server from its start to its end."""

    hub = models.TextField()
    key = models.CharField(max_length=HASH)
    """Hash of person, server and start, with the key of the month in which it started."""
    person = models.CharField(max_length=HASH)
    """Hash of the person, with the same key: the person's row of that month has the same."""
    place = models.CharField(max_length=HASH)
    """Hash of person and server, with the same key: the same server, started again."""
    started = models.DateTimeField()
    counted_to = models.DateTimeField()
    """The last time that it was seen running."""
    ended = models.DateTimeField(null=True)
    """None while it runs."""
    requested = models.BigIntegerField(null=True)
    """Bytes of memory that it was promised."""
    cpu_seconds = models.FloatField(default=0)

    class Meta:
        app_label = "usage"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("hub", "key"), name="usage_session_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("hub",), condition=models.Q(ended=None), name="usage_session_running"
            ),
            models.Index(fields=("ended",), name="usage_session_ended"),
        ]

    def __str__(self) -> str:
        return f"a session on {self.hub} from {self.started}"


class Presence(models.Model):
    """Somebody who counts in a period of a hub; deleted when the period is over and kept long
    enough.
    """

    community = models.TextField()
    hub = models.TextField()
    kind = models.CharField(max_length=6)
    """One of `periods.Kind`."""
    start = models.DateField()
    """The first day of the period."""
    person = models.CharField(max_length=HASH)
    """Hash of the name, with the key of this community and period."""
    since = models.DateTimeField()
    """When they counted first: the evidence of a bill."""

    class Meta:
        app_label = "usage"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("hub", "kind", "start", "person"), name="usage_presence_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=("community", "kind", "start"), name="usage_presence_of"),
            models.Index(fields=("kind", "start"), name="usage_presence_when"),
        ]

    def __str__(self) -> str:
        return f"somebody in the {self.kind} of {self.start} on {self.hub}"


class People(models.Model):
    """How many different people counted in a period, on a hub or on a community's hubs; stays."""

    community = models.TextField()
    scope = models.TextField()
    """`community/hub`, or `community`."""
    kind = models.CharField(max_length=6)
    start = models.DateField()
    count = models.IntegerField()

    class Meta:
        app_label = "usage"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("scope", "kind", "start"), name="usage_people_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=("kind", "start", "scope"), name="usage_people_when"),
        ]

    def __str__(self) -> str:
        return f"{self.count} in the {self.kind} of {self.start} on {self.scope}"


class UseDay(models.Model):
    """One day of UTC of one hub; stays. Communities and the fleet (scope: empty) have rows too, in
    which only `peak` and `spawns` count: peaks of hubs do not add up, and histograms take long to.
    """

    community = models.TextField()
    scope = models.TextField()
    day = models.DateField()
    sessions = models.IntegerField(default=0)
    """Servers that started."""
    server_hours = models.FloatField(default=0)
    requested = models.FloatField(default=0)
    """GiB-hours of memory promised."""
    used = models.FloatField(default=0)
    """GiB-hours of memory in use, in the hours that were measured."""
    measured = models.FloatField(default=0)
    """Server-hours in which memory in use was measured."""
    cpu = models.FloatField(default=0)
    """CPU-hours."""
    peak = models.IntegerField(default=0)
    """The most servers at once."""
    spawns: models.JSONField[list[list[Any]]] = models.JSONField(default=list)
    """The histogram of starts that succeeded, as the hub counts: bounds and counts."""
    failed = models.FloatField(default=0)
    rejected = models.FloatField(default=0)

    class Meta:
        app_label = "usage"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("scope", "day"), name="usage_day_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=("community", "day"), name="usage_day_of"),
            models.Index(fields=("day",), name="usage_day_when"),
        ]

    def __str__(self) -> str:
        return f"{self.scope or 'the fleet'} on {self.day}"
