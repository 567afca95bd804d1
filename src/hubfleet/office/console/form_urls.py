"""The addresses of pages on which people act; part of the `console` namespace."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from hubfleet.office.console.acts import (
    community,
    customers,
    endings,
    hub_leaving,
    hub_people,
    hub_rollouts,
    hub_settings,
)

_hub: list[URLPattern | URLResolver] = [
    path("people/", hub_people.page, name="hub-people"),
    path("people/add/", hub_people.add, name="hub-people-add"),
    path("people/remove/", hub_people.remove, name="hub-people-remove"),
    path("people/admin/", hub_people.admin, name="hub-people-admin"),
    path("people/invite/", hub_people.invite, name="hub-people-invite"),
    path("people/withdraw/", hub_people.withdraw, name="hub-people-withdraw"),
    path("change/", hub_settings.page, name="hub-change"),
    path("change/limits/", hub_settings.limits, name="hub-limits"),
    path("change/environment/", hub_settings.environment, name="hub-environment"),
    path("change/access/", hub_settings.access, name="hub-access"),
    path("change/profile/", hub_settings.profile, name="hub-profile"),
    path("leaving/", hub_leaving.page, name="hub-leaving"),
    path("leaving/take/", hub_leaving.take, name="hub-take"),
    path("leaving/end/", hub_leaving.end, name="hub-end"),
    path("rollback/", hub_rollouts.rollback, name="hub-rollback"),
    path("rollback/<str:snapshot>/", hub_rollouts.rollback, name="hub-rollback-to"),
]

_community: list[URLPattern | URLResolver] = [
    path("", community.page, name="community"),
    path("responsibilities/<slug:slug>/", community.responsibility, name="responsibility"),
    path("representatives/", community.representatives, name="representatives"),
]

_ending: list[URLPattern | URLResolver] = [
    path("", endings.page, name="ending"),
    path("consent/", endings.consent, name="ending-consent"),
    path("confirm/", endings.confirm, name="ending-confirm"),
    path("extend/", endings.extend, name="ending-extend"),
    path("cancel/", endings.cancel, name="ending-cancel"),
    path("data/", endings.data, name="ending-data"),
    path("certificate.pdf", endings.certificate, name="ending-certificate"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("hubs/<name:community>/<name:hub>/", include(_hub)),
    path("communities/<name:name>/", include(_community)),
    path("customers/", customers.page, name="customers"),
    path("changes/<int:number>/", community.change, name="change"),
    path("apply/", hub_rollouts.apply, name="apply"),
    path("endings/", endings.listing, name="endings"),
    path("endings/<int:number>/", include(_ending)),
    path("takes/<uuid:key>/", hub_leaving.fetch, name="take"),
    path("takes/<uuid:key>/drop/", hub_leaving.drop, name="take-drop"),
    path("runs/<uuid:key>/", hub_rollouts.run, name="run"),
]
