"""A hub's answers are a stranger's: pages, sizes, shapes, and what a server was promised."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hubfleet.fleet.model import HubValues
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.meters import reading
from hubfleet.meters.reading import MeterDoor, read_hub
from hubfleet.meters.requested import requested_memory
from hubfleet.meters.samples import HubSample, Since, SpawnCounters

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
TOKEN = "canary-token"
SPAWNED = 'jupyterhub_server_spawn_duration_seconds_bucket{le="+Inf",status="success"} 5\n'
VALUES = HubValues.model_validate(
    {
        "limits": {"memory": "1G"},
        "profiles": [
            {"name": "Small"},
            {"name": "Large", "limits": {"memory": "8G"}, "guarantees": {"memory": "2G"}},
        ],
    }
)

Answer = Callable[[str, dict[str, list[str]]], tuple[int, str]]


@contextmanager
def hub(answer: Answer) -> Iterator[MeterDoor]:
    """A hub that says what it is told, and wants the right name and token."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            good = self.headers["Authorization"] == f"token {TOKEN}"
            good = good and self.headers["Host"] == "prod-ant.localhost:8000"
            status, text = answer(asked.path, parse_qs(asked.query)) if good else (403, "")
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        address = ("127.0.0.1", server.server_address[1])
        yield MeterDoor("http://prod-ant.localhost:8000/", address, TOKEN)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def user(name: str, **model: Any) -> dict[str, Any]:
    server = {"name": "", "ready": True, "started": NOON.isoformat(), "user_options": {}, **model}
    return {"name": name, "last_activity": NOON.isoformat(), "servers": {"": server}}


def page(users: list[Any], following: Any = None) -> str:
    return json.dumps({"items": users, "_pagination": {"next": following}})


def read(answer: Answer, since: Since | None = None) -> HubSample:
    with hub(answer) as door:
        return read_hub("ant/prod", door, VALUES, NOON, since)


def refusal(answer: Answer) -> Problem:
    with pytest.raises(HubfleetError) as told:
        read(answer)
    assert TOKEN not in str(told.value)
    assert told.value.problems[0].code == "hub-not-read"
    return told.value.problems[0]


def simple(users: list[Any], metrics: str = "") -> Answer:
    return lambda path, _: (200, metrics if path == "/hub/metrics" else page(users))


def test_servers_that_run_or_stop_count_and_those_that_start_do_not() -> None:
    started = {"started": "2026-11-18T11:00:00.5Z"}
    found = read(
        simple(
            [
                user("ada", **started),
                user("bo", ready=False, pending="stop", user_options={"profile": "large"}),
                user("cy", ready=False, pending="spawn"),
                user("dee", started=None),
            ]
        )
    )
    assert [one.user for one in found.servers] == ["ada", "bo"]
    assert found.servers[0].started == NOON - timedelta(minutes=59, seconds=59.5)
    assert [one.requested for one in found.servers] == [1024**3, 2 * 1024**3]
    assert (found.spawns, found.brief) == (None, ())
    assert "ada" not in repr(found)


