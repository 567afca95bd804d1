"""Addresses of the provider; nothing else of django-oauth-toolkit's pages is served."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from hubfleet.office.identity import views

_provider = [
    path(".well-known/openid-configuration", views.discovery, name="discovery"),
    path("authorize", views.Authorize.as_view(), name="authorize"),
    path("token", views.Token.as_view(), name="token"),
    path("userinfo", views.UserInfo.as_view(), name="userinfo"),
    path("revoke", views.Revoke.as_view(), name="revoke"),
    path("keys", views.Keys.as_view(), name="keys"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("identity/", include((_provider, "identity"))),
]
