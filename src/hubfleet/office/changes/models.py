"""Changes of the declaration, and the processes that carried plans out. Names are text."""

from __future__ import annotations

import uuid

from django.db import models

from hubfleet.kit.clock import now


class Change(models.Model):
    """One commit that somebody made through the console or the API.

    The row is written before git's reference moves, so that a crash between the two is known.
    """

    class State(models.TextChoices):
        INTENDED = "intended", "being made"
        MADE = "made", "made"
        WAITING = "waiting", "waiting for review"
        MERGED = "merged", "merged"
        DROPPED = "dropped", "dropped"

    at = models.DateTimeField(default=now)
    who = models.CharField(max_length=150)
    """The login."""
    author = models.CharField(max_length=500)
    """`name <address>`, as the commit has it."""
    why = models.TextField(blank=True)
    community = models.CharField(max_length=40, db_index=True)
    hub = models.CharField(max_length=80, blank=True, db_index=True)
    """`community/hub`; empty when it is about the whole community."""
    items = models.JSONField(default=list)
    """Responsibilities that it is about, by their words."""
    sentences = models.JSONField(default=list)
    """What each edit does."""
    files = models.JSONField(default=list)
    """`{"file", "old", "new"}`: git's names of the contents."""
    diff = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.INTENDED)
    branch = models.CharField(max_length=250)
    """The branch that the commit is on."""
    commit = models.CharField(max_length=64, blank=True)
    parent = models.CharField(max_length=64, blank=True)

    class Meta:
        app_label = "changes"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"change {self.pk}: {self.summary}"

    @property
    def review_branches(self) -> tuple[str, str]:
        """What its own branch is called; the second where somebody has a branch `change`, beside
        which git can keep no `change/1`.
        """
        return f"change/{self.pk}", f"change-{self.pk}"

    @property
    def reviewed(self) -> bool:
        """Whether it has a branch of its own, which somebody reviews and merges."""
        return self.branch in self.review_branches

    @property
    def summary(self) -> str:
        """The first line of the commit's message."""
        first = str(self.sentences[0]) if self.sentences else "Change the declaration"
        more = len(self.sentences) - 1
        return first if more < 1 else f"{first}, and {more} more"


class Run(models.Model):
    """One process that rolls out a plan or brings a hub back."""

    class Kind(models.TextChoices):
        APPLY = "apply", "rollout"
        ROLLBACK = "rollback", "rollback"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(default=now)
    who = models.CharField(max_length=150)
    why = models.TextField(blank=True)
    hubs = models.JSONField(default=list)
    """The hubs that it is about, `community/hub`."""
    fingerprint = models.CharField(max_length=64, blank=True)
    """Of the plan; empty for a rollback."""
    pid = models.IntegerField(null=True)
    pid_began = models.BigIntegerField(null=True)
    """When the process began, in the kernel's ticks: pids are used again."""
    boot = models.CharField(max_length=40, blank=True)
    """The machine's boot id."""
    rollout = models.CharField(max_length=64, blank=True)
    """Its id in the ledger, once it has begun."""
    ended_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    """None while it runs, and when it ended while the console was away."""
    outcome = models.TextField(blank=True)
    """What it said at its end, in plain words."""

    class Meta:
        app_label = "changes"
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.kind} by {self.who} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def running(self) -> bool:
        return self.ended_at is None

    @property
    def ok(self) -> bool:
        return self.exit_code == 0
