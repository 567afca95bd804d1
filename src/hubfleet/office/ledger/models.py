"""The tables. What has ended never changes: not from here, and not from any program, because
triggers in the database refuse it (migration 2).

A hub is text, `community/hub`. Times have time zones. Rows are in the order in which they were
written: that is the order of `id`, also when the clock jumps.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeVar

from django.db import models

Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class KeptRows(models.QuerySet[Row_co]):
    """Rows that can be added and read, and changed only as long as they have not ended."""

    def update(self, **values: Any) -> int:
        """Changes the rows that have not ended, and no others."""
        return super(KeptRows, self.filter(ended_at=None)).update(**values)

    def delete(self) -> NoReturn:
        raise TypeError("the ledger forgets nothing")


class Kept(models.Model):
    """A row for ever."""

    objects = KeptRows.as_manager()

    class Meta:
        abstract = True

    def save(self, *arguments: Any, **options: Any) -> None:
        if not self._state.adding:
            raise TypeError("a row of the ledger is written once")
        super().save(*arguments, **options)

    def delete(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise TypeError("the ledger forgets nothing")


class Rollout(Kept):
    """One run of a plan. `state` is `running` until it has ended."""

    id = models.TextField(primary_key=True)
    state = models.TextField(default="running")
    ended_at = models.DateTimeField(null=True)


class Beginning(Kept):
    """That a rollout began, or went on after it was cut off (`resumed`), and who wanted it so."""

    rollout = models.ForeignKey(Rollout, models.PROTECT)
    at = models.DateTimeField()
    who = models.TextField()
    why = models.TextField()
    fingerprint = models.TextField()
    declaration = models.TextField()
    despite_freeze = models.TextField()
    resumed = models.BooleanField()
    epoch = models.BigIntegerField()
    steps = models.JSONField()


class Act(Kept):
    """An intention and, once `ended_at` is set, its outcome."""

    rollout = models.ForeignKey(Rollout, models.PROTECT)
    hub = models.TextField()
    action = models.TextField()
    epoch = models.BigIntegerField()
    snapshot = models.TextField()
    intended_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    changed = models.BooleanField(null=True)
    revision = models.IntegerField(null=True)
    seconds = models.FloatField(null=True)
    note = models.TextField(default="")
    problems = models.JSONField(default=list)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["rollout", "hub"], name="ledger_act_of_hub")]


class Judgement(Kept):
    """The verdict on a gate."""

    rollout = models.ForeignKey(Rollout, models.PROTECT)
    hub = models.TextField()
    at = models.DateTimeField()
    verdict = models.TextField()
    passed = models.BooleanField()
    attempts = models.IntegerField()
    probe = models.JSONField()


class Settlement(Kept):
    """What became of a hub in a rollout."""

    rollout = models.ForeignKey(Rollout, models.PROTECT)
    hub = models.TextField()
    at = models.DateTimeField()
    fate = models.TextField()
    why = models.TextField()


class Revision(Kept):
    """What a hub ran from `at` on; secrets are only marks.

    A hub that was removed and created again counts its revisions from 1 again: `id` is what names
    one for ever. `values` are empty for a removal and for what an earlier hubfleet wrote without
    them. `restored_from` is the number that a rollback went back to.
    """

    rollout = models.ForeignKey(Rollout, models.PROTECT)
    hub = models.TextField()
    number = models.IntegerField()
    action = models.TextField()
    declaration = models.TextField()
    values = models.JSONField()
    environment = models.TextField()
    software = models.JSONField()
    who = models.TextField()
    why = models.TextField()
    began_at = models.DateTimeField()
    at = models.DateTimeField()
    seconds = models.FloatField()
    snapshot = models.TextField()
    verdict = models.TextField()
    probe = models.JSONField()
    restored_from = models.IntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["hub", "-id"], name="ledger_revision_of_hub")]


class LeaseRow(models.Model):
    """Who may change the fleet: one row, and the only one of the ledger that is written over.

    `process` tells whether the owner still lives, for those who are on the same machine.
    """

    fleet = models.TextField(primary_key=True)
    owner = models.TextField()
    process = models.TextField()
    epoch = models.BigIntegerField()
    since = models.DateTimeField()
    expiry = models.DateTimeField()


class Edition(models.Model):
    """Which hubfleet brought the tables to which migration."""

    migration = models.TextField(primary_key=True)
    hubfleet = models.TextField()
