"""allauth's settings for accounts elsewhere, from the declaration. Knows no Django."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubfleet.fleet.model import Service
from hubfleet.fleet.providers import KNOWN


def provider_settings(service: Service, secrets: Mapping[str, str]) -> dict[str, Any]:
    """`secrets` are the revealed client secrets by provider."""
    providers: dict[str, dict[str, Any]] = {}
    for key, provider in service.console.providers.items():
        app: dict[str, Any] = {
            "client_id": provider.client.id or "",
            "secret": secrets.get(key, ""),
            "name": provider.name or KNOWN.get(key, key),
        }
        if key in KNOWN:
            providers[key] = {"APPS": [app], "OAUTH_PKCE_ENABLED": key != "github"}
            continue
        app |= {"provider_id": key, "settings": {"server_url": provider.issuer}}
        shared = providers.setdefault("openid_connect", {"APPS": [], "OAUTH_PKCE_ENABLED": True})
        shared["APPS"].append(app)
    return {"SOCIALACCOUNT_PROVIDERS": providers}
