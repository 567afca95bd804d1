"""Accounts and what belongs to them. Communities and hubs are names, as git declares them.

An account is never deleted and its login never changes or is used again, because a hub's homes are
named after it: `leaving.erase` empties the account and keeps the name. The database refuses both
(migration 2).
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from hubfleet.kit.clock import now
from hubfleet.office.accounts.logins import one_spelling


class People(BaseUserManager["Person"]):
    """Makes accounts; allauth and Django's own code call these names."""

    def create_user(
        self, login: str, email: str = "", password: str | None = None, **extra: Any
    ) -> Person:
        person = self.model(login=one_spelling(login), email=email.strip().lower(), **extra)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, login: str | None) -> Person:
        return self.get(login=one_spelling(login or ""))


class Person(AbstractBaseUser):
    """One account. The login is the person's user name on all hubs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    login = models.CharField(max_length=150)
    name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    is_active = models.BooleanField(default=True)
    made_at = models.DateTimeField(default=now)
    erased_at = models.DateTimeField(null=True)
    """Since when nothing but the login is left."""

    objects: ClassVar[People] = People()

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        app_label = "accounts"
        constraints = [models.UniqueConstraint(Lower("login"), name="accounts_login_once")]

    def __str__(self) -> str:
        return self.name or self.login

    def clean(self) -> None:
        super().clean()
        self.login = one_spelling(self.login)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.login

    def has_perm(self, _perm: str, _obj: object = None) -> bool:
        """Nobody, nothing: rights are decided in `rights` alone."""
        return False

    def has_module_perms(self, _label: str) -> bool:
        return False


class StaffRole(models.Model):
    """What somebody does for the operator; one row for each role."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="staff_roles")
    role = models.CharField(max_length=30)
    granted_by = models.CharField(max_length=150)
    granted_at = models.DateTimeField(default=now)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(fields=("person", "role"), name="accounts_role_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} is {self.role}"


class CommunityRole(models.Model):
    """What somebody does for a community beside representing it, which git declares."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="community_roles")
    community = models.CharField(max_length=40, db_index=True)
    role = models.CharField(max_length=30)
    """`technical-contact`, `partner-engineer` or `billing-contact`."""
    granted_by = models.CharField(max_length=150)
    granted_at = models.DateTimeField(default=now)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(
                fields=("person", "community", "role"), name="accounts_community_role_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} is {self.role} of {self.community}"


class Membership(models.Model):
    """An ordinary user of one hub, or of all hubs of a community (`hub` is empty)."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    community = models.CharField(max_length=40)
    hub = models.CharField(max_length=80, blank=True)
    """`community/hub`; empty: all hubs of the community, also later ones."""
    until = models.DateField(null=True)
    """The last day, in the service's time zone; none: without an end."""
    added_by = models.CharField(max_length=150)
    added_at = models.DateTimeField(default=now)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(
                fields=("person", "community", "hub"), name="accounts_membership_once"
            )
        ]
        indexes = [models.Index(fields=("community", "hub"), name="accounts_members_of")]

    def __str__(self) -> str:
        return f"{self.person_id} uses {self.hub or self.community}"


class Group(models.Model):
    """A group of a community; a hub names it in `access.allow.groups` or a profile's `groups`."""

    community = models.CharField(max_length=40)
    name = models.CharField(max_length=40)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=now)
    people = models.ManyToManyField(Person, related_name="community_groups")

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(fields=("community", "name"), name="accounts_group_once")
        ]

    def __str__(self) -> str:
        return f"{self.community}: {self.name}"


class Invitation(models.Model):
    """A way in for one address, once. The link's secret is stored hashed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField(max_length=254)
    login = models.CharField(max_length=150, blank=True)
    """The login that it makes; empty: the person chooses one that nobody reserved."""
    name = models.CharField(max_length=200, blank=True)
    community = models.CharField(max_length=40, blank=True)
    hub = models.CharField(max_length=80, blank=True)
    """Where it lets in: a hub, all hubs of the community, or (both empty) only the console."""
    groups = models.JSONField(default=list)
    """Names of the community's groups to join."""
    staff_roles = models.JSONField(default=list)
    community_roles = models.JSONField(default=list)
    until = models.DateField(null=True)
    """The membership's last day."""
    batch = models.UUIDField(null=True, db_index=True)
    """Those that were sent together."""
    invited_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "accounts"
        indexes = [
            models.Index(fields=("community", "hub", "used_at"), name="accounts_invited_to"),
            models.Index(fields=("email",), name="accounts_invited_email"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.hub or self.community or 'the console'}"


class FirstLink(models.Model):
    """The one-time link that makes the first administrator. Stored hashed."""

    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "accounts"

    def __str__(self) -> str:
        return f"first administrator, until {self.expires_at}"
