"""Bodies as Alertmanager sends them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from hubfleet.kit.clock import now, timestamp

START = timestamp(now() - timedelta(minutes=3))


def alert(
    name: str = "HubDown", status: str = "firing", starts: datetime | str = START, **labels: str
) -> dict[str, Any]:
    """One alert; the fingerprint follows the labels, as with Alertmanager."""
    labels = {"alertname": name, **labels}
    digest = hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]
    hub = labels.get("hub", labels.get("cluster", "the service"))
    return {
        "status": status,
        "labels": labels,
        "annotations": {"summary": f"{hub} does not answer", "runbook_url": "https://x.org/r.html"},
        "startsAt": starts if isinstance(starts, str) else timestamp(starts),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph",
        "fingerprint": digest,
    }


def body(*alerts: dict[str, Any], **more: Any) -> bytes:
    told = {
        "version": "4",
        "groupKey": '{}:{alertname="HubDown"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "record",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org",
        "alerts": list(alerts),
        **more,
    }
    return json.dumps(told).encode()


def send(client: Any, token: str, content: bytes) -> Any:
    return client.post(
        "/api/alerts/alertmanager", content, content_type="application/json",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )  # fmt: skip
