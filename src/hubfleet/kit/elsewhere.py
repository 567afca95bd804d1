"""HTTP to a name whose address is another one: names such as `prod-garden.localhost` are known to
browsers alone, and a proxy on this machine answers for them.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit


def connection_to(
    url: str, connect_to: tuple[str, int] | None, timeout: float
) -> http.client.HTTPConnection:
    """Not opened yet; the first request opens `connect_to`, else the address in `url`.

    Encrypted for `https`, and then whoever answers must prove to be the one of the name.
    """
    address = urlsplit(url)
    name, secure = address.hostname or "", address.scheme == "https"
    where = connect_to or (name, address.port or (443 if secure else 80))
    if secure:
        return _SecureElsewhere(name, where, timeout)
    return http.client.HTTPConnection(*where, timeout=timeout)


class _SecureElsewhere(http.client.HTTPSConnection):
    """Opens one address, and has whoever answers there prove that it is the one of the name."""

    def __init__(self, name: str, connect_to: tuple[str, int], timeout: float) -> None:
        self._secure = ssl.create_default_context()
        super().__init__(name, timeout=timeout, context=self._secure)
        self._wait, self._connect_to = timeout, connect_to

    def connect(self) -> None:
        plain = socket.create_connection(self._connect_to, self._wait)
        try:
            self.sock = self._secure.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