def test_all_pages_are_read() -> None:
    def answer(path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        if path == "/hub/metrics":
            return 200, SPAWNED
        offset = int(query["offset"][0])
        assert query["state"] == ["active"]
        following = {"offset": offset + 1} if offset < 3 else None
        return 200, page([user(f"p{offset}")], following)

    found = read(answer)
    assert [one.user for one in found.servers] == ["p0", "p1", "p2", "p3"]
    assert found.spawns is not None
    assert found.spawns.started == 5


def test_servers_that_came_and_went_are_looked_for_only_when_some_started() -> None:
    asked: list[str] = []

    def answer(path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        if path == "/hub/metrics":
            return 200, SPAWNED
        if "include_stopped_servers" not in query:
            return 200, page([user("ada")])
        asked.append(query["sort"][0])
        late = (NOON - timedelta(seconds=20)).isoformat()
        early = (NOON - timedelta(hours=2)).isoformat()
        gone = {"stopped": True, "ready": False, "started": None}
        return 200, page(
            [
                user("bo", **gone, last_activity=late),
                user("ada", **gone, last_activity=late),
                user("cy", **gone, last_activity=early),
                {"name": "dee", "last_activity": early, "servers": {}},
                user("eli", **gone, last_activity=late),
            ],
            {"offset": 5},
        )

    before = NOON - timedelta(minutes=1)
    same = SpawnCounters(0.0, ((float("inf"), 5.0),))
    fewer = SpawnCounters(0.0, ((float("inf"), 4.0),))
    assert read(answer, Since(before, same)).brief == ()
    assert asked == []
    found = read(answer, Since(before, fewer))
    # `dee` was active before the last reading: nobody after her was later.
    assert [one.user for one in found.brief] == ["bo"]
    assert asked == ["-last_activity"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"items": 3, "_pagination": {}}',
        '{"items": [3], "_pagination": {}}',
        '{"items": [{"name": 3, "servers": {}}], "_pagination": {}}',
        '{"items": [{"name": "ada", "servers": [1]}], "_pagination": {}}',
        '{"items": [{"name": "ada", "servers": {"": 7}}], "_pagination": {}}',
        '{"items": [], "_pagination": []}',
        '{"items": [], "_pagination": {"next": {"offset": "far"}}}',
        '{"items": [], "_pagination": {"next": 7}}',
        "\ud800",
        '{"items": [], "_pagination": {"next": {"offset": Infinity}}}',
        "[" * 200_000,
    ],
)
def test_an_answer_of_another_shape_is_not_understood(text: str) -> None:
    encoded = text.encode("utf-8", "replace").decode()
    problem = refusal(lambda path, query: (200, encoded))
    assert problem.why == "its answer was not understood"


def test_pages_without_end_come_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_PAGES", 3)

    def endless(path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        return 200, page([], {"offset": int(query["offset"][0]) + 200})

    assert refusal(endless).why == "it has more than 600 people at once"
    again = read(lambda path, query: (200, page([], {"offset": 0}) if "users" in path else ""))
    assert again.servers == ()


def test_an_answer_that_is_too_long_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    assert refusal(simple([], "x" * 2000)).why == "its answer is longer than 1000 bytes"


def test_times_and_choices_that_are_none_do_no_harm() -> None:
    odd = [
        user("ada", started="yesterday"),
        user("eve", started="9999-12-31T23:59:59-12:00"),
        user("bo", user_options=[1], started="2026-11-18T11:00:00"),
        user("cy", user_options={"profile": {"a": 1}, "x": []}),
    ]
    found = read(simple(odd))
    assert [one.user for one in found.servers] == ["bo", "cy"]
    assert {one.requested for one in found.servers} == {1024**3}


@pytest.mark.parametrize(
    ("status", "why", "hint"),
    [
        (403, "it does not accept the meter's token", "run `hubfleet apply`"),
        (
            502,
            "it answered 502",
            "look at the hub with `hubfleet status`; it is read again in a minute",
        ),
    ],
)
def test_a_refusal_is_named(status: int, why: str, hint: str) -> None:
    problem = refusal(lambda path, query: (status, ""))
    assert (problem.what, problem.place) == (
        "the use of ant/prod cannot be read",
        "http://prod-ant.localhost:8000/",
    )
    assert (problem.why, problem.hint) == (why, hint)


def test_a_hub_that_is_away_is_named() -> None:
    with hub(simple([])) as door:
        pass
    with pytest.raises(HubfleetError) as told:
        read_hub("ant/prod", door, VALUES, NOON)
    assert told.value.problems[0].why == "it does not answer: Connection refused"


def test_what_is_promised_is_the_guarantee_else_the_limit() -> None:
    plain = HubValues.model_validate({"limits": {"memory": "1G"}})
    none = HubValues.model_validate({"limits": {"memory": None}})
    assert requested_memory(plain, {"anything": "at all"}) == 1024**3
    assert requested_memory(none, None) is None
    assert requested_memory(VALUES, {"profile": "large"}) == 2 * 1024**3
    assert requested_memory(VALUES, {"profile": "gone"}) == 1024**3
