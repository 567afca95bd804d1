"""Hubs as clients: declared with `sign_in: console`, created, and not revoked.

Nothing has to be registered: the row that codes and tokens refer to is made when a hub is first
asked for, and what counts (the address to go back to, the secret) is looked up each time. A hub
that is no longer declared is no client from that moment on.
"""

from __future__ import annotations

from oauth2_provider.models import AbstractApplication, Application

from hubfleet.fleet.console_clients import ClientKeys
from hubfleet.fleet.model import Hub
from hubfleet.fleet.sign_in import callback_url
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.ports import desk


def keys() -> ClientKeys:
    """The secrets of all clients."""
    return ClientKeys(desk().state / "console")


def find(name: str) -> Application | None:
    """The client of this hub; None for whatever signs nobody in.

    `client_secret` holds the secret of now, in memory only: the table has none.
    """
    hub = desk().fleet().hubs.get(name)
    if hub is None or hub.values.access.sign_in != "console" or keys().client(name).revoked:
        return None
    callback = _callback(hub)
    if callback is None:
        return None
    client, _ = Application.objects.get_or_create(client_id=name, defaults=_fixed(callback))
    if client.redirect_uris != callback:
        client.redirect_uris = callback
        client.save(update_fields=["redirect_uris", "updated"])
    client.client_secret = keys().secret(name)
    return client


def _callback(hub: Hub) -> str | None:
    """Where the hub takes people back; None while it does not exist."""
    cluster = desk().fleet().clusters.get(hub.cluster)
    if cluster is not None and cluster.file.platform == "kubernetes":
        return callback_url(hub.domain, on_this_machine=False)
    try:
        return f"{desk().hub_api(hub.name).url}hub/oauth_callback"
    except HubfleetError:
        return None


def _fixed(callback: str) -> dict[str, object]:
    return {
        "redirect_uris": callback,
        "client_type": AbstractApplication.CLIENT_CONFIDENTIAL,
        "authorization_grant_type": AbstractApplication.GRANT_AUTHORIZATION_CODE,
        "algorithm": AbstractApplication.RS256_ALGORITHM,
        "skip_authorization": True,
        # An empty secret in the table: it is derived, and never read from there.
        "client_secret": "",
        "hash_client_secret": False,
    }
