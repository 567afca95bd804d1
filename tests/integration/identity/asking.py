"""What a hub and a browser say to the provider, one step at a time."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from hubfleet.fleet.console_clients import ClientKeys
from hubfleet.platforms.local.spec import HubSecrets, HubSpec
from tests.offices import Office

PORT = 8000


def created(office: Office, name: str) -> None:
    """The files of a hub that was applied; nothing runs."""
    hub = office.fleet.hubs[name]
    folder = office.desk._installation.state.hub(name)
    folder.path.mkdir(parents=True, mode=0o700)
    HubSpec(
        name=name,
        cluster=hub.cluster,
        revision=1,
        domain=hub.domain,
        title=hub.values.title or name,
        url=f"http://{hub.domain}:{PORT}/",
        port=9001,
        proxy_api="http://127.0.0.1:1",
        proxy_port=PORT,
        flat=hub.flat(),
        values=hub.values.model_dump(mode="json"),
        console=hub.console.address if hub.console else None,
        console_nearby=hub.console.nearby if hub.console else None,
    ).write(folder.spec)
    HubSecrets("c" * 64, "p", "a", "probe", "culler", "proxy", office_token="office").write(
        folder.secrets
    )


def account(office: Office, login: str) -> Any:
    """Somebody's account, ready to sign in."""
    from allauth.account.models import EmailAddress

    person = office.person(login)
    EmailAddress.objects.get_or_create(
        user=person, email=person.email, defaults={"verified": True, "primary": True}
    )
    EmailAddress.objects.filter(user=person).update(verified=True, primary=True)
    return person


@dataclass
class Hub:
    """A hub as the provider's client. `verifier` is the secret of its PKCE challenge."""

    office: Office
    name: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def secret(self) -> str:
        return ClientKeys(self.office.state / "console").secret(self.name)

    @property
    def callback(self) -> str:
        return f"http://{self.office.fleet.hubs[self.name].domain}:{PORT}/hub/oauth_callback"

    @property
    def challenge(self) -> str:
        made = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def link(self, **other: str | None) -> str:
        """The address that the hub sends browsers to."""
        asked: dict[str, str | None] = {
            "client_id": self.name,
            "response_type": "code",
            "redirect_uri": self.callback,
            "scope": "openid profile groups",
            "state": "of-this-browser",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        chosen = {key: value for key, value in (asked | other).items() if value is not None}
        return f"/identity/authorize?{urlencode(chosen)}"

    def code(self, browser: Any, **other: str | None) -> str:
        """The code that a browser brings back."""
        answer = browser.get(self.link(**other))
        assert answer.status_code == 302, words_of(answer)
        found = parse_qs(urlsplit(answer["Location"]).query)
        assert "code" in found, answer["Location"]
        return str(found["code"][0])

    def post(self, path: str, form: dict[str, str], secret: str | None = None) -> Any:
        """A call of the hub itself, with its name and secret."""
        from django.test import Client

        both = f"{self.name}:{secret or self.secret}"
        return Client(enforce_csrf_checks=True).post(
            f"/identity/{path}",
            urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"},
        )

    def exchange(self, code: str, **other: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": self.verifier,
        }
        secret = other.pop("secret", None)
        return self.post("token", form | other, secret)

    def token(self, browser: Any) -> str:
        """A whole sign-in; the access token."""
        answer = self.exchange(self.code(browser))
        assert answer.status_code == 200, answer.content
        return str(answer.json()["access_token"])


def userinfo(token: str) -> Any:
    """Who somebody is, as a hub asks."""
    from django.test import Client

    return Client().get("/identity/userinfo", headers={"Authorization": f"Bearer {token}"})


def error_at(answer: Any) -> str:
    """The error that a browser brings back to the hub."""
    assert answer.status_code == 302, words_of(answer)
    return str(parse_qs(urlsplit(answer["Location"]).query)["error"][0])


def words_of(answer: Any) -> str:
    return f"{answer.status_code} {answer.content.decode()[:2000]}"
