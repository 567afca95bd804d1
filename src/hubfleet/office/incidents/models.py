"""The tables of incidents. A hub is text, `community/hub`; a person is a login.

Rows of the timeline are written once: triggers in the database refuse to change or delete them.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from hubfleet.kit.clock import now


class Incident(models.Model):
    """Something broken that people notice. Its number is its id."""

    title = models.CharField(max_length=160)
    kind = models.CharField(max_length=24)
    """One of `words.KINDS`."""
    priority = models.CharField(max_length=2)
    state = models.CharField(max_length=12, default="triggered")
    source = models.CharField(max_length=8)
    """`machine` or `person`: who opened it."""
    opened_by = models.CharField(max_length=150)
    corrected = models.BooleanField(default=False)
    """A person chose priority or kind: alerts leave both alone from then on."""
    channel = models.CharField(max_length=300, blank=True)
    """Where the people who work on it talk."""
    users_affected = models.PositiveIntegerField(null=True)
    """How many people it kept from working, when somebody counted."""

    began_at = models.DateTimeField()
    """When the trouble began, as far as is known; sooner than anybody saw it."""
    opened_at = models.DateTimeField(default=now)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    informed_at = models.DateTimeField(null=True)
    """The first public update."""
    updated_at = models.DateTimeField(null=True)
    """The last public update."""
    active_at = models.DateTimeField(null=True)
    mitigated_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    """Empty when it ended by itself."""
    unverified = models.TextField(blank=True)
    """Why it was resolved without a probe that agrees."""
    returns = models.PositiveIntegerField(default=0)
    """So often it came back after it was resolved."""

    class Meta:
        app_label = "incidents"
        indexes: ClassVar = [
            models.Index(fields=("resolved_at", "-id"), name="incidents_open_first"),
        ]

    def __str__(self) -> str:
        return f"incident {self.pk}: {self.title}"

    @property
    def alone(self) -> bool:
        """Opened by machine, taken by nobody."""
        return self.source == "machine" and self.acknowledged_at is None

    @property
    def open(self) -> bool:
        return self.resolved_at is None

    @property
    def key(self) -> str:
        """What its page is called."""
        return f"incident/{self.pk}"


class Affected(models.Model):
    """A hub in an incident; the empty name is the service as a whole."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="affected")
    hub = models.CharField(max_length=80, blank=True)
    cluster = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=24)
    """As it was first seen; what a person corrects is the incident's."""
    open = models.BooleanField(default=True)
    """Whether its incident is open: of one hub and kind there is one open row."""
    firing = models.TextField(blank=True)
    """What says that it is broken, a word each: `turn`, `alert:<fingerprint>`."""
    since = models.DateTimeField()
    recovered_at = models.DateTimeField(null=True)
    returns = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "incidents"
        ordering = ("hub", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("hub", "kind"), condition=models.Q(open=True), name="incidents_one_open"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=("hub", "-id"), name="incidents_of_hub")]

    def __str__(self) -> str:
        return f"{self.hub or 'the service'} in incident {self.incident_id}"


