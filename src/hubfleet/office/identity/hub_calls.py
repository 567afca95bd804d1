"""Calls to a hub's own API, with the office's token: it may end people's access, and no more."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote, urlsplit

from hubfleet.kit.elsewhere import connection_to
from hubfleet.office.ports import HubApi

TIMEOUT = 30.0
"""Seconds: a hub answers once the person's server has ended."""


class NotDoneError(Exception):
    """The hub did not do it now; the text says why, for people."""


def delete_person(api: HubApi, login: str) -> None:
    """End the person's sessions, tokens and servers on the hub; their files stay.

    Somebody whom the hub does not know has none. Raises `NotDoneError`.
    """
    path = f"hub/api/users/{quote(login, safe='')}"
    status, found = _call(api, "GET", path)
    if status == 404:
        return
    _understood(status, 200)
    # JupyterHub would stop the first server, and forget the others while they run.
    for name in _servers(found):
        _understood(_call(api, "DELETE", f"{path}/servers/{quote(name, safe='')}")[0], 204, 404)
    _understood(_call(api, "DELETE", path)[0], 204, 404)


def _servers(found: bytes) -> list[str]:
    """Names of the servers beside the first one."""
    try:
        return [name for name in json.loads(found)["servers"] if name]
    except (ValueError, KeyError, TypeError):
        raise NotDoneError("the hub's answer was not understood") from None


def _understood(status: int, *good: int) -> None:
    if status in good:
        return
    if status in (202, 400):
        raise NotDoneError("a server is still starting or stopping")
    if status in (401, 403):
        raise NotDoneError("the hub does not accept the console's token; apply it again")
    raise NotDoneError(f"the hub answered {status}")


def _call(api: HubApi, method: str, path: str) -> tuple[int, bytes]:
    address = urlsplit(api.url)
    connection = connection_to(api.url, api.connect_to, TIMEOUT)
    headers = {"Authorization": f"token {api.token}", "Host": address.netloc}
    try:
        connection.request(method, f"{address.path}{path}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NotDoneError(f"the hub does not answer: {why or type(error).__name__}") from None
    finally:
        connection.close()
