"""Settings that the declaration says: mail, and where else people may sign in. Knows no Django."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubfleet.fleet.model import Service
from hubfleet.fleet.secrets.secret import Secret
from hubfleet.office.accounts.elsewhere import provider_settings
from hubfleet.office.post.server import mail_settings

Reveal = Callable[[Secret], str]


def declared_settings(service: Service, reveal: Reveal) -> dict[str, Any]:
    """For `Launch.more`. Raises what `reveal` raises: a console without its mail would lose it."""

    def opened(value: Secret | str | None) -> str | None:
        return reveal(value) if isinstance(value, Secret) else value

    secrets = {
        key: opened(provider.client.secret) or ""
        for key, provider in service.console.providers.items()
    }
    return {
        **mail_settings(service, opened(service.mail.password)),
        **provider_settings(service, secrets),
    }
