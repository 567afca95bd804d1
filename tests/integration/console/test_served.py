"""The served console as a whole: files, limits, streams, a database that is away, its end."""

from __future__ import annotations

import http.client
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.places import until
from tests.scripted import PASSWORD

FLEET = Path(__file__).parents[3] / "examples" / "service-43"


@dataclass
class Served:
    """A console in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    state: Path
    cookie: str = ""

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.address)
        with closing(http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=30)) as asked:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            sent = {"Host": parts.netloc, "Cookie": self.cookie, **sent}
            # A server that refuses what is too large does not read it to its end.
            with suppress(BrokenPipeError, ConnectionResetError):
                asked.request(method, path, body=body, headers=sent)
            answer = asked.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask("GET", path, None, **headers)

    def numbers(self) -> bytes:
        token = (self.state / "console" / "metrics-token").read_text(encoding="ascii")
        return self.get("/metrics", Authorization=f"Bearer {token}")[2]

    def sign_in(self) -> None:
        _, headers, page = self.get("/account/login/")
        csrf = headers["set-cookie"].partition(";")[0]
        token = page.partition(b'name="csrfmiddlewaretoken" value="')[2].partition(b'"')[0]
        body = b"csrfmiddlewaretoken=%s&login=eve&password=%s" % (
            token, PASSWORD.replace(" ", "+").encode(),
        )  # fmt: skip
        kind = "application/x-www-form-urlencoded"
        parts = urlsplit(self.address)
        with closing(http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=30)) as asked:
            headers = {"Host": parts.netloc, "Cookie": csrf, "Content-Type": kind}
            asked.request("POST", "/account/login/", body=body, headers=headers)
            answer = asked.getresponse()
            cookies = [v for n, v in answer.getheaders() if n.lower() == "set-cookie"]
            assert answer.status == 302, answer.read()
        session = next(one for one in cookies if one.startswith("hubfleet-session="))
        assert "HttpOnly" in session
        assert "SameSite=Lax" in session
        self.cookie = session.partition(";")[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("served") / "state"
    command = [sys.executable, "-m", "tests.scripted", str(FLEET), str(state), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        made = Served(process, process.stdout.readline().strip(), state)
        until(lambda: made.get("/healthz")[0] == 200, "the console to answer")
        made.sign_in()
        yield made
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, "it ends by itself, and well"


def test_it_is_alive_ready_and_counts(served):
    assert served.get("/healthz")[::2] == (200, b"ok\n")
    assert served.get("/readyz")[2] == b'{"ready": true, "troubles": []}'
    assert b'hubfleet_console_loop_runs_total{loop="watching"' in served.numbers()


def test_static_files_have_hashes_and_may_be_kept_for_ever(served):
    page = served.get("/fleet/")[2].decode()
    path = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    status, headers, plain = served.get(path)
    assert status == 200
    assert headers["cache-control"] == "max-age=315360000, public, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    status, headers, packed = served.get(path, Accept_Encoding="gzip")
    assert headers["content-encoding"] == "gzip"
    assert len(packed) < len(plain) / 2
    etag = headers.get("etag", "")
    last = headers["last-modified"]
    assert served.get(path, If_Modified_Since=last, If_None_Match=etag)[0] in (200, 304)
    assert served.ask("POST", path)[0] == 404
    for name in ("/static/site/../../settings.py", "/static/%2e%2e/key", "/static/", "/static/x"):
        assert served.get(name)[0] == 404


def test_pages_name_nobody_elses_server(served):
    for path in ("/fleet/", "/hubs/earth-lab/prod/", "/status/", "/rollouts/", "/account/login/"):
        page = served.get(path)[2].decode()
        for attribute in ("src=", "<link "):
            for piece in page.split(attribute)[1:]:
                assert not piece.partition(">")[0].strip('"').startswith("http"), piece[:80]


def test_another_host_name_is_refused(served):
    assert served.get("/status/", Host="evil.example")[0] == 400
    assert served.get("/status/", Host=f"127.0.0.1:{urlsplit(served.address).port}")[0] == 200


def test_too_much_is_refused_before_it_is_stored(served):
    many = b"x" * (5 * 1024 * 1024)
    assert served.ask("POST", "/account/login/", many)[0] == 413
    pieces = (b"x" * 65536 for _ in range(100))
    status, _, _ = served.ask("POST", "/account/login/", pieces)
    assert status in (400, 413)
    assert served.get("/healthz")[0] == 200


def test_a_stream_tells_when_a_rollout_goes_on_and_ends(served):
    from hubfleet.rollout.ports import HubSettled, RolloutEnded

    port = urlsplit(served.address).port or 0
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as asked:
        path = "/rollouts/r-20260303-now/events"
        asked.request("GET", path, headers={"Host": f"localhost:{port}", "Cookie": served.cookie})
        answer = asked.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/event-stream"
        assert answer.readline() == b"retry: 3000\n"
        assert b"hubfleet_console_streams 1.0" in served.numbers()
        written(served, HubSettled("r-20260303-now", now(), "commons/demo", "done"))
        assert line_of(answer) == b"event: changed\n"
        page = served.get("/rollouts/r-20260303-now/")[2].decode()
        assert "6 of 10 hubs done with" in page
        written(served, RolloutEnded("r-20260303-now", now(), True))
        assert line_of(answer) == b"event: end\n"
    until(lambda: b"hubfleet_console_streams 0.0" in served.numbers(), "the stream to end")


def now() -> str:
    from hubfleet.kit.clock import timestamp

    return timestamp()


def written(served: Served, entry: object) -> None:
    """As another process, the one that rolls out, would."""
    code = (
        "import pickle, sys\nfrom pathlib import Path\n"
        "from hubfleet.office.site.opening import open_ledger\n"
        "with open_ledger(Path(sys.argv[1]), version='0.1.0') as ledger:\n"
        "    ledger.write(pickle.load(sys.stdin.buffer))\n"
    )
    import pickle

    command = [sys.executable, "-c", code, str(served.state)]
    subprocess.run(command, input=pickle.dumps(entry), check=True)


def line_of(answer: http.client.HTTPResponse) -> bytes:
    """The next line that says something."""
    while (line := answer.readline()) in (b"\n", b"data: \n"):
        pass
    return line


def test_a_stream_is_for_those_who_may_see_the_rollout(served):
    path = "/rollouts/r-20260303-now/events"
    assert served.ask("GET", path, Cookie="none=1")[0] == 403
    assert served.get("/rollouts/unknown/events")[0] == 404


def test_a_reader_does_not_wait_for_a_writer_who_holds_the_database(served):
    with closing(sqlite3.connect(served.state / "office.sqlite", timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert served.get("/fleet/")[0] == 200
        assert served.get("/status/")[0] == 200
        other.rollback()


def test_who_must_write_is_told_when_somebody_holds_the_database_too_long(served):
    with closing(sqlite3.connect(served.state / "office.sqlite", timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        # A hidden page is recorded, so it writes.
        status, headers, page = served.get("/audit/export.csv")
        other.rollback()
    assert status == 503
    assert headers["retry-after"] == "5"
    assert b"Back in a moment" in page
    assert served.get("/audit/export.csv")[0] == 200


def test_a_database_that_is_away_gives_a_page_that_says_so_and_comes_back(served):
    file = served.state / "office.sqlite"
    aside = {
        path: path.with_name(f"aside-{path.name}")
        for path in sorted(file.parent.glob("office.sqlite*"))
    }
    for path, other in aside.items():
        path.rename(other)
    file.mkdir()
    try:
        status, headers, page = served.get("/fleet/")
        assert status == 503
        assert b"cannot reach its database" in page
        assert b"Commons Hubs" in page
        assert (headers["retry-after"], headers["refresh"]) == ("5", "5")
        assert served.get("/healthz")[0] == 200
        status, _, body = served.get("/readyz")
        assert status == 503
        assert b"the database does not answer" in body
        assert served.get("/status/summary.json", Accept="application/json")[0] == 503
    finally:
        file.rmdir()
        for path, other in aside.items():
            other.rename(path)
    assert served.get("/fleet/")[0] == 200
    assert served.get("/readyz")[0] == 200


def test_files_of_the_console_are_private(served):
    assert (served.state / "console").stat().st_mode & 0o777 == 0o700
    assert (served.state / "console" / "key").stat().st_mode & 0o777 == 0o600
    assert (served.state / "office.sqlite").stat().st_mode & 0o777 == 0o600
