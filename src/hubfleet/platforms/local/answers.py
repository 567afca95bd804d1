"""Asking hubs over loopback, by address and host name, and the proxy's API over its socket.

Python does not resolve `*.localhost`, so the connection goes to 127.0.0.1 and the name into the
Host header, as a browser would send it.
"""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, unquote

LOOPBACK = "127.0.0.1"
_UNIX = "http+unix://"
QUICK = 2.0
"""Seconds to wait for an answer that usually takes milliseconds."""


def status_of(port: int, path: str, host: str | None = None, timeout: float = QUICK) -> int | None:
    """The HTTP status of a GET; None when nobody answers."""
    connection = HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def hub_answers(port: int) -> bool:
    """Whether the hub's own page of health answers on its loopback port."""
    return status_of(port, "/hub/health") == 200


def hub_answers_people(proxy_port: int, domain: str) -> bool:
    """Whether it answers through the proxy, under its name."""
    return status_of(proxy_port, "/hub/health", f"{domain}:{proxy_port}") == 200


def drop_routes(proxy_api: str, token: str, domain: str) -> int:
    """Take every route of a host out of the proxy; the number of routes dropped.

    Needed when a hub goes away or changes its name: a hub leaves its routes behind on purpose, so
    that people's servers can be reached while it restarts. Raises OSError when the proxy is away.
    """
    dropped = 0
    for route in json.loads(_call(proxy_api, token, "GET", "") or "{}"):
        if route == f"/{domain}" or route.startswith(f"/{domain}/"):
            _call(proxy_api, token, "DELETE", quote(route))
            dropped += 1
    return dropped


def lists_routes(proxy_api: str, token: str, timeout: float = QUICK) -> bool:
    """Whether the proxy's API answers, and knows the token."""
    try:
        json.loads(_call(proxy_api, token, "GET", "", timeout))
    except (OSError, ValueError):
        return False
    return True


def address_of(path: Path) -> str:
    """A socket's path as JupyterHub writes it."""
    return _UNIX + quote(str(path), safe="")


class _SocketConnection(HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _call(proxy_api: str, token: str, method: str, route: str, timeout: float = QUICK) -> bytes:
    connection = _SocketConnection(unquote(proxy_api.removeprefix(_UNIX)), timeout)
    try:
        headers = {"Authorization": f"token {token}"}
        connection.request(method, f"/api/routes{route}", headers=headers)
        answer = connection.getresponse()
        if answer.status >= 400:
            raise OSError(f"the proxy answered with status {answer.status}")
        return answer.read()
    except HTTPException as error:
        raise OSError(f"the proxy answered nonsense: {error!r}") from error
    finally:
        connection.close()
