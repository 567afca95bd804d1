"""Endings: who may do what, what each act leaves behind, and what is due by itself."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from hubfleet.fleet.model import Fleet
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.accounts.people import day_of
from hubfleet.office.audit.record import Actor
from hubfleet.office.leaving import ending as acts
from hubfleet.office.leaving import erasing, evidence, notice, records, turning
from hubfleet.office.leaving.models import Ending, Told
from hubfleet.office.post.models import Message
from hubfleet.office.post.outbox import PURPOSE
from hubfleet.office.sealing import unseal
from hubfleet.planning.plan import make_plan
from tests.integration.acting.conftest import entries
from tests.integration.acting.test_pages import text_of
from tests.offices import Office

HUB = "ant/prod"
EVE, LEA = Actor("eve"), Actor("lea")


def code_of(act) -> str:
    with pytest.raises(HubfleetError) as caught:
        act()
    return caught.value.problems[0].code


def today_of(office: Office) -> date:
    return day_of(office.fleet)


def agreed(office: Office, days: int = 40) -> Ending:
    fleet, today = office.fleet, today_of(office)
    made = acts.begin(
        HUB, today + timedelta(days=days), EVE, fleet=fleet, asked_on=today,
        consent=acts.Consent("ada", "her mail"),
    )  # fmt: skip
    acts.confirm(made, LEA, fleet=fleet)
    return made


def earlier(ending: Ending, days: int) -> None:
    """As if all had been promised for so many days earlier."""
    for name in ("asked_on", "notice", "export_from", "last_day", "removal", "retention_end"):
        setattr(ending, name, getattr(ending, name) - timedelta(days=days))
    ending.reminders = [
        str(date.fromisoformat(day) - timedelta(days=days)) for day in ending.reminders
    ]
    ending.save()


def undeclare(office: Office) -> Fleet:
    (office.root / "communities/ant/hubs/prod.yaml").unlink()
    return office.fleet


def mail() -> list[tuple[str, str, str]]:
    return [
        (row.recipient, row.subject, unseal(bytes(row.sealed), PURPOSE))
        for row in Message.objects.order_by("id")
    ]


def test_a_representative_asks_an_engineer_confirms_and_everybody_is_told(
    office: Office, browse
) -> None:
    last = today_of(office) + timedelta(days=40)
    ada, eve = browse("ada"), browse("eve")
    assert "Take my hub with me" in text_of(ada.get(f"/hubs/{HUB}/leaving/"))
    asked = ada.post(f"/hubs/{HUB}/leaving/end/", {"on": str(last), "reason": "<i>Over"})
    made = Ending.objects.get()
    assert asked.headers["Location"] == f"/endings/{made.pk}/"
    assert (made.asked_by, made.consent_of, made.consent_by) == ("ada", "ada", "ada")
    shown = ada.get(f"/endings/{made.pk}/").content.decode()
    assert "&lt;i&gt;Over" in shown and "<i>Over" not in shown
    assert ada.post(f"/endings/{made.pk}/confirm/").status_code == 403
    assert "This hub ends on" not in text_of(browse("bo").get(f"/hubs/{HUB}/"))

    done = eve.post(f"/endings/{made.pk}/confirm/", follow=True)
    assert f"{HUB} ends on {last}. Everybody concerned is told." in text_of(done)
    assert f"This hub ends on {last}." in text_of(browse("bo").get(f"/hubs/{HUB}/"))
    [(recipient, subject, text)] = mail()
    assert recipient == "ada@example.org"
    assert subject == f"{HUB} ends on {last.day} {last:%B %Y}"
    assert f"Last day: {last.day} {last:%B %Y}" in text
    assert f"/endings/{made.pk}/" in text
    hub = office.fleet.hubs[HUB]
    assert (hub.values.page.announcement or "").startswith(
        f"**This hub ends on {last.day} {last:%B %Y}.**"
    )
    assert office.git("log", "-1", "--format=%an").strip() == "Eve Example"
    file = office.state / "console" / "endings.json"
    assert json.loads(file.read_text()) == {HUB: str(last)}
    acted = [act for _, act, _, outcome in entries(hub=HUB) if outcome == "done"]
    assert {"end-hub", "consent-to-ending", "confirm-ending"} <= set(acted)

    eve.post(f"/endings/{made.pk}/cancel/", {"reason": "They stay."})
    assert office.fleet.hubs[HUB].values.page.announcement is None
    assert not file.exists()
    assert mail()[-1][1] == f"{HUB} stays"


def test_staff_ask_and_the_representative_agrees_on_the_page(office: Office, browse) -> None:
    last = today_of(office) + timedelta(days=9)
    browse("eve").post(f"/hubs/{HUB}/leaving/end/", {"on": str(last)})
    made = Ending.objects.get()
    assert made.consent_of == ""
    [(recipient, subject, _)] = mail()
    assert (recipient, subject) == (
        "ada@example.org", f"Shall {HUB} end on {last.day} {last:%B %Y}?",
    )  # fmt: skip
    assert "Less notice was given than agreed" in text_of(browse("ada").get(f"/endings/{made.pk}/"))
    early = browse("lea").post(f"/endings/{made.pk}/confirm/", follow=True)
    assert "Nobody who speaks for Ant has agreed" in text_of(early)
    browse("ada").post(f"/endings/{made.pk}/consent/")
    same = browse("eve").post(f"/endings/{made.pk}/confirm/", follow=True)
    assert "The end of ant/prod needs another person than eve" in text_of(same)
    browse("lea").post(f"/endings/{made.pk}/confirm/")
    made.refresh_from_db()
    assert (made.consent_of, made.confirmed_by) == ("ada", "lea")


@pytest.mark.parametrize(
    ("login", "status"), [("", 302), ("bo", 403), ("ann", 403), ("bea", 404), ("lea", 302)]
)
def test_who_may_ask_that_a_hub_ends(office: Office, browse, login: str, status: int) -> None:
    last = today_of(office) + timedelta(days=40)
    sent = browse(login).post(f"/hubs/{HUB}/leaving/end/", {"on": str(last)})
    assert sent.status_code == status
    assert Ending.objects.count() == (1 if login == "lea" else 0)


def test_an_ending_is_hidden_from_other_communities(office: Office, browse) -> None:
    made = agreed(office)
    assert browse("bea").get(f"/endings/{made.pk}/").status_code == 404
    assert browse("bo").get(f"/endings/{made.pk}/").status_code == 403
    assert browse("bea").post(f"/endings/{made.pk}/cancel/").status_code == 404
    assert HUB in text_of(browse("ada").get("/endings/"))
    assert HUB not in text_of(browse("bea").get("/endings/"))
    made.refresh_from_db()
    assert made.cancelled_at is None


def test_what_cannot_be_asked_or_agreed(office: Office) -> None:
    fleet, today = office.fleet, today_of(office)

    def ask(days: int, hub: str = HUB, **more) -> Ending:
        return acts.begin(
            hub, today + timedelta(days=days), EVE, fleet=fleet, asked_on=today, **more
        )

    assert code_of(lambda: ask(6)) == "ending-too-soon"
    assert code_of(lambda: ask(9999)) == "ending-too-far"
    assert code_of(lambda: ask(40, "ant/none")) == "unknown-hub"
    assert (
        code_of(lambda: ask(40, consent=acts.Consent("bea", "said so"))) == "not-a-representative"
    )
    assert code_of(lambda: ask(40, consent=acts.Consent("ada"))) == "consent-without-reason"
    assert not Ending.objects.exists()
    made = ask(40)
    assert code_of(lambda: ask(50)) == "ending-known"
    assert code_of(lambda: acts.confirm(made, LEA, fleet=fleet)) == "consent-missing"
    acts.agree(made, acts.Consent("ada"), Actor("ada"), fleet=fleet)
    assert code_of(lambda: acts.confirm(made, Actor("ada"), fleet=fleet)) == "same-person"
    acts.cancel(made, EVE, fleet=fleet)
    assert code_of(lambda: acts.confirm(made, LEA, fleet=fleet)) == "ending-over"
    assert ask(50).pk != made.pk


def test_it_is_moved_three_times_and_reminders_are_sent_once(office: Office) -> None:
    made, fleet = agreed(office, 20), office.fleet
    today = today_of(office)
    first = made.last_day
    Message.objects.all().delete()
    assert turning.remind(fleet, today) == 0
    assert turning.remind(fleet, first - timedelta(days=14)) == 1
    assert turning.remind(fleet, first - timedelta(days=13)) == 0
    assert mail()[0][1] == f"{HUB} ends in 14 days"
    # A console that was away sends the one that counts, and not both.
    assert turning.remind(fleet, first - timedelta(days=1)) == 1
    assert mail()[1][1] == f"{HUB} ends tomorrow"
    assert Told.objects.count() == 2
    for _ in range(3):
        acts.extend(made, EVE, fleet=fleet, today=today)
    assert made.last_day == first + timedelta(weeks=6)
    assert made.asked_on == today
    assert code_of(lambda: acts.extend(made, EVE, fleet=fleet, today=today)) == "extended-too-often"


def test_a_hub_is_not_removed_before_its_last_day_is_over(office: Office) -> None:
    made = agreed(office)
    fleet = undeclare(office)
    from hubfleet.planning.observation import Observation, ObservedHub

    seen = ObservedHub(HUB, "reef", "running", {}, {}, 1, "", "2026-03-01T09:00:00Z", "")
    plan = make_plan(fleet, [Observation("reef", {HUB: seen})]).only([HUB])
    [problem] = [one for one in office.desk.objections(plan) if one.code == "removal-too-early"]
    assert str(problem) == (
        f"error[removal-too-early]: {HUB} may not be removed before {made.last_day} is over\n"
        "  why: that is the last day that its community was promised\n"
        "  hint: declare it again until then, or end the promise: "
        f"`hubfleet hub end {HUB} --cancel`"
    )
    earlier(made, 41)
    notice.write_last_days()
    assert [one.code for one in office.desk.objections(plan)] == ["removal-not-allowed"]


def test_it_is_gone_only_when_a_cluster_that_answers_does_not_hold_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubfleet.planning.observation import Observation

    made, today = agreed(office), today_of(office)
    earlier(made, 60)
    assert turning.notice_gone(office.fleet, today) == []
    fleet = undeclare(office)
    monkeypatch.setattr(type(office.desk), "observe", lambda _self: [])
    assert turning.notice_gone(fleet, today) == []
    monkeypatch.setattr(type(office.desk), "observe", lambda _self: [Observation("reef")])
    assert [one.hub for one in turning.notice_gone(fleet, today)] == [HUB]
    assert turning.notice_gone(fleet, today) == []


def test_nothing_is_deleted_without_consent_second_person_and_a_word_about_the_data(
    office: Office,
) -> None:
    fleet, today = office.fleet, today_of(office)
    made = acts.begin(HUB, today + timedelta(days=40), EVE, fleet=fleet, asked_on=today)
    codes = [one.code for one in erasing.objections(made, today, office.fleet.hubs)]
    assert codes == ["erase-not-agreed", "erase-too-early", "data-undecided"]
    assert code_of(lambda: erasing.erase(made, EVE, today=today)) == "erase-not-agreed"
    acts.agree(made, acts.Consent("ada"), Actor("ada"), fleet=fleet)
    acts.confirm(made, LEA, fleet=fleet)
    acts.mark_data(made, "waived", acts.Consent("ada"), Actor("ada"), fleet=fleet)
    codes = [one.code for one in erasing.objections(made, made.removal, office.fleet.hubs)]
    assert codes == ["hub-not-gone"]


def test_rows_about_the_hub_go_and_those_of_others_stay(office: Office) -> None:
    from hubfleet.office.accounts.models import Membership, Person
    from hubfleet.office.watching.models import HubDay, ProbeRecord

    bo = Person.objects.get(login="bo")
    for hub in (HUB, "ant/staging"):
        Membership.objects.create(person=bo, community="ant", hub=hub, added_by="ada")
        ProbeRecord.objects.create(hub=hub, verdict="healthy", seconds=1)
        HubDay.objects.create(hub=hub, day="2026-01-01", up=1)
    made, today = agreed(office), today_of(office)
    acts.mark_data(made, "exported", acts.Consent("ada"), Actor("ada"), fleet=office.fleet)
    earlier(made, 60)
    undeclare(office)
    turning.notice_gone(office.fleet, today)
    made.refresh_from_db()
    erasing.erase(made, EVE, today=today)
    assert list(Membership.objects.values_list("hub", flat=True)) == ["ant/staging"]
    assert list(ProbeRecord.objects.values_list("hub", flat=True)) == ["ant/staging"]
    assert HubDay.objects.filter(hub=HUB).exists()
    states = {one.kind: one.state for one in made.assets.all()}
    assert states["access"] == "deleted" and states["aggregates"] == "kept"
    assert states["backups"] == "present" and made.settled_at is None
    evidence.write_down(made, "backups", "none are made", EVE)
    made = Ending.objects.get()
    assert made.settled_at is not None

    # A bundle of it went, too, and a new hub of its name keeps what is its own.
    later = day_of(office.fleet) + timedelta(days=1)
    HubDay.objects.create(hub=HUB, day=later, up=1)
    turning.forget(made.retention_end - timedelta(days=1))
    assert HubDay.objects.filter(hub=HUB).exists()
    turning.forget(made.retention_end)
    made.refresh_from_db()
    assert made.closed_at is not None
    left = HubDay.objects.order_by("day").values_list("hub", "day")
    assert list(left) == [("ant/staging", date(2026, 1, 1)), (HUB, later)]


def test_a_hub_of_the_same_name_is_another_one(office: Office) -> None:
    made, today = agreed(office), today_of(office)
    acts.mark_data(made, "waived", acts.Consent("ada"), Actor("ada"), fleet=office.fleet)
    earlier(made, 60)
    file = office.root / "communities/ant/hubs/prod.yaml"
    text = file.read_text()
    undeclare(office)
    turning.notice_gone(office.fleet, today)
    file.write_text(text)
    made = Ending.objects.get()
    assert code_of(lambda: erasing.erase(made, EVE, today=today)) == "hub-not-gone"
    undeclare(office)
    erasing.erase(made, EVE, today=today)
    evidence.write_down(made, "backups", "none are made", EVE)
    file.write_text(text)
    again = office.state / "hubs/ant/prod/homes/1"
    again.mkdir(parents=True)
    (again / "new.txt").write_text("new")
    assert HUB in office.fleet.hubs
    states = {one.kind: one.state for one in evidence.look(Ending.objects.get())}
    assert states["home-directories"] == "deleted"


def test_bundles_go_with_the_hub(office: Office) -> None:
    from hubfleet.kit.clock import now
    from hubfleet.office.leaving import takes
    from hubfleet.office.leaving.models import Take

    take = Take.objects.create(hub=HUB, who="ada", ended_at=now(), exit_code=0, path="x")
    takes.file_of(take).parent.mkdir(parents=True)
    takes.file_of(take).write_bytes(b"12345")
    made, today = agreed(office), today_of(office)
    acts.mark_data(made, "exported", acts.Consent("ada"), Actor("ada"), fleet=office.fleet)
    earlier(made, 60)
    undeclare(office)
    turning.notice_gone(office.fleet, today)
    made = Ending.objects.get()
    row = made.assets.get(kind="bundles")
    assert (row.state, row.count, row.size) == ("present", 1, 5)
    erasing.erase(made, EVE, today=today)
    assert made.assets.get(kind="bundles").state == "deleted"
    assert not takes.folder_of(take).exists()


def test_a_deletion_that_was_cut_off_goes_on_and_remembers_what_there_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubfleet.platforms.local import remains

    made, today = agreed(office), today_of(office)
    acts.mark_data(made, "waived", acts.Consent("ada"), Actor("ada"), fleet=office.fleet)
    earlier(made, 60)
    home = office.state / "removed/ant/prod-20260301T090000Z/homes/1"
    home.mkdir(parents=True)
    (home / "thesis.txt").write_text("12345")
    undeclare(office)
    turning.notice_gone(office.fleet, today)
    made.refresh_from_db()
    whole = remains.erase

    def half(state, hub: str) -> None:
        (home / "thesis.txt").unlink()
        raise OSError("the disk is gone")

    monkeypatch.setattr(remains, "erase", half)
    with pytest.raises(OSError, match="the disk is gone"):
        erasing.erase(made, EVE, today=today)
    monkeypatch.setattr(remains, "erase", whole)
    made = Ending.objects.get()
    erasing.erase(made, LEA, today=today)
    homes = made.assets.get(kind="home-directories")
    assert (homes.state, homes.count, homes.deleted_count, homes.deleted_size) == (
        "deleted", 0, 1, 5,
    )  # fmt: skip
    assert made.erased_by == "eve"
    assert not home.exists()


def test_the_certificate_says_only_what_was_shown(office: Office) -> None:
    from hubfleet.kit.clock import now
    from hubfleet.office.leaving import certificate

    made, today = agreed(office), today_of(office)
    made.title = "#panic() *Ants* $x$ \\ @here"
    acts.mark_data(made, "waived", acts.Consent("ada"), Actor("ada"), fleet=office.fleet)
    earlier(made, 60)
    assert code_of(lambda: certificate.make(made, office.fleet, now())) == "certificate-too-early"
    undeclare(office)
    turning.notice_gone(office.fleet, today)
    made = Ending.objects.get()
    erasing.erase(made, EVE, today=today)
    assert code_of(lambda: certificate.make(made, office.fleet, now())) == "certificate-too-early"
    evidence.write_down(made, "backups", "the tapes were overwritten", EVE)
    made = Ending.objects.get()
    issued = now()
    pdf = certificate.make(made, office.fleet, issued)
    assert pdf.startswith(b"%PDF")
    assets = list(made.assets.all())
    facts = certificate.facts_of(made, assets, office.fleet, issued)
    assert ["Consent of", f"ada, {today} (written down by eve: her mail)"] in facts["rows"]
    assert ["Confirmed by", f"lea, {today}"] in facts["rows"]
    rows = {one["title"]: one for one in facts["assets"]}
    assert rows["Backups outside of hubfleet"]["evidence"].startswith(
        "the tapes were overwritten (written down by eve), "
    )
    assert certificate.set_in_type(facts, issued) == certificate.set_in_type(facts, issued)


def test_a_name_that_still_leads_somewhere_is_left_until_a_person_says_why(
    office: Office,
) -> None:
    made = agreed(office)
    earlier(made, 60)
    made.domain = "ants.example.org"
    undeclare(office)
    turning.notice_gone(office.fleet, today_of(office))
    made.refresh_from_db()
    made.domain = "ants.example.org"
    made.save()

    def dns(found: tuple[str, ...]) -> str:
        assets = evidence.look(made, lambda _domain: found)
        [one] = [one for one in assets if one.kind == "dns"]
        return f"{one.state}: {one.evidence}"

    assert dns(("192.0.2.1",)) == "present: ants.example.org leads to 192.0.2.1"
    assert dns(()) == "deleted: ants.example.org leads nowhere"
    assert dns(("192.0.2.1",)).startswith("present")
    assert code_of(lambda: evidence.write_down(made, "homes", "x", EVE)) == "not-by-hand"
    assert code_of(lambda: evidence.write_down(made, "dns", " ", EVE)) == "no-evidence"
    evidence.write_down(made, "dns", "a wildcard of the service", EVE)
    assert dns(("192.0.2.1",)) == "deleted: a wildcard of the service"


def test_a_command_acts_as_an_account_with_its_rights_or_as_who_runs_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubfleet.cli.as_whom import actor
    from hubfleet.office.accounts.actions import Action

    monkeypatch.setattr("getpass.getuser", lambda: "root")
    fleet = office.fleet
    own = actor("", Action.CONFIRM_ENDING, HUB, fleet)
    assert (own.login, own.id, own.through) == ("root", "", "cli")
    lea = actor("lea", Action.CONFIRM_ENDING, HUB, fleet)
    assert lea.login == "lea" and lea.id
    assert code_of(lambda: actor("uli", Action.END_HUB, HUB, fleet)) == "unknown-login"
    with pytest.raises(HubfleetError) as refused:
        actor("ada", Action.CONFIRM_ENDING, HUB, fleet)
    assert str(refused.value) == (
        "error[not-allowed]: ada may not do this to ant/prod\n"
        "  --> --by\n"
        "  why: you may not confirm the hub's end\n"
        "  hint: who can: engineers of Test Foundation; the leadership of Test Foundation"
    )
    # Nobody gets more rights by leaving --by out, where the name is an account's.
    monkeypatch.setattr("getpass.getuser", lambda: "bo")
    assert code_of(lambda: actor("", Action.END_HUB, HUB, fleet)) == "not-allowed"


def test_every_table_that_names_hubs_is_looked_at() -> None:
    from django.apps import apps

    ours = {"leaving"}
    named = {
        f"{model._meta.app_label}.{model.__name__}"
        for model in apps.get_models()
        if any(field.name == "hub" for field in model._meta.get_fields())
        and model._meta.app_label not in ours
    }
    assert named - {table.model for table in records.TABLES} == set()
