"""Alerts and turns come in: one incident for what is one, whatever arrives how often."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hubfleet.kit.clock import now
from tests.integration.incidents.alerts import alert, body, send


@pytest.fixture
def token(watch):
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.incidents import tokens

    return tokens.make(Actor("eve"))


def test_an_alert_opens_one_incident_that_says_what_it_is(watch, token):
    answer = send(watch.client(), token, body(alert(hub="ant/prod", priority="P1")))
    assert answer.status_code == 200
    assert answer.json() == {
        "incidents": [1], "new": 1, "known": 0, "withheld": 0, "left_out": [],
    }  # fmt: skip
    (one,) = watch.incidents()
    assert (one.title, one.kind, one.priority, one.state, one.source) == (
        "ant/prod does not answer", "hub-unreachable", "P1", "triggered", "machine",
    )  # fmt: skip
    assert one.began_at < one.opened_at
    said = [(row.kind, row.origin, row.who, row.text) for row in one.entries.all()]
    assert ("observed", "alert", "hubfleet", "HubDown: ant/prod does not answer") in said
    assert watch.pages() == [("incident/1", "P1")]


def test_the_same_alert_a_thousand_times_is_one_row_and_one_page(watch, token):
    from hubfleet.office.incidents.models import Alert, Entry

    client, content = watch.client(), body(*[alert(hub="ant/prod")] * 10)
    for _ in range(100):
        assert send(client, token, content).status_code == 200
    row = Alert.objects.get()
    assert row.times == 1000
    assert len(watch.incidents()) == 1
    assert Entry.objects.filter(origin="alert").count() == 1
    assert len(watch.pages()) == 1


def test_many_hubs_of_one_cluster_that_fail_at_once_are_one_incident(watch, token):
    from hubfleet.office.oncall.models import Page

    names = ("cat/one", "cat/two", "cat/three")
    for name in names:
        send(watch.client(), token, body(alert(hub=name)))
    send(watch.client(), token, body(alert(hub="bee/prod")))
    reef, cove = watch.incidents()
    assert watch.hubs(reef) == sorted(names)
    assert reef.title == "3 hubs on reef: the address does not answer"
    assert watch.hubs(cove) == ["bee/prod"], "another cluster is another cause"
    assert Page.objects.count() == 2
    assert Page.objects.get(key=reef.key).summary == f"P1 {reef.title}"


def test_a_cluster_that_is_down_takes_its_hubs_into_one_incident(watch, token):
    send(watch.client(), token, body(alert(hub="cat/one")))
    send(watch.client(), token, body(alert("ClusterDown", cluster="reef")))
    (one,) = watch.incidents()
    assert set(watch.hubs(one)) == {"ant/prod", "ant/staging", "cat/one", "cat/two", "cat/three"}


def test_an_alert_and_our_own_checks_about_one_hub_are_one_incident(watch, token):
    watch.turn("ant/prod", "down")
    send(watch.client(), token, body(alert(hub="ant/prod")))
    (one,) = watch.incidents()
    row = one.affected.get()
    assert row.firing.split()[0] == "turn"
    watch.turn("ant/prod", "up")
    row.refresh_from_db()
    assert not row.recovered_at, "Alertmanager still says that it is down"
    send(watch.client(), token, body(alert(hub="ant/prod", status="resolved")))
    row.refresh_from_db()
    assert row.recovered_at
    assert "HubDown: over" in [entry.text for entry in one.entries.all()]


def test_a_turn_is_reacted_to_once_and_in_one_transaction_with_its_reaction(watch, monkeypatch):
    from hubfleet.office.incidents.board import Board
    from hubfleet.office.reactions import turns
    from hubfleet.office.watching.models import Turn

    def broken(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Board, "put", broken)
        with pytest.raises(RuntimeError):
            watch.turn("ant/prod", "down")
    assert Turn.objects.get().reacted_at is None
    assert watch.incidents() == []
    assert turns.react() == 1
    assert turns.react() == 0
    assert len(watch.incidents()) == 1


def test_flapping_is_one_incident_and_one_page(watch):
    for state in ("down", "up", "down", "up", "down", "up"):
        watch.turn("ant/prod", state)
        watch.follow()
    (one,) = watch.incidents()
    assert one.affected.get().returns == 2
    assert len(watch.pages()) == 1


def test_what_nobody_took_ends_by_itself_once_a_probe_agrees_and_returns_as_the_same(watch):
    watch.turn("ant/prod", "down")
    watch.turn("ant/prod", "up")
    assert watch.follow() == [], "not before it was quiet"
    later = timedelta(minutes=6)
    assert watch.follow(later) == ["ant/prod"], "a probe is asked for"
    watch.probe("ant/prod", "failed", now() + later)
    assert watch.follow(later) == []
    watch.probe("ant/prod", "healthy", now() + later)
    watch.follow(later)
    (one,) = watch.incidents()
    assert (one.state, one.resolved_by) == ("resolved", "")
    watch.turn("ant/prod", "down", at=now())
    (one,) = watch.incidents()
    assert (one.state, one.returns) == ("triggered", 1)
    assert len(watch.pages()) == 1


def test_what_somebody_took_does_not_end_by_itself(watch):
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.incidents import acting

    watch.turn("ant/prod", "down")
    acting.acknowledge(Actor("eve"), 1)
    watch.turn("ant/prod", "up")
    later = timedelta(minutes=6)
    watch.probe("ant/prod", "healthy", now() + later)
    watch.follow(later)
    assert watch.incidents()[0].state == "acknowledged"


def test_nothing_is_opened_in_a_maintenance_but_when_it_lasts_longer(watch, token):
    from hubfleet.office.watching.models import Announcement

    at = now()
    told = Announcement.objects.create(
        kind="maintenance", title="Disks", community="ant", starts_at=at - timedelta(hours=1),
        ends_at=at + timedelta(hours=1), made_by="eve",
    )  # fmt: skip
    assert send(watch.client(), token, body(alert(hub="ant/prod"))).json()["withheld"] == 1
    watch.turn("ant/prod", "down")
    assert watch.incidents() == []
    send(watch.client(), token, body(alert(hub="bee/prod")))
    assert watch.hubs(watch.incidents()[0]) == ["bee/prod"], "another community's"
    told.delete()
    watch.follow()
    assert watch.hubs(watch.incidents()[1]) == ["ant/prod"]


def test_what_was_over_within_the_maintenance_opens_nothing_afterwards(watch, token):
    from hubfleet.office.watching.models import Announcement

    told = Announcement.objects.create(kind="maintenance", title="Disks", made_by="eve")
    send(watch.client(), token, body(alert(hub="ant/prod")))
    send(watch.client(), token, body(alert(hub="ant/prod", status="resolved")))
    watch.turn("ant/prod", "down")
    watch.turn("ant/prod", "up")
    told.delete()
    watch.follow()
    assert watch.incidents() == []


def test_a_silence_needs_a_reason_and_an_end_and_holds_so_long(watch, token):
    from hubfleet.kit.errors import HubfleetError
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.incidents import silences

    eve, end = Actor("eve"), now() + timedelta(hours=1)
    with pytest.raises(HubfleetError, match="silence-without-reason"):
        silences.silence(eve, "ant", "", " ", end)
    for wrong in (now() - timedelta(seconds=1), now() + timedelta(days=40)):
        with pytest.raises(HubfleetError, match="silence-without-end"):
            silences.silence(eve, "ant", "", "known", wrong)
    made = silences.silence(eve, "ant", "", "a known fault, ticket 12", end)
    send(watch.client(), token, body(alert(hub="ant/prod")))
    assert watch.incidents() == []
    silences.end(eve, made)
    watch.follow()
    assert len(watch.incidents()) == 1


def test_a_hub_that_nobody_declares_opens_nothing(watch, token):
    from hubfleet.office.incidents.models import Alert

    send(watch.client(), token, body(alert(hub="gone/prod"), alert(hub="ant/nothing")))
    watch.turn("gone/prod", "down")
    assert watch.incidents() == []
    assert set(Alert.objects.values_list("withheld", flat=True)) == {"undeclared"}


def test_an_incident_whose_community_was_removed_ends_and_can_be_read(watch):
    import shutil

    watch.turn("bee/prod", "down")
    shutil.rmtree(watch.office.root / "communities" / "bee")
    watch.desk.reload()
    watch.follow()
    watch.follow(timedelta(minutes=6))
    (one,) = watch.incidents()
    assert one.state == "resolved"
    assert "bee/prod is not declared any more" in [row.text for row in one.entries.all()]


def test_a_worse_fault_makes_it_more_urgent_unless_a_person_said_otherwise(watch):
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.incidents import acting

    watch.turn("ant/prod", "degraded", cause="spawner")
    (one,) = watch.incidents()
    assert (one.kind, one.priority) == ("reduced-performance", "P2")
    watch.turn("ant/prod", "down")
    (one,) = watch.incidents()
    assert (one.kind, one.priority) == ("hub-unreachable", "P1"), "one story, one incident"
    assert watch.pages() == [("incident/1", "P1")]
    acting.correct(Actor("eve"), 1, priority="P3")
    watch.turn("ant/prod", "up")
    watch.turn("ant/prod", "down")
    assert watch.incidents()[0].priority == "P3"


GARBAGE = {
    b"": "it is no JSON",
    b"\xff\xfe": "it is no JSON",
    b"[" * 5000: "it is no JSON",
    b"[]": "it is no JSON object",
    b"{}": "`version` is null, not 4",
    b'{"version": "5", "alerts": []}': '`version` is "5", not 4',
    b'{"version": "4"}': "`alerts` is no list",
    b'{"version": "4", "alerts": [7]}': "alert 1: it is no object",
    b'{"version": "4", "alerts": [{"status": "maybe"}]}': '`status` is "maybe"',
    b'{"version": "4", "alerts": [{"status": "firing"}]}': "`labels` is no object",
    b'{"version": "4", "alerts": [{"status": "firing", "labels": {}}]}': "`alertname` is missing",
    b'{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "x"}, '
    b'"startsAt": "soon"}]}': '`startsAt` is "soon", no moment',
}


def test_garbage_is_refused_with_what_was_wrong_and_good_alerts_beside_bad_ones_are_kept(
    watch, token
):
    client = watch.client()
    for content, why in GARBAGE.items():
        answer = send(client, token, content)
        assert answer.status_code == 400, content
        assert why in answer.json()["why"], (content, answer.json())
    assert watch.incidents() == []
    odd = alert(hub="ant/prod", evil="\0<script>\ud800", **{"x" * 300: "y" * 9000})
    answer = send(client, token, body(odd, {"status": "firing"}))
    assert answer.status_code == 200
    assert answer.json()["left_out"] == ["alert 2: `labels` is no object"]
    assert len(watch.incidents()) == 1
    assert send(client, token, b" " * 3_000_000).status_code == 413
    assert send(client, token, body()).json()["incidents"] == []


def test_only_who_shows_a_good_token_is_heard(watch, token):
    from hubfleet.office.audit.record import Actor
    from hubfleet.office.incidents import tokens
    from hubfleet.office.incidents.models import AlertToken

    client, content = watch.client(), body(alert(hub="ant/prod"))
    for wrong in ("", "hfa_" + "x" * 43, token[:-1], token + "\n x"):
        answer = send(client, wrong, content)
        assert answer.status_code == 401, wrong
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert watch.client("eve").post("/api/alerts/alertmanager").status_code == 401
    assert client.get("/api/alerts/alertmanager").status_code == 405
    newer = tokens.make(Actor("eve"), revoke_others=True)
    assert send(client, token, content).status_code == 401
    assert send(client, newer, content).status_code == 200
    assert not AlertToken.objects.filter(digest__contains=newer).exists()
    assert newer not in json.dumps(list(AlertToken.objects.values("digest", "made_by")))


def test_a_timeline_cannot_be_written_over(watch):
    from django.db import DatabaseError, transaction

    from hubfleet.office.incidents.models import Entry

    watch.turn("ant/prod", "down")
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        Entry.objects.update(text="nothing happened")
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        Entry.objects.all().delete()
