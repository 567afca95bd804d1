"""GitHub, Google and CILogon."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from oauthenticator.cilogon import CILogonOAuthenticator
from oauthenticator.github import GitHubOAuthenticator
from oauthenticator.google import GoogleOAuthenticator
from traitlets import List, Unicode

from hubfleet.platforms.local.hub.sign_in.people import PageError
from hubfleet.platforms.local.hub.sign_in.provider import ProviderPeople


class GitHubPeople(ProviderPeople, GitHubOAuthenticator):
    """People by their GitHub login; members of organisations and teams."""

    def subject(self, claims: dict[str, Any]) -> str:
        return str(claims.get("id") or "")


class GooglePeople(ProviderPeople, GoogleOAuthenticator):  # type: ignore[misc]
    """People by their whole address; members of organisations that Google hosts.

    oauthenticator's `hosted_domain` would keep out whoever is named and of no such domain, and
    cut names short where it holds one domain alone.
    """

    allowed_domains = List(Unicode(), config=True, help="Organisations whose people may sign in.")

    def subject(self, claims: dict[str, Any]) -> str:
        return str(claims.get("id") or claims.get("sub") or "")

    def may_pass(self, claims: dict[str, Any]) -> bool:
        return claims.get("verified_email") is True

    def is_allowed_by_claims(self, claims: dict[str, Any]) -> bool:
        return str(claims.get("hd", "")).lower() in self.allowed_domains


class CILogonPeople(ProviderPeople, CILogonOAuthenticator):
    """People of the institutions that CILogon vouches for."""

    def username_claim_of(self, claims: dict[str, Any]) -> str:
        chosen = self.idps.get(str(claims.get("idp")))
        if chosen is None:
            raise PageError(
                403,
                "This institution has no access",
                "You chose an institution or service from which this hub takes nobody. "
                "Sign in again and choose another.",
            )
        return str(chosen["username_derivation"]["username_claim"])
