"""Who may sign in to a hub, and until when."""

# mypy: allow-untyped-calls

from __future__ import annotations

from datetime import date
from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from traitlets import Instance

from hubfleet.kit.clock import now
from hubfleet.platforms.local.servers import PROBE_USER


class DeclaredPeople(SharedPasswordAuthenticator):
    """Those who are declared, asked at every sign-in and again while people stay signed in."""

    until = Instance(
        date, allow_none=True, config=True, help="The last day (UTC) on which allow_all holds."
    )

    def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
        """Whether nothing speaks against a sign-in. The only question that is always asked:
        JupyterHub skips `check_allowed` where everyone is allowed.

        Nobody signs in as the probe, whatever password they know.
        """
        if username == PROBE_USER:
            return False
        over = self.until is not None and now().date() > self.until
        if over and self.allow_all and not self._is_declared(username):
            return False
        return bool(super().check_blocked_users(username, authentication))

    async def refresh_user(self, user: Any, handler: Any = None, **_: Any) -> bool:
        """Whether a session may go on; it ends when its person is no longer declared."""
        return user.name == PROBE_USER or self.allow_all or self._is_declared(user.name)

    def _is_declared(self, username: str) -> bool:
        return username in self.allowed_users or username in self.admin_users
