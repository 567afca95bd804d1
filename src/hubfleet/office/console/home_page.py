"""`/`: the fleet for who sees it, else the hubs of the visitor's communities."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from hubfleet.fleet.model import Fleet
from hubfleet.office.accounts import first_link
from hubfleet.office.accounts.asking import ask, standing_here
from hubfleet.office.accounts.rights import Action, Standing
from hubfleet.office.console.glance import Row, glance
from hubfleet.office.console.seeing import visible_hubs
from hubfleet.office.ports import desk


@dataclass(frozen=True, slots=True)
class Mine:
    """One of the visitor's communities and its hubs."""

    name: str
    title: str
    roles: str
    rows: tuple[Row, ...]


def home(request: HttpRequest) -> HttpResponseBase:
    """The first page after signing in; before it, the sign-in page or the very first steps."""
    if not request.user.is_authenticated:
        if first_link.wanted():
            return render(request, "console/first_steps.html", {"hide_sign_in": True})
        return redirect("/account/login/")
    if ask(request, Action.SEE_FLEET).allowed:
        return redirect("/fleet/")
    fleet = desk().fleet()
    standing = standing_here(request, fleet)
    names = set(visible_hubs(request, fleet))
    rows = [row for row in glance().rows if row.hub in names and row.declared]
    mine = [
        Mine(
            name,
            fleet.communities[name].file.name,
            ", ".join(_roles(standing, name, fleet)),
            tuple(row for row in rows if row.community == name),
        )
        for name in sorted(standing.communities)
        if name in fleet.communities
    ]
    return render(request, "console/home.html", {"mine": mine, "admin_of": standing.admin_of})


def _roles(standing: Standing, community: str, fleet: Fleet) -> list[str]:
    """What the visitor is there, in words."""
    admin = any(name.startswith(f"{community}/") for name in standing.admin_of)
    words = {
        "representative": community in standing.representative_of,
        "technical contact": community in standing.technical_contact_of,
        "billing contact": community in standing.billing_contact_of,
        "partner engineer": community in standing.partner_engineer_of,
        "hub admin": admin,
    }
    return [word for word, holds in words.items() if holds]
