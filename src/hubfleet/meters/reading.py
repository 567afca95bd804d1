"""One reading of a hub: its servers by its API, its counters by `/hub/metrics`.

The token that opens both may list names of people, see servers and read the numbers, and nothing
else (`METER_SCOPES`). A hub's answers are taken as they come from a stranger: limited in size and
in number, and of the wrong shape without harm.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from hubfleet.fleet.model import HubValues
from hubfleet.kit.elsewhere import connection_to
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.meters.counters import added, spawn_counters
from hubfleet.meters.requested import requested_memory
from hubfleet.meters.samples import BriefServer, HubSample, ServerSample, Since, SpawnCounters

TIMEOUT = 10.0
"""Seconds for one answer; a hub that is slower is read the next time."""
PAGE = 200
"""People for each question."""
MOST_PAGES = 100
MOST_BYTES = 8 * 1024**2

_PAGED = "application/jupyterhub-pagination+json"


@dataclass(frozen=True, slots=True)
class MeterDoor:
    """Where a hub is read: `url` ends in a slash, `connect_to` is opened instead of its host."""

    url: str
    connect_to: tuple[str, int] | None
    token: str = field(repr=False)


def read_hub(
    hub: str, door: MeterDoor, values: HubValues, at: datetime, since: Since | None = None
) -> HubSample:
    """Read one hub; raises `hub-not-read`.

    With `since`, the reading before this one, servers that came and went in between are found too.
    """
    asking = _Asking(hub, door)
    try:
        servers = tuple(_running(asking, values))
        spawns = spawn_counters(asking.text("hub/metrics"))
        brief: tuple[BriefServer, ...] = ()
        if since is not None and _started_some(since.spawns, spawns):
            brief = tuple(_brief(asking, since.at, servers))
    finally:
        asking.close()
    return HubSample(hub, at, servers, spawns, brief)


def _running(asking: _Asking, values: HubValues) -> Iterator[ServerSample]:
    for user, model in asking.servers({"state": "active"}):
        started = _moment(model.get("started"))
        # One that is still starting may never run; one that is stopping has run.
        if started is None or not (model.get("ready") or model.get("pending") == "stop"):
            continue
        requested = requested_memory(values, model.get("user_options"))
        yield ServerSample(user, str(model.get("name") or ""), started, requested)


def _started_some(before: SpawnCounters | None, now: SpawnCounters | None) -> bool:
    """Whether a server may have started since; most of the time none has."""
    if before is None or now is None:
        return now is not None
    return added(before, now).started > 0


def _brief(
    asking: _Asking, since: datetime, servers: tuple[ServerSample, ...]
) -> Iterator[BriefServer]:
    """JupyterHub keeps when a server that has stopped was last active: when it was stopped."""
    runs = {(one.user, one.server) for one in servers}
    latest = {"include_stopped_servers": "1", "sort": "-last_activity"}
    for user, model in asking.servers(latest, until=since):
        ended, name = _moment(model.get("last_activity")), str(model.get("name") or "")
        if model.get("stopped") and ended and ended > since and (user, name) not in runs:
            yield BriefServer(user, name, ended)


def _moment(text: Any) -> datetime | None:
    """What JupyterHub writes, in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class _Asking:
    """Questions to one hub over one connection."""

    def __init__(self, hub: str, door: MeterDoor) -> None:
        self._hub, self._door = hub, door
        self._address = urlsplit(door.url)
        self._connection = connection_to(door.url, door.connect_to, TIMEOUT)

    def close(self) -> None:
        self._connection.close()

    def servers(
        self, query: Mapping[str, str], *, until: datetime | None = None
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Everybody's servers, page by page; no further than people last active `until`."""
        offset = 0
        for _ in range(MOST_PAGES):
            asked = urlencode({**query, "offset": offset, "limit": PAGE})
            page = self._page(f"hub/api/users?{asked}")
            for user in page["items"]:
                active = _moment(user.get("last_activity"))
                if until is not None and active is not None and active <= until:
                    return
                for model in (user.get("servers") or {}).values():
                    yield str(user["name"]), model
            following = page["_pagination"].get("next")
            if not following or int(following["offset"]) <= offset:
                return
            offset = int(following["offset"])
        raise self._unread(f"it has more than {MOST_PAGES * PAGE} people at once")

    def _page(self, path: str) -> dict[str, Any]:
        try:
            found = json.loads(self.text(path, accept=_PAGED))
            users, paging = found["items"], found["_pagination"]
            if not isinstance(paging, dict) or not all(
                isinstance(user, dict)
                and isinstance(user.get("name"), str)
                and isinstance(user.get("servers") or {}, dict)
                and all(isinstance(one, dict) for one in (user.get("servers") or {}).values())
                for user in users
            ):
                raise TypeError
            next_one = paging.get("next")
            if next_one is not None:
                int(next_one["offset"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise self._unread("its answer was not understood") from None
        return {"items": users, "_pagination": paging}

    def text(self, path: str, *, accept: str = "*/*") -> str:
        """The answer to one question."""
        headers = {
            "Authorization": f"token {self._door.token}",
            "Host": self._address.netloc,
            "Accept": accept,
        }
        try:
            self._connection.request("GET", f"{self._address.path}{path}", headers=headers)
            answer = self._connection.getresponse()
            found = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise self._unread(f"it does not answer: {why or type(error).__name__}") from None
        if answer.status in (401, 403):
            raise self._unread("it does not accept the meter's token", "run `hubfleet apply`")
        if answer.status != 200:
            raise self._unread(f"it answered {answer.status}")
        if len(found) > MOST_BYTES:
            raise self._unread(f"its answer is longer than {MOST_BYTES} bytes")
        return found.decode("utf-8", "replace")

    def _unread(self, why: str, hint: str = "") -> HubfleetError:
        return HubfleetError(
            Problem(
                "hub-not-read",
                f"the use of {self._hub} cannot be read",
                self._door.url,
                why,
                hint or "look at the hub with `hubfleet status`; it is read again in a minute",
            )
        )
