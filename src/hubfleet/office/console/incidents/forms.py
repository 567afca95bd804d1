"""The forms of an incident. Times are of the service's zone."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from hubfleet.office.incidents.words import (
    ACTION_KINDS,
    ENTRY_KINDS,
    KINDS,
    PRIORITIES,
    ROLES,
    SECTIONS,
    UPDATES,
)
from hubfleet.office.ports import desk


def _choices(words: Any, empty: str = "") -> list[tuple[str, str]]:
    first = [("", empty)] if empty else []
    return [*first, *((key, f"{key}: {said}") for key, said in words.items())]


def _text(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class DeclareForm(forms.Form):
    """What is wrong, and where."""

    hubs = forms.MultipleChoiceField(
        label="Hubs", required=False, widget=forms.CheckboxSelectMultiple
    )
    kind = forms.ChoiceField(label="What is broken", choices=_choices(KINDS))
    title = forms.CharField(
        label="In a few words", max_length=160, required=False,
        help_text="Empty: hubs and kind make the title.",
    )  # fmt: skip
    text = forms.CharField(label="What you saw", max_length=4000, required=False, widget=_text(4))
    priority = forms.ChoiceField(
        label="Priority", required=False, choices=_choices(PRIORITIES, "by kind and stage")
    )

    community = forms.ChoiceField(label="All hubs of a community", required=False)
    cluster = forms.ChoiceField(label="All hubs on a cluster", required=False)

    field_order = ("kind", "title", "text", "priority", "community", "cluster", "hubs")

    def __init__(self, *arguments: Any, hubs: list[str], service: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._service = service
        self.fields["hubs"].choices = [(name, name) for name in hubs]  # type: ignore[attr-defined]
        if not service:
            for name in ("priority", "community", "cluster"):
                del self.fields[name]
            return
        self.fields["hubs"].help_text = "Nothing chosen: the service as a whole."
        fleet = desk().fleet()
        for name, known in (("community", fleet.communities), ("cluster", fleet.clusters)):
            choices = [("", "none"), *((one, one) for one in sorted(known))]
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if not found.get("hubs") and not self._service and "hubs" not in self.errors:
            self.add_error("hubs", "Say which hub.")
        return found


class SayForm(forms.Form):
    """A line of the timeline."""

    kind = forms.ChoiceField(choices=_choices(ENTRY_KINDS))
    text = forms.CharField(label="What", max_length=8000, widget=_text(2))
    link = forms.URLField(label="Link", required=False, max_length=1000, assume_scheme="https")


class TellForm(forms.Form):
    """An update of the public."""

    public = forms.ChoiceField(label="State", choices=_choices(UPDATES))
    text = forms.CharField(
        label="What the public reads", max_length=4000, widget=_text(4),
        help_text="On the status page at once, and as mail to those who speak for the communities.",
    )  # fmt: skip


class CorrectForm(forms.Form):
    """What is known of it."""

    title = forms.CharField(max_length=160)
    priority = forms.ChoiceField(choices=_choices(PRIORITIES))
    kind = forms.ChoiceField(choices=_choices(KINDS))
    channel = forms.CharField(
        label="Channel", max_length=300, required=False, help_text="Where its people talk."
    )
    users_affected = forms.IntegerField(
        label="People affected", required=False, min_value=0, max_value=10_000_000
    )
    began_at = forms.DateTimeField(
        label="Began", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def clean_began_at(self) -> Any:
        zone = ZoneInfo(desk().fleet().service.timezone)
        return self.cleaned_data["began_at"].replace(tzinfo=zone)


class RoleForm(forms.Form):
    """Who is asked to take which part."""

    role = forms.ChoiceField(choices=_choices(ROLES))
    to = forms.CharField(label="Login", max_length=150)


class EndForm(forms.Form):
    """How it ended."""

    text = forms.CharField(label="What was done", max_length=4000, required=False, widget=_text(2))
    unverified = forms.CharField(
        label="If no probe agrees, why it ends all the same", max_length=2000, required=False
    )


class SilenceForm(forms.Form):
    """What opens no incident, how long, and why."""

    hub = forms.ChoiceField(label="Of", required=False)
    kind = forms.ChoiceField(label="Kind", required=False, choices=_choices(KINDS, "every kind"))
    hours = forms.IntegerField(label="For how many hours", min_value=1, max_value=744, initial=2)
    reason = forms.CharField(label="Why", max_length=2000)

    def __init__(self, *arguments: Any, places: list[tuple[str, str]], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["hub"].choices = places  # type: ignore[attr-defined]


class ReportForm(forms.Form):
    """The written parts of a report."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for key, title in SECTIONS.items():
            self.fields[key] = forms.CharField(
                label=title, required=False, max_length=20_000, widget=_text(5)
            )
        self.fields["owner"] = forms.CharField(
            label="Who writes it", required=False, max_length=150, help_text="A login."
        )


class ActionForm(forms.Form):
    """Something to do; an empty text takes the action away."""

    text = forms.CharField(label="What", max_length=500, required=False)
    kind = forms.ChoiceField(label="Why", choices=_choices(ACTION_KINDS))
    owner = forms.CharField(label="Owner", max_length=150, required=False, help_text="A login.")
    due = forms.DateField(
        label="Due", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    link = forms.URLField(
        label="Where it is followed", required=False, max_length=1000, assume_scheme="https"
    )
