"""What holds for every way to sign in: names, the last day, and who is the probe's business."""

# mypy: allow-untyped-calls

from __future__ import annotations

from datetime import date
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
from traitlets import Instance, Unicode

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.kit.clock import today
from hubfleet.platforms.local.hub.sign_in.names import is_good_name, one_spelling


class PageError(HTTPError):
    """An error whose page is written for the person who sees it.

    `templates/error.html` shows `hubfleet_title`, JupyterHub hands it `jupyterhub_message`.
    """

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(status, title)
        self.hubfleet_title = title
        self.jupyterhub_message = message


class DeclaredPeople(Authenticator):
    """Those who are declared, asked at every sign-in and again while people stay signed in."""

    until = Instance(
        date, allow_none=True, config=True, help="The last day on which allow_all holds."
    )
    timezone = Unicode("UTC", config=True, help="The zone whose days `until` means.")

    def is_over(self) -> bool:
        """Whether `allow_all` has had its last day."""
        if self.until is None or not self.allow_all:
            return False
        return today(self.timezone) > self.until

    def normalize_username(self, username: str) -> str:
        mapped = one_spelling(username)
        return str(self.username_map.get(mapped, mapped))

    def validate_username(self, username: str) -> bool:
        return is_good_name(username) and bool(super().validate_username(username))

    def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
        """Whether nothing speaks against a sign-in. The only question that is always asked:
        JupyterHub skips `check_allowed` where everyone is allowed.

        Nobody signs in as the probe, whatever they know.
        """
        if username == PROBE_USER:
            return False
        if self.is_over() and not self.is_declared(username):
            return False
        return bool(super().check_blocked_users(username, authentication))

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Those who came in while everyone might are served until they stop, and then no more."""
        if user.name != PROBE_USER and self.is_over() and not self.is_declared(user.name):
            raise PageError(
                403,
                "This hub is not open any more",
                f"It was open to everyone until {self.until}. Your files are kept; ask the people "
                "who run it for an account to start a server again.",
            )

    def is_declared(self, username: str) -> bool:
        """Whether the person is named in the declaration."""
        return username in self.allowed_users or username in self.admin_users
