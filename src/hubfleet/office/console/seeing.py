"""What a visitor may see: who must sign in first, which hubs and communities are theirs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from hubfleet.fleet.model import Fleet, Hub
from hubfleet.office.accounts.asking import ask, note, require, standing_here
from hubfleet.office.accounts.rights import Action

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """Sends whoever is not signed in to the sign-in page, and back afterwards."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), str(settings.LOGIN_URL))
        return view(request, *arguments, **named)

    return guarded


def hub_for(request: HttpRequest, fleet: Fleet, name: str, action: Action) -> Hub:
    """The declared hub, when the visitor may do this to it; raises `Http404` or `Refused`.

    A hub that does not exist and one that is not the visitor's answer alike, and both are audited.
    """
    hub = fleet.hubs.get(name)
    if hub is None:
        if not standing_here(request, fleet).staff:
            note(request, action, name, "hidden", "there is no such hub")
        raise Http404
    require(request, action, name)
    return hub


def visible_hubs(request: HttpRequest, fleet: Fleet) -> dict[str, Hub]:
    """All hubs for who sees the fleet, else those of the visitor's communities that are theirs."""
    if ask(request, Action.SEE_FLEET).allowed:
        return dict(fleet.hubs)
    mine = standing_here(request, fleet).communities
    return {
        name: hub
        for name, hub in fleet.hubs.items()
        if hub.community in mine and ask(request, Action.SEE_HUB, name).allowed
    }


def hubs_looked_after(request: HttpRequest, fleet: Fleet) -> dict[str, Hub]:
    """Those whose inside is the visitor's: values, logs, why a rollout of it failed."""
    return {
        name: hub
        for name, hub in visible_hubs(request, fleet).items()
        if ask(request, Action.SEE_FLEET).allowed or ask(request, Action.SEE_LOGS, name).allowed
    }


def visible_communities(request: HttpRequest, fleet: Fleet) -> list[str]:
    """The names of the communities whose pages the visitor may open."""
    if ask(request, Action.SEE_FLEET).allowed:
        return list(fleet.communities)
    mine = standing_here(request, fleet).communities
    return [name for name in fleet.communities if name in mine]
