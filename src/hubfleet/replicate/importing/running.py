"""A running JupyterHub, asked by its API: users, admins, groups and when people were last there.

The token needs the scopes `list:users`, `list:groups` and `read:users:activity`; admin rights do.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from hubfleet.fleet.fields import PROBE_USER, is_name
from hubfleet.kit.errors import failure
from hubfleet.replicate.importing.found import Fate, Found, Origin

_PAGE = 200
_MOST = 200_000
_SECONDS = 30
_MOST_BYTES = 50_000_000


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is shown to nobody but the hub that was named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class RunningHub:
    """Asks; the token is in a header, never in an address."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise failure(
                "bad-hub-address",
                f"`{parts.scheme}://{parts.hostname or ''}` is not the address of a hub",
                hint="write it as in a browser, such as https://hub.example.org",
            )
        self._base = url.rstrip("/").removesuffix("/hub") + "/hub/api"
        self.host = parts.hostname
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirect)

    def get(self, path: str, **query: Any) -> Any:
        address = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(  # noqa: S310, the scheme is checked
            address,
            headers={"Authorization": f"token {self._token}", "Accept": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(self.host, path, error.code) from None
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise failure(
                "hub-unreachable",
                f"`{self.host}` did not answer",
                why=f"{reason}.",
                hint="check the address, and that this machine reaches it",
            ) from None
        except ValueError:
            raise failure(
                "no-hub-there",
                f"what answers at `{self.host}` is no JupyterHub",
                why="Its answer is not JSON.",
                hint="name the address above `/hub`",
            ) from None

    def all(self, path: str) -> list[Mapping[str, Any]]:
        """Page by page."""
        found: list[Mapping[str, Any]] = []
        while len(found) < _MOST:
            page = self.get(path, offset=len(found), limit=_PAGE)
            rows = [one for one in page if isinstance(one, dict)] if isinstance(page, list) else []
            found += rows
            if len(rows) < _PAGE:
                break
        return found


def from_running(
    running: RunningHub, *, community: str, hub: str, cluster: str, local: bool
) -> tuple[Found, dict[str, Any]]:
    """The hub, and people's activity by name."""
    found = Found(community, hub, cluster, platform="local" if local else "kubernetes")
    info = running.get("/info")
    chosen = (info.get("authenticator") or {}).get("class") if isinstance(info, dict) else None
    if isinstance(chosen, str):
        origin = Origin("info.authenticator.class")
        if _known(chosen):
            path = ("hub", "config", "JupyterHub", "authenticator_class")
            found.put(path, _known(chosen), origin)
        else:
            found.leave(origin, f"no `access.sign_in` stands for `{chosen}`")
    users = [one for one in running.all("/users") if isinstance(one.get("name"), str)]
    if any(one["name"] == PROBE_USER for one in users):
        found.leave(Origin(f"user {PROBE_USER}"), "the probe of a hub that hubfleet ran")
        users = [one for one in users if one["name"] != PROBE_USER]
    admins = [one["name"] for one in users if one.get("admin") is True]
    people = [one["name"] for one in users if one.get("admin") is not True]
    if admins:
        found.give("access.admins", admins, Origin(f"users with admin ({len(admins)})"))
    if people:
        found.give("access.allow.users", people, Origin(f"users without admin ({len(people)})"))
    for group in running.all("/groups"):
        name, members = str(group.get("name", "")), list(group.get("users") or [])
        origin = Origin(f"group {name}")
        if is_name(name):
            found.give(f"groups.{name}", members, origin)
        else:
            found.leave(origin, "a group's name has small letters, digits and `-` alone")
        if group.get("properties"):
            found.leave(Origin(f"group {name}: properties"), "groups have members alone")
    found.fates.append(
        Fate(Origin("last_activity"), "not-carried", why="a declaration has none: see the JSON")
    )
    found.notes.append("homes, environments and settings are not in JupyterHub's API")
    return found, {"activity": {str(one["name"]): one.get("last_activity") for one in users}}


def _known(chosen: str) -> str | None:
    kind = chosen.rpartition(".")[2].lower()
    names = {
        "githuboauthenticator": "github",
        "googleoauthenticator": "google",
        "cilogonoauthenticator": "cilogon",
        "genericoauthenticator": "generic-oauth",
        "sharedpasswordauthenticator": "shared-password",
    }
    return names.get(kind)


def _refused(host: str, path: str, code: int) -> Exception:
    if code in (401, 403):
        return failure(
            "hub-refuses-token",
            f"`{host}` does not let this token read `{path}`",
            why=f"It answered {code}.",
            hint="make a token with the scopes list:users, list:groups and read:users:activity",
        )
    return failure(
        "no-hub-there",
        f"`{host}` answered {code} at `{path}`",
        hint="name the address above `/hub`, without a redirect",
    )
