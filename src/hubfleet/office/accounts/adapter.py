"""What django-allauth asks us: may somebody sign up, how is mail sent, what is a good login.

Nobody signs up by themselves. An account is made by `welcoming`, for whoever holds an invitation or
the first administrator's link; with an account elsewhere (GitHub ...) the same invitation waits in
the session while the person signs in there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context as allauth_context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import get_backends
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts import welcoming
from hubfleet.office.accounts.models import Person
from hubfleet.office.ports import desk
from hubfleet.office.post.outbox import put
from hubfleet.office.sealing import seal, unseal

FACTORS = "second factors"


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Local accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        """Only to pages of this console: a host is never a place to go on to after signing in."""
        host = {allauth_context.request.get_host()}
        secure = urlsplit(settings.CONSOLE_ADDRESS).scheme == "https"
        return url_has_allowed_host_and_scheme(url, allowed_hosts=host, require_https=secure)

    def login(self, request: HttpRequest, user: Any) -> None:
        if not hasattr(user, "backend"):
            backend = get_backends()[0]
            user.backend = f"{type(backend).__module__}.{type(backend).__name__}"
        super().login(request, user)

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Whoever signed in a moment ago is not asked for the same password again."""
        request = allauth_context.request
        records = get_authentication_records(request, request.user)
        newest = max((float(one["at"]) for one in records), default=0.0)
        if now().timestamp() - newest < app_settings.REAUTHENTICATION_TIMEOUT:
            return False
        return bool(super().is_reauthentication_required(app=app))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the outbox, in the transaction of whatever causes it."""
        service = desk().fleet().service
        values = {
            "request": allauth_context.request,
            "email": email,
            "console_address": settings.CONSOLE_ADDRESS,
            "service": service,
            "current_site": _Site(service.name),
            **context,
        }
        message: EmailMessage = self.render_mail(template_prefix, email, values)
        put(template_prefix.rpartition("/")[2][:40], email, str(message.subject), str(message.body))

    def format_email_subject(self, subject: str) -> str:
        return subject

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Not by the host of the request: mails lead to the address that the fleet declares."""
        uid, _, rest = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": rest})
        return f"{settings.CONSOLE_ADDRESS}{path}"


class _Site:
    """What allauth's mails call us."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.domain = urlsplit(settings.CONSOLE_ADDRESS).netloc


class OtherAccounts(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Accounts elsewhere: they open the account that they were connected to, and no other."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return welcoming.waiting(request) is not None

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """An address that a provider tells us is never taken for the person's."""
        sociallogin.email_addresses = []
        if not sociallogin.is_existing and sociallogin.user is not None:
            sociallogin.user.email = ""

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Person:
        """The account that the waiting invitation makes, with this one connected."""
        return welcoming.welcome_from_elsewhere(request, sociallogin)

    def list_apps(
        self, request: HttpRequest, provider: Any = None, client_id: Any = None
    ) -> list[Any]:
        """Only those of the settings; the table of apps stays unused and is not asked."""
        from allauth.socialaccount.adapter import _build_apps_from_settings

        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is not typed
    """Second factors: their secrets are encrypted in the database."""

    def encrypt(self, text: str) -> str:
        return seal(text, FACTORS).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text.encode(), FACTORS)

    def get_totp_issuer(self) -> str:
        """As people's apps show it; a colon would part it from the login."""
        return _service_name().replace(":", " ")

    def get_totp_label(self, user: Any) -> str:
        return str(user.login)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The host of the declared address, whatever the request says."""
        host = urlsplit(settings.CONSOLE_ADDRESS).hostname or "localhost"
        return {"id": host, "name": _service_name()}


def _service_name() -> str:
    try:
        return desk().fleet().service.name
    except (HubfleetError, RuntimeError):
        return "hubfleet"
