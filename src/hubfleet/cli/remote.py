"""Speaking to a console elsewhere: stored sign-ins, requests, refusals in our own words.

A token is sent to the address it was made for and nowhere else: redirects are not followed, and
plain http is spoken with this machine only. Sign-ins are kept in a file that only its owner reads.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from hubfleet.kit.addresses import without_credentials
from hubfleet.kit.errors import HubfleetError, Problem, failure
from hubfleet.kit.files import make_private_folder, write_atomically

PATIENCE = 300
"""Seconds that an answer may take: a probe walks a person's whole path."""
_OURSELVES = ("localhost", "127.0.0.1", "::1")


def store() -> Path:
    """Where sign-ins are kept."""
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "hubfleet" / "sign-ins.json"


def sign_ins() -> dict[str, str]:
    """Tokens by address."""
    try:
        found = json.loads(store().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def keep(sign_ins: Mapping[str, str]) -> None:
    """Write all of them down, readable for their owner alone."""
    make_private_folder(store().parent)
    write_atomically(store(), json.dumps(dict(sign_ins), indent=2) + "\n")


def address(said: str) -> str:
    """The console's address as it is stored; raises `bad-address` and `not-encrypted`."""
    said = said if "://" in said else f"https://{said}"
    parts = urlsplit(said)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise failure(
            "bad-address",
            f"`{without_credentials(said)}` is not the address of a console",
            hint="write one such as https://console.example.org",
        )
    local = parts.hostname in _OURSELVES or parts.hostname.endswith(".localhost")
    if parts.scheme == "http" and not local:
        raise failure(
            "not-encrypted",
            f"`{without_credentials(said)}` is not encrypted",
            why="everybody on the way could read the token and use it",
            hint="use https://",
        )
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Remote:
    """One console, and the token for it; empty before the sign-in."""

    address: str
    token: str = field(default="", repr=False)

    def get(self, path: str, **query: Any) -> Any:
        given = {key: value for key, value in query.items() if value not in (None, [])}
        return self.ask("GET", f"{path}?{urlencode(given, doseq=True)}" if given else path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer; raises what the console refused, `console-away` and `not-a-console`."""
        status, answer = self.try_to(method, path, body)
        if status < 300:
            return answer
        raise self._refusal(status, answer)

    def try_to(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Status and answer, whatever they are."""
        request = urllib.request.Request(  # noqa: S310 (`address` took http and https alone)
            f"{self.address}/api{path}", method=method
        )
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with _opener().open(request, timeout=PATIENCE) as response:
                return response.status, self._understood(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, self._understood(error.read())
        except (OSError, ValueError) as error:
            raise failure(
                "console-away",
                "the console does not answer",
                place=self.address,
                why=str(getattr(error, "reason", error)),
                hint="check the address and your network, then try again",
            ) from None

    def _understood(self, data: bytes) -> Any:
        try:
            return json.loads(data) if data else None
        except ValueError:
            raise failure(
                "not-a-console",
                "what answers there is no console of hubfleet",
                place=self.address,
                hint="check the address",
            ) from None

    def _refusal(self, status: int, answer: Any) -> HubfleetError:
        said = answer if isinstance(answer, dict) else {}
        if status == 401:
            return failure(
                "not-signed-in",
                "you are not signed in there, or no longer",
                place=self.address,
                hint=f"run `hubfleet login {self.address}`",
            )
        if said.get("problems"):
            return HubfleetError(*(_problem(one) for one in said["problems"]))
        could = "; ".join(said.get("who_could") or ())
        return failure(
            "refused-there",
            str(said.get("error") or f"the console answered {status}"),
            place=self.address,
            why=str(said.get("why") or ""),
            hint=f"ask one of those who can: {could}" if could else "check the names you gave",
        )


def _problem(said: Mapping[str, Any]) -> Problem:
    code, what, why, hint = (str(said.get(key) or "") for key in ("code", "what", "why", "hint"))
    return Problem(code, what, said.get("place") or None, why, hint)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirects)


def signed_in(said: str) -> Remote:
    """The console that `--remote` names: its address, or a part of one that is stored."""
    kept = sign_ins()
    fitting = [one for one in kept if said in one]
    if len(fitting) == 1:
        return Remote(fitting[0], kept[fitting[0]])
    exact = address(said)
    if exact in kept:
        return Remote(exact, kept[exact])
    raise failure(
        "not-signed-in",
        f"you are not signed in to {exact}",
        hint=f"run `hubfleet login {exact}`",
    )


def part(name: str) -> str:
    """A name inside an address; a hub's `/` stays."""
    return quote(name, safe="/")
