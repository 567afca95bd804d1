"""The shared proxy, seen by one hub: only the routes of its own host name exist for it.

Stock JupyterHub deletes every route that it did not make; with one proxy for many hubs each hub
would take away the routes of all others. Inside JupyterHub routes stay paths (`/user/ada/`); the
host is put in front on the way to the proxy and taken off on the way back.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from jupyterhub.proxy import ConfigurableHTTPProxy


class RoutesOfOneHost(ConfigurableHTTPProxy):
    """Host routing without JupyterHub's own subdomains, which are per person."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "host_routing": True})

    @property
    def host(self) -> str:
        """The hub's host name, as the proxy matches it: without a port."""
        return str(urlsplit(self.app.public_url).hostname)

    def validate_routespec(self, routespec: str) -> str:
        if routespec.startswith("/"):
            routespec = self.host + routespec
        return str(super().validate_routespec(routespec))

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        routes = await super().get_all_routes()
        own = {}
        for spec, route in routes.items():
            host, _, path = spec.partition("/")
            if host == self.host:
                own["/" + path] = {**route, "routespec": "/" + path}
        return own
