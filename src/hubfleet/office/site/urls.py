"""Every address of the console, room by room."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from hubfleet.office.oncall import hearing
from hubfleet.office.site import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.numbers, name="metrics"),
    path("", include("hubfleet.office.identity.urls")),
    path("", include("hubfleet.office.accounts.urls")),
    path("api/pages/pagerduty", hearing.pagerduty, name="pages_pagerduty"),
    path("api/", include("hubfleet.office.api.urls")),
    path("", include("hubfleet.office.console.urls")),
]

handler400 = "hubfleet.office.site.errors.bad_request"
handler403 = "hubfleet.office.site.errors.forbidden"
handler404 = "hubfleet.office.site.errors.not_found"
handler500 = "hubfleet.office.site.errors.went_wrong"
