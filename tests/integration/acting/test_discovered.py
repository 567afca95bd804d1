"""A real Prometheus finds hubs by the console's service discovery, with a token of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import yaml

from hubfleet.office.api.scopes import Scope
from tests.integration.acting.test_api import token
from tests.integration.monitoring.programs import program
from tests.integration.monitoring.test_prometheus import ask, prometheus
from tests.offices import Office
from tests.places import until


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None: ...


class _Threads(ThreadingMixIn, WSGIServer):
    # Waited for at the end: each has a connection to the test's database.
    daemon_threads = False


@contextmanager
def served() -> Iterator[str]:
    """The console over HTTP."""
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, get_wsgi_application(), _Threads, _Quiet)
    with running(server):
        yield f"http://localhost:{server.server_port}"


@contextmanager
def hubs_proxy() -> Iterator[str]:
    """What stands in for the hubs' own proxy: asked for any hub, it tells one number."""

    class Numbers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"jupyterhub_running_servers 3\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Numbers)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_prometheus_finds_the_hubs_that_its_token_may_see(office: Office, tmp_path: Path) -> None:
    binary = program("prometheus")
    kept = tmp_path / "console-token"
    kept.write_text(token("ada", Scope.DISCOVER))
    with served() as console, hubs_proxy() as proxy:
        discovery = {
            "url": f"{console}/api/sd/hubs?community=ant",
            "refresh_interval": "1s",
            "authorization": {"type": "Bearer", "credentials_file": str(kept)},
        }
        config = tmp_path / "prometheus.yml"
        job = {"job_name": "hubs", "proxy_url": proxy, "http_sd_configs": [discovery]}
        times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        config.write_text(yaml.safe_dump({"global": times, "scrape_configs": [job]}))
        with prometheus(binary, config, tmp_path / "data") as at:
            found = until(
                lambda: (seen := ask(at, "jupyterhub_running_servers"))[1:] and seen, "hubs", 30
            )
            assert {one["metric"]["hub"] for one in found} == {"ant/prod", "ant/staging"}
            assert {one["metric"]["job"] for one in found} == {"hub"}
            _ends_with_the_token(at, kept)


def _ends_with_the_token(at: str, kept: Path) -> None:
    """A token that is revoked finds nothing any more; what was found stays, as Prometheus does."""
    from hubfleet.office.api import tokens
    from hubfleet.office.audit.record import Actor

    found = tokens.find(kept.read_text())
    assert found is not None
    tokens.revoke(Actor("ada"), found[0])
    until(lambda: _failures(at) > 0, "refused refreshes", 30)


def _failures(at: str) -> float:
    import re
    import urllib.request

    with urllib.request.urlopen(f"{at}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.search(r"^prometheus_sd_http_failures_total (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