class Entry(models.Model):
    """One line of an incident's timeline."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="entries")
    at = models.DateTimeField(default=now)
    """When it happened."""
    made_at = models.DateTimeField(default=now)
    kind = models.CharField(max_length=14)
    """One of `words.ENTRY_KINDS`."""
    origin = models.CharField(max_length=8, default="person")
    """`person`, `alert`, `turn`, `probe`, `rollout`, `role`, `state` or `mail`."""
    who = models.CharField(max_length=150)
    """A login, or `hubfleet`."""
    text = models.TextField()
    hub = models.CharField(max_length=80, blank=True)
    link = models.CharField(max_length=1000, blank=True)
    public = models.CharField(max_length=14, blank=True)
    """One of `words.UPDATES` where the public was told; else empty."""
    key = models.CharField(max_length=120, blank=True)
    """Names what the entry is about, so that it is written once."""

    class Meta:
        app_label = "incidents"
        ordering = ("at", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("incident", "key"),
                condition=~models.Q(key=""),
                name="incidents_entry_once",
            )
        ]

    def __str__(self) -> str:
        return self.text[:80]


class Role(models.Model):
    """Who has which part in it. What is offered counts only once it is accepted."""

    OFFERED, HELD, ENDED, DECLINED = "offered", "held", "ended", "declined"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="roles")
    role = models.CharField(max_length=14)
    """One of `words.ROLES`."""
    login = models.CharField(max_length=150)
    state = models.CharField(max_length=8, default=OFFERED)
    offered_by = models.CharField(max_length=150, blank=True)
    offered_at = models.DateTimeField(default=now)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "incidents"
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("incident", "role"),
                condition=models.Q(state="held") & ~models.Q(role="expert"),
                name="incidents_role_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.login} as {self.role}: {self.state}"


class Alert(models.Model):
    """What was told from outside or by our own checks, once for each state of it."""

    fingerprint = models.CharField(max_length=120)
    starts_at = models.DateTimeField()
    status = models.CharField(max_length=8)
    """`firing` or `resolved`."""
    source = models.CharField(max_length=12)
    """`alertmanager` or `watching`."""
    name = models.CharField(max_length=200)
    hub = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=24)
    priority = models.CharField(max_length=2)
    what = models.TextField(blank=True)
    labels = models.JSONField(default=dict)
    url = models.CharField(max_length=1000, blank=True)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, related_name="alerts")
    withheld = models.CharField(max_length=12, blank=True)
    """Why it opened nothing: `maintenance`, `silenced`, `undeclared` or `over`."""
    received_at = models.DateTimeField(default=now)
    last_at = models.DateTimeField(default=now)
    times = models.PositiveIntegerField(default=1)
    """How often the same was told."""

    class Meta:
        app_label = "incidents"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("fingerprint", "starts_at", "status"), name="incidents_alert_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("withheld",),
                condition=models.Q(withheld__in=("maintenance", "silenced")),
                name="incidents_alert_withheld",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.status}"


class Silence(models.Model):
    """What opens no incident for a while, and why. Empty matchers match everything."""

    hub = models.CharField(max_length=80, blank=True)
    """`community/hub`, or a community."""
    kind = models.CharField(max_length=24, blank=True)
    reason = models.TextField()
    starts_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)

    class Meta:
        app_label = "incidents"
        ordering = ("-ends_at", "-id")

    def __str__(self) -> str:
        return f"{self.hub or 'everything'} until {self.ends_at}"


class Report(models.Model):
    """What was learned. One for each incident that needs one, or that somebody wrote one for."""

    incident = models.OneToOneField(Incident, models.CASCADE, related_name="report")
    state = models.CharField(max_length=9, default="draft")
    owner = models.CharField(max_length=150, blank=True)
    due_at = models.DateTimeField()
    texts = models.JSONField(default=dict)
    """By the keys of `words.SECTIONS`."""
    made_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    written_by = models.JSONField(default=list)
    """Everybody who changed it since it was last reviewed: none of them reviews it."""
    reviewed_by = models.CharField(max_length=150, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closed_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=150, blank=True)
    published_at = models.DateTimeField(null=True)
    published = models.JSONField(null=True)
    """What the public reads: names are gone, and later changes of the record are not in it."""
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "incidents"

    def __str__(self) -> str:
        return f"report of incident {self.incident_id}: {self.state}"


class Action(models.Model):
    """Something to do so that it goes better the next time."""

    report = models.ForeignKey(Report, models.CASCADE, related_name="actions")
    text = models.CharField(max_length=500)
    kind = models.CharField(max_length=10)
    """One of `words.ACTION_KINDS`."""
    owner = models.CharField(max_length=150, blank=True)
    due = models.DateField(null=True)
    link = models.CharField(max_length=1000, blank=True)
    """Where it is followed, such as an issue."""
    done_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "incidents"
        ordering = ("id",)

    def __str__(self) -> str:
        return self.text


class AlertToken(models.Model):
    """What an Alertmanager shows. Its text was shown once and is stored nowhere."""

    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=now)
    made_by = models.CharField(max_length=150)
    used_at = models.DateTimeField(null=True)
    """When it was last shown, to the minute."""
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "incidents"

    def __str__(self) -> str:
        return f"token of {self.made_at}"


class Turnstile(models.Model):
    """One row that whoever groups troubles holds: two at once would open two incidents."""

    id = models.IntegerField(primary_key=True, default=1)

    class Meta:
        app_label = "incidents"

    def __str__(self) -> str:
        return "turnstile"
