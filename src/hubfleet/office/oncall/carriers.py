"""Carrying one message to PagerDuty or to a channel of apprise. Effects only; one try each.

Both libraries come with the extra `paging` and are imported when they are needed. Their own
retries are switched off, because they sleep while other pages wait: the deliveries are tried again
by their rows. What they log is not shown, because addresses of channels are secrets.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

SECONDS = 10
"""How long the other end may take for one answer."""

EXTRA = "install hubfleet with its extra: pip install 'hubfleet[paging]'"
REGIONS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}


class Closed(Exception):  # noqa: N818 (what the way is)
    """It did not get through. `permanent`: another try would end alike."""

    def __init__(self, said: str, *, permanent: bool = False) -> None:
        super().__init__(said)
        self.said = said
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Event:
    """One event for PagerDuty; `payload`, `links` and `client_url` only for a trigger."""

    action: str
    dedup_key: str
    properties: Mapping[str, Any]


def installed(library: str) -> bool:
    """Whether `apprise` or `pagerduty` is there."""
    return find_spec(library) is not None


def to_pagerduty(event: Event, routing_key: str, address: str) -> None:
    """Raises `Closed`. 202 means queued; 400 is for good, everything else is tried again."""
    if not installed("pagerduty"):
        raise Closed(f"the library `pagerduty` is missing: {EXTRA}", permanent=True)
    from pagerduty import EventsApiV2Client
    from pagerduty.errors import Error, HttpError

    client = EventsApiV2Client(routing_key, base_url=address)
    client.log = _silent
    client.timeout = SECONDS
    # One try: with these the client returns the first answer, also "too many requests".
    client.max_network_attempts = 0
    client.max_http_attempts = -1
    client.retry = {429: 1}
    try:
        with client:
            client.send_event(event.action, event.dedup_key, **event.properties)
    except HttpError as error:
        answer: Any = error.response
        code = int(answer.status_code)
        said = _without(f"{code} {' '.join(str(answer.text).split())}", routing_key)
        raise Closed(said[:300], permanent=400 <= code < 500 and code not in (408, 429)) from None
    except Error as error:
        cause = error.__cause__ or error
        raise Closed(_without(_words(cause), routing_key)) from None
    except ValueError as error:
        raise Closed(_without(_words(error), routing_key)) from None


def to_channel(address: str, title: str, text: str) -> None:
    """Raises `Closed`. Apprise says only whether it got through."""
    if not installed("apprise"):
        raise Closed(f"the library `apprise` is missing: {EXTRA}", permanent=True)
    try:
        service: Any = _apprise().instantiate(address)
        if not service:
            raise Closed("it is no address that apprise understands", permanent=True)
        done = service.notify(body=text, title=title)
    except Closed:
        raise
    except Exception as error:
        # Hundreds of services, each with failures of its own; the address may stand in the words.
        raise Closed(type(error).__name__) from None
    if not done:
        raise Closed(f"the service {service.service_name} did not take it")


@cache
def _apprise() -> Any:
    """Imports the parts for all services, some of which warn of their own age."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from apprise import Apprise

        _silence("apprise")
        Apprise.instantiate("json://localhost")
    return Apprise


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _without(text: str, secret: str) -> str:
    return text.replace(secret, "<secret>") if secret else text


def _silence(name: str) -> None:
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False


_silent = logging.getLogger("hubfleet.silent")
_silence("hubfleet.silent")
