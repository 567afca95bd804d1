"""Addresses of the accounts' pages. allauth's own are listed one by one: what is not here is not
served, above all its open sign-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from allauth.account import views as account
from allauth.socialaccount import providers
from django.urls import URLPattern, URLResolver, include, path, re_path

from hubfleet.office.accounts import entrance_pages, own_pages, people_pages
from hubfleet.office.accounts.onward import onward

_account = [
    path("", own_pages.home, name="account_home"),
    path("name/", own_pages.rename, name="account_rename"),
    path("sessions/", own_pages.sessions, name="account_sessions"),
    path("sessions/end/", own_pages.end_session, name="account_end_session"),
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("signup/", entrance_pages.by_invitation, name="account_signup"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("email/", account.email, name="account_email"),
    path("email/confirm/", account.email_verification_sent, name="account_email_verification_sent"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("second-factor/", include("allauth.mfa.urls")),
    path("elsewhere/", include("allauth.socialaccount.urls")),
]


def _providers() -> list[URLPattern | URLResolver]:
    """Where GitHub and others send people back to, such as `/account/github/login/callback/`."""
    found: list[URLPattern | URLResolver] = []
    for provider in providers.registry.get_class_list():
        found += _by_a_page(import_module(f"{provider.get_package()}.urls").urlpatterns)
    return found


def _by_a_page(patterns: Iterable[Any]) -> list[URLPattern | URLResolver]:
    """The same addresses; those that lead to a provider do so by a page, see `onward`."""
    found: list[URLPattern | URLResolver] = []
    for one in patterns:
        if isinstance(one, URLResolver):
            found.append(URLResolver(one.pattern, _by_a_page(one.url_patterns)))
        elif str(one.name).endswith("_login"):
            found.append(URLPattern(one.pattern, onward(one.callback), one.default_args, one.name))
        else:
            found.append(one)
    return found


urlpatterns: list[URLPattern | URLResolver] = [
    path("account/", include(_account + _providers())),
    path("invitation/<str:token>/", entrance_pages.invitation, name="invitation"),
    path("first/<str:token>/", entrance_pages.first, name="first"),
    path("people/", people_pages.index, name="people"),
    path("people/invite/", people_pages.invite, name="people_invite"),
    path(
        "people/invitations/<uuid:key>/withdraw/",
        people_pages.withdraw_invitation,
        name="people_withdraw_invitation",
    ),
    path("people/account/<str:login>/", people_pages.person, name="person"),
    path("people/account/<str:login>/roles/", people_pages.roles, name="person_roles"),
    path("people/account/<str:login>/act/", people_pages.act, name="person_act"),
]
