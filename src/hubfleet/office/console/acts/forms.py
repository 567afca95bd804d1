"""What people type about a hub, and the edits that it means: only of what they changed.

The declaration's own checks judge the values; here is only what a page needs to show them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from hubfleet.fleet.edits.edit import ClearField, Edit, SetField
from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.units import parse_memory

_AMOUNT = "such as 512M or 2G"


def _amount(required: bool = False) -> forms.CharField:
    return forms.CharField(required=required, max_length=20, help_text=_AMOUNT)


def _cpus(label: str = "CPUs") -> forms.FloatField:
    return forms.FloatField(label=label, required=False, min_value=0.01, max_value=1024)


class _Why(forms.Form):
    why = forms.CharField(
        required=False,
        max_length=2000,
        help_text="For those who read the history: a reason, a link, who asked.",
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # What is changed comes first, the reason last.
        self.order_fields([*(name for name in self.fields if name != "why"), "why"])


class Limits(_Why):
    """What one person's server may use, and has for sure."""

    memory = _amount()
    cpu = _cpus()
    guaranteed_memory = _amount()
    guaranteed_cpu = _cpus("Guaranteed CPUs")

    KEYS = {
        "memory": "limits.memory",
        "cpu": "limits.cpu",
        "guaranteed_memory": "guarantees.memory",
        "guaranteed_cpu": "guarantees.cpu",
    }

    @classmethod
    def now(cls, hub: Hub) -> dict[str, Any]:
        return {name: _effective(hub, key) for name, key in cls.KEYS.items()}

    def clean_memory(self) -> str:
        return _memory(self.cleaned_data["memory"])

    def clean_guaranteed_memory(self) -> str:
        return _memory(self.cleaned_data["guaranteed_memory"])

    def edits(self, hub: Hub) -> list[Edit]:
        now = self.now(hub)
        edits: list[Edit] = []
        for name, key in self.KEYS.items():
            said = self.cleaned_data[name]
            if said in ("", None):
                # Without a word of its own the hub has what lower layers say.
                if _own(hub, key):
                    edits.append(ClearField(hub.name, key))
            elif said != now[name]:
                edits.append(SetField(hub.name, key, _whole(said)))
        return edits


class Environment(_Why):
    """Packages, or the commit of a repository elsewhere."""

    packages = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"class": "mono", "rows": 8, "spellcheck": "false"}),
        help_text="One in a line, as pip would take it: numpy, or pandas>=2",
    )
    python = forms.CharField(required=False, max_length=5, help_text="Such as 3.12; empty: ours")
    ref = forms.CharField(required=False, max_length=64, help_text="The full commit")

    @staticmethod
    def now(hub: Hub) -> dict[str, Any]:
        environment = hub.values.environment
        return {
            "packages": "\n".join(environment.packages),
            "python": environment.python or "",
            "ref": environment.ref or "",
        }

    def edits(self, hub: Hub) -> list[Edit]:
        said, now = self.cleaned_data, hub.values.environment
        edits: list[Edit] = []
        if now.repository:
            if said["ref"] and said["ref"] != (now.ref or ""):
                edits.append(SetField(hub.name, "environment.ref", said["ref"]))
            return edits
        wanted = [line.strip() for line in said["packages"].splitlines() if line.strip()]
        if tuple(wanted) != now.packages:
            edits.append(SetField(hub.name, "environment.packages", wanted))
        if said["python"] != (now.python or ""):
            key = "environment.python"
            python = said["python"]
            edits.append(SetField(hub.name, key, python) if python else ClearField(hub.name, key))
        return edits


class Access(_Why):
    """Who comes in beside those that are named."""

    groups = forms.CharField(
        required=False, max_length=2000, help_text="Names of the community's groups, with commas"
    )
    everyone = forms.BooleanField(required=False)
    until = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day on which it is open to everyone",
    )

    @staticmethod
    def now(hub: Hub) -> dict[str, Any]:
        access = hub.values.access
        return {
            "groups": ", ".join(access.allow.groups),
            "everyone": access.everyone,
            "until": access.until,
        }

    def edits(self, hub: Hub) -> list[Edit]:
        said, now = self.cleaned_data, hub.values.access
        edits: list[Edit] = []
        groups = [name.strip() for name in said["groups"].split(",") if name.strip()]
        if tuple(groups) != now.allow.groups:
            edits.append(SetField(hub.name, "access.allow.groups", groups))
        if said["everyone"] != now.everyone:
            edits.append(SetField(hub.name, "access.everyone", said["everyone"]))
        if said["until"] != now.until:
            key, until = "access.until", said["until"]
            edits.append(
                SetField(hub.name, key, until.isoformat()) if until else ClearField(hub.name, key)
            )
        return edits


class Profile(_Why):
    """One profile; what a page does not show of it stays as it is declared."""

    was = forms.CharField(required=False, widget=forms.HiddenInput, max_length=200)
    name = forms.CharField(max_length=100)
    description = forms.CharField(required=False, max_length=300)
    memory = _amount()
    cpu = _cpus()
    groups = forms.CharField(
        required=False, max_length=500, help_text="Only for these, with commas; empty: everybody"
    )
    default = forms.BooleanField(required=False, help_text="Chosen unless somebody chooses another")

    @staticmethod
    def now(profile: Mapping[str, Any]) -> dict[str, Any]:
        limits = profile.get("limits") or {}
        return {
            "was": profile.get("name"),
            "name": profile.get("name"),
            "description": profile.get("description", ""),
            "memory": limits.get("memory"),
            "cpu": limits.get("cpu"),
            "groups": ", ".join(profile.get("groups") or ()),
            "default": bool(profile.get("default")),
        }

    def clean_memory(self) -> str:
        return _memory(self.cleaned_data["memory"])

    def merged(self, profiles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """All profiles with this one changed or, when it is new, added."""
        said = self.cleaned_data
        found = [dict(one) for one in profiles]
        changed = next((one for one in found if one.get("name") == said["was"]), None)
        if changed is None or not said["was"]:
            changed = {}
            found.append(changed)
        changed["name"] = said["name"]
        _keep(changed, "description", said["description"])
        limits = dict(changed.get("limits") or {})
        _keep(limits, "memory", said["memory"])
        _keep(limits, "cpu", _whole(said["cpu"]) if said["cpu"] else None)
        _keep(changed, "limits", limits)
        groups = [name.strip() for name in said["groups"].split(",") if name.strip()]
        _keep(changed, "groups", groups)
        if said["default"]:
            for other in found:
                other.pop("default", None)
        _keep(changed, "default", said["default"])
        return found


def _keep(values: dict[str, Any], key: str, value: Any) -> None:
    """Set what says something; leave out what does not."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)


def _memory(said: str) -> str:
    if said:
        try:
            parse_memory(said)
        except (ValueError, HubfleetError) as error:
            raise forms.ValidationError(str(error)) from None
    return said


def _effective(hub: Hub, key: str) -> Any:
    found = hub.effective.get(key)
    return found.value if found else None


def _own(hub: Hub, key: str) -> bool:
    """Whether the hub's own file says it."""
    found = hub.effective.get(key)
    return bool(found and found.place and found.place.file == hub.place.file)


def _whole(value: Any) -> Any:
    """2.0 CPUs are written 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
