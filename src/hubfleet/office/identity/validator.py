"""The provider's rules: who is a client, who may enter, what a hub is told.

Everything is asked again each time, so that taking a membership away, closing an account, revoking
a client or changing the declaration holds from the next request on. What can be set is set in
`configured`: PKCE with S256 only, tokens stored as checksums, one use for a code.
"""

# mypy: allow-subclassing-any

from __future__ import annotations

from typing import Any

from oauth2_provider.models import Application
from oauth2_provider.oauth2_validators import OAuth2Validator

from hubfleet.office.accounts.membership import HubAccess
from hubfleet.office.identity import clients
from hubfleet.office.identity.entering import access_of, claims_of, issuer


class HubValidator(OAuth2Validator):
    """django-oauth-toolkit's, with our clients, people and claims."""

    oidc_claim_scope = None
    """Claims are not asked for one by one: a hub gets the few that it needs."""

    def _load_application(self, client_id: Any, request: Any) -> Application | None:
        """Never remembered from an earlier step of the same request: it may be another client."""
        found = clients.find(client_id) if isinstance(client_id, str) else None
        request.client = found
        return found

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return bool(stored_secret) and bool(super()._check_secret(provided_secret, stored_secret))

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        known = super().validate_code(client_id, code, client, request, *args, **kwargs)
        return bool(known) and _may(request)

    def validate_bearer_token(self, token: str, scopes: Any, request: Any) -> bool:
        if not super().validate_bearer_token(token, scopes, request):
            return False
        return request.client is not None and clients.find(request.client.client_id) is not None \
            and _may(request)  # fmt: skip

    def get_claim_dict(self, request: Any) -> dict[str, Any]:
        return claims_of(request.user, _access(request))

    def get_discovery_claims(self, request: Any) -> list[str]:
        return ["sub", "preferred_username", "name", "groups"]

    def get_oidc_issuer_endpoint(self, request: Any) -> str:
        return issuer()


def _may(request: Any) -> bool:
    return request.user is not None and _access(request).allowed


def _access(request: Any) -> HubAccess:
    """Asked once for each request."""
    known = getattr(request, "hubfleet_access", None)
    if not isinstance(known, HubAccess):
        known = access_of(request.user, request.client.client_id)
        request.hubfleet_access = known
    return known
