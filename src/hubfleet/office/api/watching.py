"""What monitoring systems and reports ask: where hubs are, and what is left of their objectives."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import StringConstraints

from hubfleet.kit.clock import today
from hubfleet.monitoring.programs import installed_jupyterhub
from hubfleet.monitoring.scraping import service_discovery
from hubfleet.monitoring.watched import Places, Watched, watch
from hubfleet.office.api import shapes
from hubfleet.office.api.entrance import needs
from hubfleet.office.api.reading import visible
from hubfleet.office.api.refusing import ANSWERS
from hubfleet.office.api.scopes import Scope
from hubfleet.office.ports import desk
from hubfleet.office.watching.budgets import DEFINITION, Month
from hubfleet.office.watching.measured import budgets_of, sees_budget

router = Router(tags=["watch"])

Names = Annotated[list[shapes.CommunityName], Query(default_factory=list)]
Hubs = Annotated[list[shapes.HubName], Query(default_factory=list)]


@router.get(
    "/sd/hubs", response={200: list[shapes.Discovered], **ANSWERS}, auth=needs(Scope.DISCOVER)
)
def discover(
    request: HttpRequest, hub: Hubs, community: Names, cluster: Names
) -> list[dict[str, Any]]:
    """Every hub that you see, in the format of Prometheus' HTTP service discovery.

    Prometheus sends one token for each of its jobs, so `hub`, `community` and `cluster`, each any
    number of times, choose the hubs of a job.
    """
    fleet = desk().fleet()
    seen = set(visible(request, fleet))
    watched = watch(fleet, Places("", installed_jupyterhub(), lambda _hub, _local: ""))
    chosen = tuple(
        one
        for one in watched.hubs
        if one.name in seen
        and one.name in (hub or (one.name,))
        and one.community in (community or (one.community,))
        and one.cluster in (cluster or (one.cluster,))
    )
    return service_discovery(Watched(fleet, chosen, None))


@router.get(
    "/objectives",
    response={200: shapes.Objectives, **ANSWERS},
    auth=needs(Scope.READ),
    by_alias=True,
)
def objectives(
    request: HttpRequest,
    hub: Hubs,
    month: Annotated[str, StringConstraints(pattern=r"^(20\d\d-(0[1-9]|1[0-2]))?$")] = "",
) -> dict[str, Any]:
    """Measured availability and error budgets of a month, of the hubs that you look after.

    As `hubfleet objectives --json`; without a month, of the present one.
    """
    fleet = desk().fleet()
    zone = ZoneInfo(fleet.service.timezone)
    wanted = Month.named(month, zone) if month else Month.of(today(zone.key), zone)
    names = [
        name
        for name in visible(request, fleet)
        if name in (hub or (name,)) and sees_budget(request, fleet, name)
    ]
    return {
        "month": str(wanted),
        "timezone": zone.key,
        "definition": DEFINITION,
        "hubs": [one.as_json() for one in budgets_of(fleet, names, wanted)],
    }
