"""Reading the body that Alertmanager sends to a webhook (version 4). Pure.

Lenient: later versions add keys. What is no such body is refused with what was wrong; of several
alerts the good ones are taken and the others named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.incidents.troubles import Told

MOST_BYTES = 2 * 1024 * 1024
MOST_ALERTS = 5000
_LONGEST = 2000


def read(body: bytes) -> tuple[list[Told], list[str]]:
    """The alerts, and what is wrong with those that are left out; raises `alerts-not-understood`.

    Raised when there is no alert that can be taken, unless the list is empty.
    """
    alerts = _alerts(body)
    found: list[Told] = []
    wrong: list[str] = []
    for number, one in enumerate(alerts, start=1):
        try:
            found.append(_alert(one))
        except ValueError as error:
            wrong.append(f"alert {number}: {error}")
    if wrong and not found:
        raise _refusal("; ".join(wrong[:3]))
    return found, wrong


def _alerts(body: bytes) -> list[Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"it is no JSON: {str(error)[:200]}") from None
    if not isinstance(value, Mapping):
        raise _refusal("it is no JSON object")
    if str(value.get("version", "")) != "4":
        raise _refusal(f"`version` is {_shown(value.get('version'))}, not 4")
    alerts = value.get("alerts")
    if not isinstance(alerts, list):
        raise _refusal("`alerts` is no list")
    if len(alerts) > MOST_ALERTS:
        raise _refusal(f"`alerts` has {len(alerts)} entries, more than {MOST_ALERTS}")
    return alerts


def _alert(one: Any) -> Told:
    if not isinstance(one, Mapping):
        raise ValueError("it is no object")
    status = one.get("status")
    if status not in ("firing", "resolved"):
        raise ValueError(f"`status` is {_shown(status)}, not firing or resolved")
    labels = _texts(one.get("labels"), "labels")
    name = labels.get("alertname", "")
    if not name:
        raise ValueError("the label `alertname` is missing")
    annotations = _texts(one.get("annotations") or {}, "annotations")
    url = annotations.get("runbook_url", "")
    return Told(
        _fingerprint(one.get("fingerprint"), labels),
        _moment(one.get("startsAt")),
        status == "firing",
        name[:200],
        labels,
        (annotations.get("summary") or annotations.get("description") or name)[:_LONGEST],
        url[:1000] if url.startswith(("https://", "http://")) else "",
    )


def _fingerprint(said: Any, labels: Mapping[str, str]) -> str:
    """What Alertmanager calls it; else the same for the same labels."""
    if isinstance(said, str) and said.isalnum() and len(said) <= 64:
        return said
    told = json.dumps(dict(sorted(labels.items())))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _moment(said: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(said)[:40])
        moment = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"`startsAt` is {_shown(said)}, no moment") from None
    if not 2000 <= moment.year <= 2200:
        raise ValueError(f"`startsAt` is {_shown(said)}, long ago or far away")
    return moment


def _texts(said: Any, name: str) -> dict[str, str]:
    if not isinstance(said, Mapping):
        raise ValueError(f"`{name}` is no object")
    if len(said) > 100:
        raise ValueError(f"`{name}` has more than 100 entries")
    return {_clean(key)[:200]: _clean(value)[:_LONGEST] for key, value in said.items()}


def _clean(text: Any) -> str:
    """Without what no database takes: NUL, and halves of characters."""
    return str(text).replace("\0", "").encode("utf-8", "ignore").decode()


def _shown(value: Any) -> str:
    return _clean(json.dumps(value, default=str))[:60]


def _refusal(why: str) -> HubfleetError:
    return failure(
        "alerts-not-understood",
        "this is nothing that Alertmanager sends",
        why=why,
        hint="send version 4 of its webhook: `webhook_configs` without a `payload` of its own",
    )
