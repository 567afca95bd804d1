"""The addresses below `/api/`: operations, and two pages for people."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from hubfleet.office.api import alerts, pages
from hubfleet.office.api.description import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("device/", pages.device, name="device"),
    path("tokens/mine/", pages.tokens, name="tokens"),
    path("tokens/mine/<uuid:key>/revoke/", pages.revoke, name="revoke_token"),
    path("alerts/alertmanager", alerts.receive, name="alertmanager"),
    path("", api.urls),
]
