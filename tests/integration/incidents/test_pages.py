"""The pages of incidents: who sees and does what, what the public reads, and hostile input."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hubfleet.kit.clock import now
from hubfleet.office.audit.record import Actor

EVE, MAX, LEA = Actor("eve"), Actor("max"), Actor("lea")
EVIL = "<script>alert(1)</script>{{ 7|add:7 }}"


@pytest.fixture
def one(watch):
    """An incident of ant/prod that our own checks opened; its number is 1."""
    watch.turn("ant/prod", "down")
    return watch.incidents()[0]


def post(client, path, **data):
    return client.post(path, data)


def seen(client, path):
    answer = client.get(path)
    return answer.status_code, answer.content.decode()


def test_whoever_is_not_signed_in_is_sent_to_sign_in(watch, one):
    client = watch.client()
    for path in ("", "1/", "declare/", "debt/", "silences/", "1/report/", "1/report/report.md"):
        answer = client.get(f"/incidents/{path}")
        assert answer.status_code == 302, path
        assert "/account/login/" in answer.headers["Location"]
    for path in ("1/do/acknowledge/", "1/do/end/", "1/answer/", "1/report/step/publish/"):
        assert client.post(f"/incidents/{path}").status_code == 302


def test_the_screen_says_what_a_tired_person_needs(watch, one):
    client = watch.client("eve")
    status, page = seen(client, "/incidents/1/")
    assert status == 200
    for words in (
        "ant/prod does not answer", "triggered: nobody has taken it yet", "Take it on",
        "Next update of the public", "It is a P1", "Somebody has taken it", "Texts to copy",
        "Dear representatives", "no probe since it was broken", "Asked first",
    ):  # fmt: skip
        assert words in page, words
    assert post(client, "/incidents/1/do/acknowledge/").status_code == 302
    post(client, "/incidents/1/do/say/", kind="hypothesis", text=EVIL)
    _, page = seen(client, "/incidents/1/")
    assert "eve leads the response" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:7 }}" in page


def test_a_form_that_is_not_understood_comes_back_with_what_was_typed(watch, one):
    client = watch.client("eve")
    answer = post(client, "/incidents/1/do/say/", kind="rumour", text="I typed this")
    assert answer.status_code == 422
    assert "I typed this" in answer.content.decode()
    assert post(client, "/incidents/1/do/say/", kind="observed", text="").status_code == 422
    assert post(client, "/incidents/1/do/nothing/").status_code == 404
    assert client.get("/incidents/1/do/end/").status_code == 405


def test_who_had_a_server_meanwhile_is_told_until_somebody_counted(watch, one):
    from hubfleet.office.incidents import acting, showing
    from hubfleet.office.usage.models import Reading, Session

    client = watch.client("eve")
    assert "had a server there" not in seen(client, "/incidents/1/")[1]
    Reading.objects.create(hub="ant/prod", at=one.began_at)
    for person, minutes in (("a", -2), ("a", -3), ("b", -4), ("long gone", -30)):
        at = one.began_at + timedelta(minutes=minutes)
        key = f"{person}{minutes}"
        Session.objects.create(
            hub="ant/prod", key=key, person=person, place=key, started=at, counted_to=at, ended=at
        )
    words = "not counted; 2 people had a server there meanwhile"
    assert words in seen(client, "/incidents/1/")[1]
    assert showing.whole(one, watch.fleet)["users_measured"] == 2

    acting.correct(EVE, one.pk, users_affected=1)
    assert words not in seen(client, "/incidents/1/")[1]


def test_a_whole_incident_by_its_pages(watch, one):
    eve, max_ = watch.client("eve"), watch.client("max")
    post(eve, "/incidents/1/do/acknowledge/")
    form = {
        "title": one.title, "priority": "P1", "kind": one.kind, "channel": "#ant",
        "users_affected": "7", "began_at": one.began_at.strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    assert post(eve, "/incidents/1/do/correct/", **form).status_code == 302
    post(eve, "/incidents/1/do/tell/", public="identified", text="A disk is full.")
    one.refresh_from_db()
    assert (one.state, one.channel, one.users_affected) == ("active", "#ant", 7)
    assert one.began_at.second or one.began_at.microsecond, "seconds are not lost by a form"
    post(eve, "/incidents/1/do/role/", role="responder", to="max")
    assert "eve asks you" in seen(max_, "/incidents/1/")[1].replace("</strong>", "").replace(
        "<strong>", ""
    )
    post(max_, "/incidents/1/answer/", role="responder", answer="accept")
    assert "max leads the response, after eve" in seen(eve, "/incidents/1/")[1]
    post(max_, "/incidents/1/do/mitigate/")
    post(max_, "/incidents/1/do/end/", text="made room")
    one.refresh_from_db()
    assert one.state == "mitigated", "no probe agrees"
    assert "is not over as far as probes say" in seen(max_, "/incidents/1/")[1]
    watch.probe("ant/prod")
    post(max_, "/incidents/1/do/end/", text="made room")
    one.refresh_from_db()
    assert one.state == "resolved"
    assert "Report (draft)" in seen(max_, "/incidents/1/")[1]


def test_a_community_that_owns_the_response_acts_and_others_only_read(watch, one):
    """Bee owns its response; ant's is the operator's."""
    watch.turn("bee/prod", "down")
    zoe, ada = watch.client("zoe"), watch.client("ada")
    status, page = seen(zoe, "/incidents/2/")
    assert status == 200
    assert "Take it on" in page
    assert post(zoe, "/incidents/2/do/acknowledge/").status_code == 302
    assert watch.incidents()[1].acknowledged_by == "zoe"
    status, page = seen(ada, "/incidents/1/")
    assert status == 200
    assert "Timeline" not in page
    assert "Nothing was told yet" in page
    for path in ("acknowledge", "end", "tell", "correct", "mitigate", "probe", "role", "say"):
        assert post(ada, f"/incidents/1/do/{path}/").status_code == 403, path
    for path in ("", "report.md", "report.pdf"):
        assert ada.get(f"/incidents/1/report/{path}").status_code == 404
    for client, number in ((zoe, 1), (ada, 2), (watch.client("cat"), 1)):
        assert client.get(f"/incidents/{number}/").status_code == 404, "another community's"
        assert post(client, f"/incidents/{number}/do/end/").status_code == 404
    assert seen(ada, "/incidents/99/")[0] == 404


def test_an_engineer_of_a_community_that_owns_the_response_acts_in_an_emergency_alone(watch):
    from hubfleet.office.audit.models import Entry

    watch.turn("bee/prod", "down")
    eve = watch.client("eve")
    assert "In an emergency, the reason" in seen(eve, "/incidents/1/")[1]
    assert post(eve, "/incidents/1/do/acknowledge/").status_code == 403
    assert watch.incidents()[0].state == "triggered"
    post(eve, "/incidents/1/do/acknowledge/", emergency="zoe is asleep")
    assert watch.incidents()[0].state == "acknowledged"
    assert Entry.objects.filter(what="in an emergency: zoe is asleep").exists()


def test_an_incident_of_several_communities_shows_each_its_own_hubs(watch):
    from hubfleet.office.incidents import acting

    watch.turn("ant/prod", "down")
    watch.turn("cat/one", "down")
    (one,) = watch.incidents()
    assert watch.hubs(one) == ["ant/prod", "cat/one"]
    page = seen(watch.client("ada"), "/incidents/1/")[1]
    assert "ant/prod" in page
    assert "cat/one" not in page
    assert "and 1 hub of others" in page
    listed = seen(watch.client("ada"), "/incidents/")[1]
    assert "cat/one" not in listed
    acting.say(EVE, watch.fleet, 1, "We look.", public="investigating")
    assert "We look." in seen(watch.client("ada"), "/incidents/1/")[1]


def test_who_may_declare_and_what_becomes_of_it(watch):
    ada = watch.client("ada")
    status, page = seen(ada, "/incidents/declare/?hub=ant/prod")
    assert status == 200
    assert 'value="ant/prod" id="id_hubs_0" checked' in page.replace("  ", " ")
    assert "bee/prod" not in page
    sent = {"hubs": ["ant/prod"], "kind": "sign-in-fails", "text": EVIL, "priority": "P4"}
    assert ada.post("/incidents/declare/", sent).status_code == 302
    (one,) = watch.incidents()
    assert (one.priority, one.opened_by) == ("P1", "ada"), "the operator says how urgent it is"
    assert ada.post("/incidents/declare/", {**sent, "hubs": ["bee/prod"]}).status_code == 422
    assert ada.post("/incidents/declare/", {**sent, "hubs": []}).status_code == 422
    again = ada.post("/incidents/declare/", sent)
    assert again.status_code == 422
    assert "has an open incident of this kind: 1" in again.content.decode()
    for login in ("ann", "bo"):
        client = watch.client(login)
        assert client.get("/incidents/declare/").status_code == 403, login
    sue = watch.client("sue")
    assert sue.post("/incidents/declare/", {"kind": "infrastructure"}).status_code == 302
    assert watch.hubs(watch.incidents()[1]) == [""]
    whole = {"kind": "other", "community": "cat", "cluster": "cove"}
    assert sue.post("/incidents/declare/", whole).status_code == 302
    assert watch.hubs(watch.incidents()[2]) == ["bee/prod", "cat/one", "cat/three", "cat/two"]


def test_silences_are_made_and_ended_by_who_may(watch):
    eve, ada, bo = watch.client("eve"), watch.client("ada"), watch.client("bo")
    sent = {"hub": "ant/prod", "kind": "", "hours": "2", "reason": "a known fault"}
    for client in (ada, bo):
        assert client.post("/incidents/silences/", sent).status_code == 422
    assert eve.post("/incidents/silences/", {**sent, "reason": ""}).status_code == 422
    assert eve.post("/incidents/silences/", {**sent, "hours": "9999"}).status_code == 422
    assert eve.post("/incidents/silences/", sent).status_code == 302
    assert "a known fault" in seen(ada, "/incidents/silences/")[1]
    assert "a known fault" not in seen(watch.client("zoe"), "/incidents/silences/")[1]
    assert ada.post("/incidents/silences/1/end/").status_code == 403
    assert watch.client("zoe").post("/incidents/silences/1/end/").status_code == 404
    assert eve.post("/incidents/silences/1/end/").status_code == 302
    assert "Nothing is silenced" in seen(eve, "/incidents/silences/")[1]


def test_the_report_by_its_pages(watch, one):
    from hubfleet.office.incidents import acting

    acting.acknowledge(EVE, 1)
    acting.resolve(EVE, watch.fleet, 1, unverified="x")
    eve, max_, lea = watch.client("eve"), watch.client("max"), watch.client("lea")
    parts = {"contributing": f"Eve did it. {EVIL}", "owner": "eve", "lucky": "", "summary": "s"}
    post(eve, "/incidents/1/report/write/", **parts)
    page = seen(eve, "/incidents/1/report/")[1]
    assert "Blameless?" in page
    assert "<script>alert" not in page
    post(eve, "/incidents/1/report/actions/", text="Watch", kind="detect", owner="max", link="")
    for path, client, status in (
        ("review", watch.client("sue"), 403), ("close", max_, 403), ("publish", eve, 403),
        ("burn", lea, 404),
    ):  # fmt: skip
        assert post(client, f"/incidents/1/report/step/{path}/").status_code == status, path
    post(max_, "/incidents/1/report/step/review/")
    post(lea, "/incidents/1/report/step/close/")
    assert "have no owner or no link" in seen(lea, "/incidents/1/report/")[1]
    bad = {"text": "Watch", "kind": "detect", "owner": "max", "link": "javascript:alert(1)"}
    post(eve, "/incidents/1/report/actions/1/", **bad)
    assert "was not understood" in seen(eve, "/incidents/1/report/")[1]
    post(eve, "/incidents/1/report/actions/1/", **{**bad, "link": "https://x.example/1"})
    post(max_, "/incidents/1/report/step/review/")
    post(lea, "/incidents/1/report/step/close/")
    post(lea, "/incidents/1/report/step/publish/")
    one.refresh_from_db()
    assert one.report.state == "published"
    assert "Still to do" in seen(eve, "/incidents/1/report/")[1]
    assert post(watch.client("zoe"), "/incidents/1/report/actions/1/done/").status_code == 404
    post(eve, "/incidents/1/report/actions/1/done/")
    assert "Still to do" not in seen(eve, "/incidents/1/report/")[1]
    nobody = watch.client()
    status, page = seen(nobody, "/status/incidents/1/")
    assert status == 200
    assert "the responder did it." in page
    assert "<script>alert" not in page
    assert "eve" not in page.lower().replace("every", "").replace("never", "")
    told = nobody.get("/status/incidents/1/report.md")
    assert told.status_code == 200
    assert "attachment" in told.headers["Content-Disposition"]
    assert nobody.get("/status/incidents/1/report.pdf").content.startswith(b"%PDF-")


def test_the_public_hears_of_it_from_the_first_update_on(watch, one):
    from hubfleet.office.incidents import acting

    nobody = watch.client()

    def summary():
        return json.loads(nobody.get("/status/summary.json").content)["incidents"]

    assert nobody.get("/status/incidents/1/").status_code == 404
    assert summary() == []
    acting.say(EVE, watch.fleet, 1, "max and eve know", kind="observed")
    acting.say(EVE, watch.fleet, 1, f"We look. {EVIL}", public="investigating")
    (told,) = summary()
    assert told["id"] == "incident-1"
    assert (told["status"], told["impact"]) == ("investigating", "critical")
    assert told["components"] == [{"id": "ant/prod", "name": "ant/prod"}]
    assert [row["body"] for row in told["incident_updates"]] == [f"We look. {EVIL}"]
    for path in ("/status/", "/status/incidents/1/", "/status/of/ant/"):
        status, page = seen(nobody, path)
        assert status == 200
        assert "We look." in page, path
        assert "<script>alert" not in page
        assert "max and eve" not in page
    assert "We look." not in seen(nobody, "/status/of/bee/")[1]
    feed = nobody.get("/status/feed.atom").content.decode()
    assert "2022:incident-1" in feed
    watch.probe("ant/prod")
    acting.resolve(EVE, watch.fleet, 1)
    assert summary() == [], "what is over is in the history"
    assert "Incidents of the last two weeks" in seen(nobody, "/status/")[1]


def test_hub_community_and_customers_pages_list_incidents(watch, one):
    eve = watch.client("eve")
    for path in ("/hubs/ant/prod/", "/communities/ant/", "/customers/", "/incidents/"):
        status, page = seen(eve, path)
        assert status == 200
        assert "/incidents/1/" in page, path
    assert "/incidents/1/" not in seen(eve, "/hubs/bee/prod/")[1]
    assert ">Incidents</a>" in seen(eve, "/incidents/")[1]


def test_an_incident_whose_community_was_removed_can_still_be_read_by_the_operator(watch):
    import shutil

    watch.turn("bee/prod", "down")
    shutil.rmtree(watch.office.root / "communities" / "bee")
    watch.desk.reload()
    eve = watch.client("eve")
    for path in ("", "1/", "debt/", "silences/"):
        assert eve.get(f"/incidents/{path}").status_code == 200, path
    assert eve.get("/customers/").status_code == 200
    watch.follow()
    watch.follow(timedelta(minutes=6))
    assert eve.get("/incidents/1/report/").status_code == 200
    assert watch.client("zoe").get("/incidents/1/").status_code == 404


def test_what_is_owed_is_on_its_page_and_counted(watch, one):
    from hubfleet.office.incidents.models import Incident

    Incident.objects.update(opened_at=now() - timedelta(hours=4))
    page = seen(watch.client("eve"), "/incidents/debt/")[1]
    assert "An update of the public" in page
    assert "Somebody to take it on" in page
    assert "2 late" in page
    assert "Nothing is owed" in seen(watch.client("zoe"), "/incidents/debt/")[1]
