"""What people do: take it, say things, hand it over, end it with a proof."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.audit.record import Actor

EVE, MAX, ADA = Actor("eve"), Actor("max"), Actor("ada")


@pytest.fixture
def one(watch):
    """A declared incident of one hub."""
    from hubfleet.office.incidents import acting

    return acting.declare(EVE, watch.fleet, ["ant/prod"], kind="sign-in-fails", text="I saw it")


def said(incident, **wanted):
    return [row.text for row in incident.entries.filter(**wanted)]


def again(incident):
    from hubfleet.office.incidents.models import Incident

    return Incident.objects.get(pk=incident.pk)


def mails(**wanted):
    from hubfleet.office.post.models import Message

    return list(Message.objects.filter(**wanted).values_list("recipient", "subject"))


def test_declaring_computes_the_hubs_from_the_fleet(watch):
    from hubfleet.office.incidents import acting

    fleet = watch.fleet
    assert acting.hubs_named(fleet, [], ["cat"], []) == ["cat/one", "cat/three", "cat/two"]
    assert acting.hubs_named(fleet, ["ant/prod"], [], ["cove"]) == ["ant/prod", "bee/prod"]
    for wanted, words in (
        ({"hubs": ["ant/pord"]}, "did you mean ant/prod?"),
        ({"communities": ["ants"]}, "did you mean ant?"),
        ({"clusters": ["x"]}, "declared: "),
    ):
        with pytest.raises(HubfleetError, match="unknown-") as caught:
            acting.hubs_named(fleet, **wanted)
        assert words in caught.value.problems[0].hint
    hubs = acting.hubs_named(fleet, [], ["cat"], [])
    made = acting.declare(EVE, fleet, hubs, kind="home-full")
    assert (made.title, made.priority, made.source) == (
        "3 hubs on reef: homes or volumes are full", "P2", "person",
    )  # fmt: skip
    with pytest.raises(HubfleetError) as caught:
        acting.declare(EVE, fleet, ["cat/one"], kind="home-full")
    assert str(caught.value.problems[0]) == (
        "error[incident-already-open]: cat/one has an open incident of this kind: 1\n"
        "  why: two incidents about the same would be worked on by two people\n"
        "  hint: add what you know to it: hubfleet incident say 1 ..."
    )
    acting.declare(EVE, fleet, ["ant/staging"], kind="other")
    assert watch.incidents()[1].priority == "P4"
    everything = acting.declare(EVE, fleet, [], kind="infrastructure", priority="P1")
    assert watch.hubs(everything) == [""]


def test_the_official_start_needs_all_four_conditions(watch, one):
    from hubfleet.office.incidents import acting

    assert one.priority == "P1"
    acting.acknowledge(EVE, one.pk)
    assert again(one).state == "acknowledged"
    acting.correct(EVE, one.pk, channel="#ant-down")
    assert again(one).state == "acknowledged"
    acting.say(EVE, watch.fleet, one.pk, "We are looking.", public="investigating")
    found = again(one)
    assert found.state == "active"
    assert found.active_at
    assert mails() == [("ada@example.org", f"[investigating] {one.title}")]
    acting.correct(EVE, one.pk, priority="P2")
    assert again(one).state == "acknowledged"
    assert "priority: P1 → P2" in said(one, origin="state")


def test_who_takes_it_first_leads_until_another_accepts(watch, one):
    from hubfleet.office.incidents import acting, roles

    acting.acknowledge(EVE, one.pk)
    acting.acknowledge(MAX, one.pk)
    assert roles.holders(again(one))["responder"] == ["eve"]
    roles.offer(EVE, one.pk, "responder", "max")
    assert roles.holders(again(one))["responder"] == ["eve"], "an offer is not a hand-over"
    with pytest.raises(HubfleetError, match="nothing-offered"):
        roles.accept(ADA, one.pk)
    roles.decline(MAX, one.pk)
    roles.offer(EVE, one.pk, "responder", "max")
    roles.accept(MAX, one.pk)
    assert roles.holders(again(one))["responder"] == ["max"]
    with pytest.raises(HubfleetError, match="nothing-offered"):
        roles.accept(MAX, one.pk)
    roles.offer(MAX, one.pk, "expert", "eve")
    roles.accept(EVE, one.pk, "expert")
    roles.offer(MAX, one.pk, "expert", "max")
    assert roles.holders(again(one))["expert"] == ["eve", "max"]
    assert said(one, origin="role") == [
        "eve leads the response",
        "eve asks max to take over: max leads the response, once they accept",
        "max cannot take over the role responder",
        "eve asks max to take over: max leads the response, once they accept",
        "max leads the response, after eve",
        "max asks eve to take over: eve knows the subject, once they accept",
        "eve knows the subject",
        "max knows the subject",
    ]


def test_of_two_offers_the_later_one_counts(watch, one):
    from hubfleet.office.incidents import acting, roles

    acting.acknowledge(EVE, one.pk)
    roles.offer(EVE, one.pk, "responder", "max")
    roles.offer(EVE, one.pk, "responder", "ada")
    with pytest.raises(HubfleetError, match="nothing-offered"):
        roles.accept(MAX, one.pk)
    roles.accept(ADA, one.pk)


def test_paging_and_the_incident_know_of_each_other(watch, one):
    from hubfleet.office.oncall import paging
    from hubfleet.office.oncall.models import Page

    assert watch.pages() == [(one.key, "P1")]
    page = Page.objects.get()
    assert page.url == f"http://localhost:8010/incidents/{one.pk}/"
    assert "Affected: ant/prod" in page.text
    paging.acknowledge(one.key, "somebody at the pager")
    found = again(one)
    assert (found.state, found.acknowledged_by) == ("acknowledged", "somebody at the pager")
    from hubfleet.office.incidents import acting
    from hubfleet.office.oncall.signals import settled

    settled.send(sender=Page, key=one.key, by="somebody at the pager")
    settled.send(sender=Page, key="incident/99", by="nobody")
    assert again(one).open
    assert "somebody at the pager says that it is over" in said(one, origin="person")[-1]
    other = acting.declare(EVE, watch.fleet, ["bee/prod"], kind="other")
    acting.acknowledge(MAX, other.pk)
    assert Page.objects.get(key=other.key).acknowledged_by == "max"
    acting.resolve(MAX, watch.fleet, other.pk, unverified="a mistake")
    assert Page.objects.get(key=other.key).settled_at


def test_the_end_needs_a_probe_that_agrees_or_a_reason(watch, one):
    from hubfleet.office.incidents import acting

    def refusal() -> str:
        with pytest.raises(HubfleetError) as caught:
            acting.resolve(EVE, watch.fleet, one.pk, "restarted")
        return str(caught.value.problems[0].why)

    assert refusal() == "ant/prod: no probe since it was broken"
    watch.probe("ant/prod", "healthy", now() - timedelta(hours=2))
    assert refusal() == "ant/prod: no probe since it was broken"
    watch.probe("ant/prod", "failed")
    assert refusal() == "ant/prod: the last probe failed: the server did not start"
    watch.probe("ant/prod", "healthy")
    acting.resolve(EVE, watch.fleet, one.pk, "restarted")
    found = again(one)
    assert (found.state, found.resolved_by, found.unverified) == ("resolved", "eve", "")
    assert not found.affected.filter(open=True).exists()
    acting.resolve(EVE, watch.fleet, one.pk, "twice")
    assert "twice" not in said(one)


def test_an_end_without_proof_says_why_for_good(watch, one):
    from hubfleet.office.incidents import acting

    acting.resolve(EVE, watch.fleet, one.pk, unverified="the hub is being moved")
    assert again(one).unverified == "the hub is being moved"
    assert "resolved: over (unverified: the hub is being moved)" in said(one)


def test_the_timeline_writes_itself(watch, one):
    from hubfleet.office.site.opening import open_ledger
    from tests.scripted import roll_out

    hub = watch.fleet.hubs["ant/prod"]
    with open_ledger(watch.office.state, version="0.0.0") as ledger:
        at = now() - timedelta(hours=3)
        roll_out(ledger, [hub], "r-1", "More memory", at=at)
        roll_out(ledger, [hub], "r-0", "Long ago", at=now() - timedelta(hours=40), revision=2)
    watch.probe("ant/prod", "failed")
    watch.probe("ant/prod", "failed")
    for _ in range(3):
        watch.follow()
    watch.probe("ant/prod", "healthy")
    watch.follow()
    assert said(one, origin="rollout") == ["ant/prod got revision 3 (update) by eve: More memory"]
    assert said(one, origin="probe") == [
        "a probe found ant/prod failed: the server did not start",
        "a probe found ant/prod healthy",
    ]
    first = one.entries.first()
    assert first.origin == "rollout", "in the order in which things happened"


def test_what_nobody_may_say_is_refused_in_words(watch, one):
    from hubfleet.office.incidents import acting, roles

    fleet = watch.fleet
    for act, code in (
        (lambda: acting.say(EVE, fleet, one.pk, " "), "nothing-said"),
        (lambda: acting.say(EVE, fleet, one.pk, "x", kind="rumour"), "unknown-word"),
        (lambda: acting.say(EVE, fleet, one.pk, "x", public="fine"), "unknown-word"),
        (lambda: acting.say(EVE, fleet, 99, "x"), "no-such-incident"),
        (lambda: acting.correct(EVE, one.pk, priority="P0"), "unknown-word"),
        (lambda: acting.declare(EVE, fleet, [], kind="plague"), "unknown-word"),
        (lambda: roles.offer(EVE, one.pk, "king", "max"), "unknown-role"),
    ):
        with pytest.raises(HubfleetError) as caught:
            act()
        assert caught.value.problems[0].code == code
        assert caught.value.problems[0].hint
    acting.say(EVE, fleet, one.pk, "look", link="javascript:alert(1)")
    assert not one.entries.exclude(link="").exists()


def test_every_act_is_audited_with_who_did_it(watch, one):
    from hubfleet.office.audit.models import Entry
    from hubfleet.office.incidents import acting, roles

    acting.acknowledge(EVE, one.pk)
    roles.offer(EVE, one.pk, "communications", "max")
    acting.say(EVE, watch.fleet, one.pk, "We look", public="investigating")
    acting.mitigate(EVE, one.pk, "restarted")
    acting.resolve(MAX, watch.fleet, one.pk, unverified="x")
    found = Entry.objects.filter(details__incident=one.pk).order_by("id")
    assert list(found.values_list("who", "act", "hub")) == [
        ("eve", "declare-incident", "ant/prod"),
        ("eve", "acknowledge-incident", "ant/prod"),
        ("eve", "incident-role", ""),
        ("eve", "update-incident", "ant/prod"),
        ("eve", "mitigate-incident", "ant/prod"),
        ("max", "resolve-incident", "ant/prod"),
    ]


def test_a_late_update_is_reminded_of_once(watch, one):
    from hubfleet.office.incidents import acting, reminding

    acting.acknowledge(EVE, one.pk)
    at = now()
    assert reminding.remind(at + timedelta(hours=2)) == 0
    assert reminding.remind(at + timedelta(hours=4)) == 1
    assert reminding.remind(at + timedelta(hours=5)) == 0
    assert mails() == [("eve@example.org", "Incident 1 is late: an update of the public")]
    acting.say(EVE, watch.fleet, one.pk, "Still looking", public="investigating")
    assert reminding.remind(at + timedelta(hours=2)) == 0
    assert reminding.remind(at + timedelta(hours=4)) == 1, "the next one is late, too"
