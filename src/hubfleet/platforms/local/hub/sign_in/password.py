"""One password for all, another one for the admins."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.platforms.local.hub.sign_in.people import DeclaredPeople


class PasswordPeople(DeclaredPeople, SharedPasswordAuthenticator):
    """Whoever knows the password and is declared."""

    async def refresh_user(self, user: Any, handler: Any = None, **_: Any) -> bool:
        """Whether a session may go on; it ends when its person is no longer declared."""
        return user.name == PROBE_USER or self.allow_all or self.is_declared(user.name)
