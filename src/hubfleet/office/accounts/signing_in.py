"""The backend that knows passwords: allauth's, without rights of Django's own."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class OpenAccounts(AuthenticationBackend):  # type: ignore[misc]  # allauth is not typed
    """Rights come from `rights` alone; Django's permission tables are never asked."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return False

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def user_can_authenticate(self, user: Any) -> bool:
        return bool(user.is_active)
