"""How django-allauth behaves here: settings that `site.settings` takes over. Knows no Django.

Accounts are made by invitation only; the login is for ever; an address counts only when it was
shown to be the person's; changing anything that lets somebody in asks for the password again.
"""

from __future__ import annotations

from typing import Any

_ROOM = "hubfleet.office.accounts"

SETTINGS: dict[str, Any] = {
    "AUTH_USER_MODEL": "accounts.Person",
    "AUTHENTICATION_BACKENDS": [f"{_ROOM}.signing_in.OpenAccounts"],
    # scrypt takes a tenth of a second of one processor; the standard choice takes longer for less.
    "PASSWORD_HASHERS": [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ],
    "LOGIN_URL": "/account/login/",
    "LOGIN_REDIRECT_URL": "/",
    "LOGOUT_REDIRECT_URL": "/account/login/",
    "ACCOUNT_ADAPTER": f"{_ROOM}.adapter.Accounts",
    "ACCOUNT_USER_MODEL_USERNAME_FIELD": "login",
    "ACCOUNT_USER_MODEL_EMAIL_FIELD": "email",
    "ACCOUNT_LOGIN_METHODS": {"username", "email"},
    "ACCOUNT_SIGNUP_FIELDS": ["email*", "username*", "password1*", "password2*"],
    "ACCOUNT_FORMS": {"login": f"{_ROOM}.forms.SignIn"},
    "ACCOUNT_PRESERVE_USERNAME_CASING": False,
    "ACCOUNT_UNIQUE_EMAIL": True,
    "ACCOUNT_EMAIL_SUBJECT_PREFIX": "",
    "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
    # Codes and not links: the browser that asked for a new address is the one that confirms it,
    # and people with a second factor may change their address too.
    "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": True,
    "ACCOUNT_CHANGE_EMAIL": True,
    "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": False,
    "ACCOUNT_PREVENT_ENUMERATION": True,
    "ACCOUNT_EMAIL_NOTIFICATIONS": True,
    "ACCOUNT_SESSION_REMEMBER": True,
    "ACCOUNT_LOGOUT_ON_GET": False,
    "ACCOUNT_LOGIN_ON_PASSWORD_RESET": False,
    "ACCOUNT_REAUTHENTICATION_TIMEOUT": 300,
    "ACCOUNT_RATE_LIMITS": {
        "login_failed": "20/m/ip,5/300s/key",
        "invitation": "20/m/ip",
        "first": "10/m/ip",
    },
    "SOCIALACCOUNT_ADAPTER": f"{_ROOM}.adapter.OtherAccounts",
    # What a provider says of addresses decides nothing: neither who signs in nor whose they are.
    "SOCIALACCOUNT_EMAIL_AUTHENTICATION": False,
    "SOCIALACCOUNT_EMAIL_REQUIRED": False,
    "SOCIALACCOUNT_EMAIL_VERIFICATION": "none",
    "SOCIALACCOUNT_QUERY_EMAIL": False,
    "SOCIALACCOUNT_STORE_TOKENS": False,
    "SOCIALACCOUNT_LOGIN_ON_GET": False,
    "SOCIALACCOUNT_REQUESTS_TIMEOUT": 10,
    "MFA_ADAPTER": f"{_ROOM}.adapter.SecondFactors",
    "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
    "MFA_PASSKEY_LOGIN_ENABLED": True,
    "MFA_PASSKEY_SIGNUP_ENABLED": False,
    "MFA_RECOVERY_CODE_COUNT": 10,
    # A clock that is half a minute wrong is common.
    "MFA_TOTP_TOLERANCE": 1,
    "USERSESSIONS_TRACK_ACTIVITY": False,
}
