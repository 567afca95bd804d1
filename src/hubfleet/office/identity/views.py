"""The provider's pages: where browsers come to, and where hubs ask.

`authorize` is the only one that people see. It hands out a code only to somebody who may enter the
hub: refusing later would show an error of the hub instead of a page that says whom to ask.
"""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.views import base, oidc

from hubfleet.office.accounts.asking import note
from hubfleet.office.accounts.membership import HubAccess
from hubfleet.office.accounts.models import Person
from hubfleet.office.identity import ending
from hubfleet.office.identity.entering import access_of, issuer
from hubfleet.office.ports import desk


class NotLetInError(PermissionDenied):
    """Raised between the check of a request and its code."""

    def __init__(self, hub: str, access: HubAccess) -> None:
        super().__init__(access.why)
        self.hub, self.access = hub, access


class Authorize(base.AuthorizationView):
    """Sends a browser back to a hub with a code, to the sign-in page, or shows why not."""

    http_method_names = ["get", "head"]
    template_name = "identity/not_a_hub.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            # Nobody is asked to sign in for a request that leads nowhere.
            try:
                self.oauth2_data: dict[str, Any] = {}
                self.validate_authorization_request(request)
            except OAuthToolkitError as error:
                self.setup(request, *args, **kwargs)
                return self.error_response(error, None)  # type: ignore[no-any-return]
        try:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]
        except NotLetInError as refused:
            return not_let_in(request, refused.hub, refused.access)

    def create_authorization_response(
        self, request: HttpRequest, scopes: str, credentials: dict[str, Any], allow: bool
    ) -> Any:
        """Everything about the request is right when this is called."""
        person, hub = request.user, str(credentials["client_id"])
        if not isinstance(person, Person):
            raise PermissionDenied
        access = access_of(person, hub)
        if not access.allowed:
            raise NotLetInError(hub, access)
        ending.note_visit(person, hub)
        note(request, "enter-hub", hub)
        return super().create_authorization_response(request, scopes, credentials, allow)


def not_let_in(request: HttpRequest, hub: str, access: HubAccess) -> HttpResponse:
    """Who they are, why not, and who can let them in."""
    note(request, "enter-hub", hub, "refused", access.why)
    declared = desk().fleet().hubs.get(hub)
    values = {"hub": declared.values.title if declared else hub, "access": access}
    return TemplateResponse(request, "identity/not_let_in.html", values, status=403)


@method_decorator(csrf_exempt, name="dispatch")
class Token(base.TokenView):
    """Where a hub exchanges a code. django-oauth-toolkit's own also takes devices."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self.authorization_flow_token_response(request)  # type: ignore[no-any-return]


@method_decorator(csrf_exempt, name="dispatch")
class Revoke(base.RevokeTokenView):
    """Where a hub gives a token back; only its own."""


@method_decorator(csrf_exempt, name="dispatch")
class UserInfo(oidc.UserInfoView):
    """Where a hub asks who somebody is, and whether they still may."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # In an address a token would be written into the logs of whatever stands in between.
        if not _bearer(request):
            answer = JsonResponse({"error": "invalid_request"}, status=401)
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]


def _bearer(request: HttpRequest) -> bool:
    elsewhere = "access_token" in request.GET or "access_token" in request.POST
    return request.headers.get("Authorization", "").startswith("Bearer ") and not elsewhere


class Keys(oidc.JwksInfoView):
    """The keys that tokens are signed with."""


@require_safe
def discovery(request: HttpRequest) -> JsonResponse:
    """What this provider offers, and nothing else."""
    here = issuer()
    return JsonResponse(
        {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "userinfo_endpoint": f"{here}/userinfo",
            "revocation_endpoint": f"{here}/revoke",
            "jwks_uri": f"{here}/keys",
            "scopes_supported": ["openid", "profile", "groups"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "preferred_username", "name", "groups"],
            "prompt_values_supported": ["none", "login"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    )
