"""The addresses of pages."""

from __future__ import annotations

import re

from django.urls import URLPattern, URLResolver, include, path, register_converter

from hubfleet.fleet.fields import NAME_PATTERN
from hubfleet.office.console import (
    audit_pages,
    fleet_page,
    home_page,
    hub_pages,
    objective_pages,
    oncall_pages,
    rollout_pages,
    schedule_pages,
    status_pages,
    usage_pages,
)

app_name = "console"


class NameConverter:
    """A community's or hub's name, as the declaration allows it; anything else is no address."""

    regex = NAME_PATTERN.removeprefix("^").removesuffix("$").replace("(", "(?:")

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        if not re.fullmatch(NAME_PATTERN, value):
            raise ValueError(value)
        return value


register_converter(NameConverter, "name")

from hubfleet.office.console.form_urls import urlpatterns as forms  # noqa: E402, uses `name`
from hubfleet.office.console.incidents.urls import urlpatterns as incidents  # noqa: E402

_hub: list[URLPattern | URLResolver] = [
    path("", hub_pages.overview, name="hub"),
    path("probe/", hub_pages.probe, name="hub-probe"),
    path("revisions/", hub_pages.revisions, name="hub-revisions"),
    path("revisions/<int:number>/", hub_pages.revision, name="hub-revision"),
    path("values/", hub_pages.effective, name="hub-values"),
    path("logs/", hub_pages.logs, name="hub-logs"),
    path("use/", usage_pages.of_hub, name="hub-use"),
    path("use.csv", usage_pages.hub_csv, name="hub-use-csv"),
]

_status: list[URLPattern | URLResolver] = [
    path("", status_pages.status, name="status"),
    path("summary.json", status_pages.summary_json, name="status_summary"),
    path("feed.atom", status_pages.feed, name="status_feed"),
    path("announce/", status_pages.announce, name="announce"),
    path("announce/<int:number>/end/", status_pages.end_announcement, name="announce_end"),
    path("of/<name:community>/", status_pages.status, name="status_of"),
]

_oncall: list[URLPattern | URLResolver] = [
    path("", oncall_pages.overview, name="oncall"),
    path("pages/<int:number>/", oncall_pages.page, name="oncall_page"),
    path("pages/<int:number>/acknowledge/", oncall_pages.acknowledge, name="oncall_acknowledge"),
    path("<name:rotation>.ics", oncall_pages.calendar, name="oncall_calendar"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home_page.home, name="home"),
    path("fleet/", fleet_page.fleet, name="fleet"),
    path("fleet/use/", usage_pages.of_fleet, name="fleet-use"),
    path("fleet/use.csv", usage_pages.fleet_csv, name="fleet-use-csv"),
    path("communities/<name:community>/use/", usage_pages.of_community, name="community-use"),
    path(
        "communities/<name:community>/use.csv", usage_pages.community_csv, name="community-use-csv"
    ),
    path("plan/", rollout_pages.plan, name="plan"),
    path("hubs/<name:community>/<name:hub>/", include(_hub)),
    path("objectives/", objective_pages.objectives, name="objectives"),
    path("rollouts/", rollout_pages.listing, name="rollouts"),
    path("rollouts/<str:name>/", rollout_pages.rollout, name="rollout"),
    path("rollouts/<str:name>/events", rollout_pages.events, name="rollout_events"),
    path("schedules/", schedule_pages.schedules, name="schedules"),
    path("oncall/", include(_oncall)),
    path("status/", include(_status)),
    path("audit/", audit_pages.audit, name="audit"),
    path("audit/export.<slug:kind>", audit_pages.export, name="audit_export"),
    *incidents,
    *forms,
]
