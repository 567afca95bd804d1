"""What is due when, who may do it, and how it went."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Holder(models.Model):
    """One row: who runs what is due. Whoever takes it over makes the epoch one higher."""

    id = models.IntegerField(primary_key=True, default=1)
    owner = models.TextField(blank=True)
    """In words, such as `reef, process 4242`."""
    epoch = models.BigIntegerField(default=0)
    since = models.DateTimeField()
    expiry = models.DateTimeField()

    class Meta:
        app_label = "schedules"

    def __str__(self) -> str:
        return f"{self.owner} until {self.expiry}"


class Job(models.Model):
    """One thing that is done again and again; made when it is due for the first time."""

    name = models.CharField(max_length=60, primary_key=True)
    every = models.FloatField()
    """Seconds between two runs."""
    due_at = models.DateTimeField()
    """Moves on only when a run has ended: one that was cut off is due still."""
    began_at = models.DateTimeField(null=True)
    """While it runs."""
    epoch = models.BigIntegerField(default=0)
    """The holder's that runs it, or ran it last."""
    run = models.BigIntegerField(null=True)
    """The newest row of its runs."""
    ended_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)
    result = models.CharField(max_length=8, blank=True)
    said = models.TextField(blank=True)
    failures = models.IntegerField(default=0)
    """In a row."""

    class Meta:
        app_label = "schedules"
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name}, due at {self.due_at}"


class Run(models.Model):
    """How one run went, or several in a row of a quick job that all went in the same way."""

    class Result(models.TextChoices):
        RUNNING = "running", "runs"
        OK = "ok", "done"
        FAILED = "failed", "failed"
        CUT_OFF = "cut-off", "cut off"

    job = models.CharField(max_length=60)
    due_at = models.DateTimeField()
    started_at = models.DateTimeField()
    """Of the first of them."""
    ended_at = models.DateTimeField(null=True)
    """Of the last of them."""
    seconds = models.FloatField(default=0)
    """Of the longest of them."""
    times = models.IntegerField(default=1)
    result = models.CharField(max_length=8, choices=Result)
    said = models.TextField(blank=True)
    """What it did, or why it failed; empty for nothing worth telling."""
    runner = models.TextField()

    class Meta:
        app_label = "schedules"
        indexes: ClassVar = [
            models.Index(fields=("job", "-id"), name="schedules_run_of_job"),
            models.Index(fields=("started_at",), name="schedules_run_started"),
        ]

    def __str__(self) -> str:
        return f"{self.job}: {self.result}"
