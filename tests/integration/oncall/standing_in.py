"""Servers on loopback in place of PagerDuty's events and of a chat service.

PagerDuty's is written from its public description: 202 for what it queues, 400 for a routing key
of another length or an event without its parts, 429 and 500 when it is told to be so.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class StandIn:
    """What was heard; `says` is the status with which the next calls are answered."""

    address: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    says: int = 202

    def acts(self) -> list[tuple[str, str]]:
        return [(one["event_action"], one["dedup_key"]) for one in self.heard]


def _trouble(event: dict[str, Any]) -> str:
    if len(event.get("routing_key", "")) != 32:
        return "Length of 'routing_key' is incorrect (should be 32 characters)"
    if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
        return "'event_action' is missing or blank"
    if not event.get("dedup_key") or len(event["dedup_key"]) > 255:
        return "'dedup_key' is invalid"
    payload = event.get("payload", {})
    if event["event_action"] == "trigger" and not (
        payload.get("summary")
        and payload.get("source")
        and payload.get("severity") in ("critical", "error", "warning", "info")
    ):
        return "'payload' is invalid"
    return ""


@contextmanager
def pagerduty(certificate: Path) -> Iterator[StandIn]:
    """PagerDuty's Events API v2, over TLS: its library speaks nothing else."""

    def answer(stand_in: StandIn, path: str, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if stand_in.says != 202:
            stand_in.refused.append(stand_in.says)
            return stand_in.says, {"status": "throttle exceeded"}
        trouble = _trouble(event) if path == "/v2/enqueue" else "no such path"
        if trouble:
            stand_in.refused.append(400)
            return 400, {"status": "invalid event", "errors": [trouble]}
        stand_in.heard.append(event)
        good = {"status": "success", "message": "Event processed"}
        return 202, {**good, "dedup_key": event["dedup_key"]}

    with _serving(answer, certificate) as stand_in:
        yield stand_in


@contextmanager
def chat() -> Iterator[StandIn]:
    """A service that takes JSON, as apprise's `json://` sends it."""

    def answer(stand_in: StandIn, path: str, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if stand_in.says != 202:
            stand_in.refused.append(stand_in.says)
            return stand_in.says, {}
        stand_in.heard.append(event)
        return 200, {}

    with _serving(answer) as stand_in:
        yield stand_in


@contextmanager
def _serving(answer: Any, certificate: Path | None = None) -> Iterator[StandIn]:
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = answer(stand_in, self.path, json.loads(body))
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    stand_in.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate_in(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    present = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(present - timedelta(days=1))
        .not_valid_after(present + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "loopback.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
