"""Django's settings of the provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubfleet.fleet.console_clients import make_once

SESSION = 14 * 24 * 3600
"""Seconds that a person stays signed in to a hub at most, as long as they do at the console."""

_RFC_9700 = (
    "ACCESS_TOKEN_TRANSPORT",
    "AUTHZ_RESPONSE_ISS",
    "IMPLICIT_GRANT",
    "PASSWORD_GRANT",
    "PKCE_METHOD",
    "PKCE_REQUIRED",
    "REDIRECT_URI_MATCHING",
    "REFRESH_TOKEN",
    "TOKEN_STORAGE",
)


def of_this_place(folder: Path, address: str) -> dict[str, Any]:
    """`folder` is the console's in the state folder, `address` where browsers find it."""
    return {"OAUTH2_PROVIDER": _provider(f"{address.rstrip('/')}/identity", signing_key(folder))}


def _provider(issuer: str, key: str) -> dict[str, Any]:
    return {
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": issuer,
        "OIDC_RSA_PRIVATE_KEY": key,
        "OIDC_SERVER_CLASS": "hubfleet.office.identity.server.HubServer",
        "OAUTH2_VALIDATOR_CLASS": "hubfleet.office.identity.validator.HubValidator",
        "SCOPES": {
            "openid": "who you are",
            "profile": "your name",
            "groups": "your groups on the hub",
        },
        "DEFAULT_SCOPES": ["openid"],
        "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"],
        "PKCE_REQUIRED": True,
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
        "ACCESS_TOKEN_EXPIRE_SECONDS": SESSION,
        # It is read once, a moment after it was made.
        "ID_TOKEN_EXPIRE_SECONDS": 300,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        **{f"COMPLIANT_BCP_RFC9700_{name}": True for name in _RFC_9700},
    }


def signing_key(folder: Path) -> str:
    """The private key of this console, made once; whoever deletes it makes another one.

    Tokens signed with the old one are read for a moment only, so nothing is lost with it.
    """
    path = folder / "signing.pem"
    if not path.exists():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        make_once(path, text.decode())
    return path.read_text(encoding="ascii")
