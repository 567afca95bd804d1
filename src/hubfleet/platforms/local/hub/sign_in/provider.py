"""What all OAuth providers have in common: who is who, who still may, and pages that say why not.

oauthenticator asks the provider; this mixin keeps names with their owners, asks again while
people stay, and turns what can go wrong on the way into sentences for the person who waits.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthenticator
from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError
from traitlets import Instance

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.platforms.local.hub.sign_in.identities import Identities
from hubfleet.platforms.local.hub.sign_in.names import one_spelling
from hubfleet.platforms.local.hub.sign_in.people import DeclaredPeople, PageError

_AGAIN = "Sign in again from the hub's first page."
_TELL = "Tell the people who run this hub."
# What providers say of a code that was used before, or of one that is not theirs.
_OLD_CODE = ("invalid_grant", "bad_verification_code", "incorrect or expired")

ANSWERS = (HTTPClientError, HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError)
"""How oauthenticator and its HTTP client say that a provider is away or answers oddly."""


class CallbackHandler(OAuthCallbackHandler):
    """Where the provider sends people back to."""

    person = ""

    def check_error(self) -> None:
        error = self.get_argument("error", "")
        service = self.authenticator.login_service
        if error == "access_denied":
            raise PageError(
                403, "You are not signed in", f"You did not agree at {service}. {_AGAIN}"
            )
        if error:
            # Its description is not shown: whoever made the link could have written it.
            self.log.error("%s ended a sign-in with %.80r", service, error)
            what = f"{service} ended the sign-in ({error[:40]})."
            raise PageError(502, "You could not be signed in", f"{what} {_TELL}")

    def check_code(self) -> None:
        if not self.get_argument("code", ""):
            raise PageError(400, "This is not how to sign in", _AGAIN)

    def check_state(self) -> None:
        try:
            super().check_state()
        except (HTTPError, AttributeError):
            what = "This sign-in was not begun in this browser, or too long ago."
            raise PageError(400, "You could not be signed in", f"{what} {_AGAIN}") from None

    async def get(self) -> None:
        self.check_arguments()
        user = await self.login_user()
        if user is None:
            raise self.authenticator.refusal(self.person)
        self.redirect(self.get_next_url(user))


class ProviderPeople(DeclaredPeople, OAuthenticator):
    """Those whom a provider knows and the declaration lets in."""

    callback_handler = CallbackHandler
    identities = Instance(Identities, config=True, help="Who owns which name.")

    # What each provider says in its own way.

    def provider(self) -> str:
        """The provider, as `identities` remembers it."""
        return str(self.token_url)

    def subject(self, claims: dict[str, Any]) -> str:
        """What never changes about a person at this provider; empty where nothing does."""
        return str(claims.get("sub") or "")

    def username_claim_of(self, claims: dict[str, Any]) -> str:
        """The claim that holds this person's name."""
        return str(self.username_claim)

    def may_pass(self, claims: dict[str, Any]) -> bool:
        """Whether the claims can be believed at all; asked even where everyone is allowed."""
        return True

    def is_allowed_by_claims(self, claims: dict[str, Any]) -> bool:
        """Whether a person who is not named comes in nevertheless."""
        return False

    # Sign-in.

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> Any:
        try:
            model = await super().authenticate(handler, data, **kwargs)
        except ANSWERS as error:
            raise self.page_for(error) from error
        handler.person = model["name"]
        return model

    def user_info_to_username(self, user_info: dict[str, Any]) -> str:
        claim = self.username_claim_of(user_info)
        value = user_info.get(claim)
        if not isinstance(value, str | int) or not str(value).strip():
            self.log.error("%s sent no %r; is a scope missing?", self.login_service, claim)
            raise PageError(
                403,
                "Your account has no name here",
                f"{self.login_service} did not say your `{claim}`, which this hub needs. {_TELL}",
            )
        # In place: Google's class notes there what it found out.
        user_info[claim] = str(value)
        return str(super().user_info_to_username(user_info))

    def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
        claims = authentication["auth_state"][self.user_auth_state_key]
        return self.may_pass(claims) and bool(super().check_blocked_users(username, authentication))

    async def check_allowed(  # type: ignore[override]
        self, username: str, auth_model: Any
    ) -> bool:
        if auth_model is None:
            return False
        claims = auth_model["auth_state"][self.user_auth_state_key]
        return self.is_allowed_by_claims(claims) or bool(
            await super().check_allowed(username, auth_model)
        )

    async def run_post_auth_hook(self, handler: Any, auth_model: Any) -> Any:
        """Last, when all else is right: the name must be theirs."""
        model = await super().run_post_auth_hook(handler, auth_model)
        subject = self.subject(model["auth_state"][self.user_auth_state_key])
        name = model["name"]
        if subject and not self.identities.claim(self.provider(), name, subject):
            self.log.error("%r is the name of another person of %s", name, self.login_service)
            raise PageError(
                403,
                "This name is another person's",
                f"Somebody else of {self.login_service} was here as `{name}` before you, and "
                f"their files belong to that name. {_TELL}",
            )
        return model

    # While they stay.

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> Any:
        """Whether a session may go on, asked at the provider, and by the rules of a sign-in."""
        if user.name == PROBE_USER:
            return True
        if handler is not None and not hasattr(handler, "_token_authenticated"):
            # JupyterHub 6.1 looks at it after a refusal, but sets it only where it saw a token.
            handler._token_authenticated = False
        try:
            model = await super().refresh_user(user, handler, **kwargs)
        except ANSWERS as error:
            # People go on working while the provider is away; nobody new comes in.
            self.log.warning(
                "%s could not be asked about %s: %s", self.provider(), user.name, error
            )
            return True
        if model is True:
            return True
        if not model:
            # Too long ago: pages ask for a new sign-in, running servers are served.
            return self.outlives(handler)
        if not await self._still_may(user.name, model):
            self.log.warning("%s may not use this hub any more", user.name)
            return False
        return model

    def outlives(self, handler: Any) -> bool:
        """Whether a request is served though the provider no longer knows the session."""
        return bool(getattr(handler, "_token_authenticated", False))

    async def _still_may(self, name: str, model: dict[str, Any]) -> bool:
        claims = model["auth_state"][self.user_auth_state_key]
        subject = self.subject(claims)
        if one_spelling(model["name"]) != name or not self.may_pass(claims):
            return False
        if subject and not self.identities.belongs_to(self.provider(), name, subject):
            return False
        return bool(self.allow_all or await self.check_allowed(name, model))

    # What people read.

    def page_for(self, error: Exception) -> HTTPError:
        """What to tell a person when the provider did not answer as it should."""
        match error:
            case HTTPClientError():
                return self._refused_by_provider(error)
            case PageError():
                return error
            case HTTPError():
                return self._not_understood(error, error.log_message or "")
            case OSError():
                return self._away(error)
            case _:
                return self._not_understood(error, "")

    def refusal(self, name: str) -> HTTPError:
        """The page for somebody whom the provider knows and this hub does not let in."""
        if self.is_over():
            what = f"It was open to everyone until {self.until}, which has passed."
        elif not self.validate_username(name):
            what = "A name on this hub has at most 255 letters, and no slashes or invisible signs."
        else:
            what = "If you should have access, ask the people who run it, and tell them this name."
        return PageError(
            403,
            "This hub is not open to you",
            f"You signed in with {self.login_service} as `{name[:60]}`, and this hub does not let "
            f"that account in. {what}",
        )

    def _refused_by_provider(self, error: HTTPClientError) -> HTTPError:
        body = error.response.body.decode("utf-8", "replace") if error.response else ""
        if error.code >= 500:
            return self._away(error)
        if any(sign in body for sign in _OLD_CODE):
            return self._old()
        self.log.error("%s does not accept this hub: HTTP %s", self.login_service, error.code)
        return PageError(
            502,
            "You could not be signed in",
            f"{self.login_service} does not accept this hub's registration. {_TELL}",
        )

    def _old(self) -> HTTPError:
        what = "This sign-in was used before, or it is too old."
        return PageError(400, "You could not be signed in", f"{what} {_AGAIN}")

    def _away(self, error: Exception) -> HTTPError:
        self.log.error("%s does not answer: %s", self.login_service, error)
        return PageError(
            503,
            f"{self.login_service} does not answer",
            "This hub asks it who you are, so you cannot sign in just now. Whoever is signed in "
            "already can go on working. Try again in some minutes.",
        )

    def _not_understood(self, error: Exception, text: str) -> HTTPError:
        if any(sign in text for sign in _OLD_CODE):
            return self._old()
        kind = type(error).__name__
        self.log.error("An answer of %s was not understood (%s)", self.login_service, kind)
        title = f"{self.login_service} gave an answer that this hub does not understand"
        return PageError(502, title, _TELL)
