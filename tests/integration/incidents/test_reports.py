"""The life of a report, what is owed, and what the public reads of it."""

from __future__ import annotations

import json
import subprocess
from datetime import date, timedelta

import pytest

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.audit.record import Actor

EVE, MAX, LEA = Actor("eve"), Actor("max"), Actor("lea")


@pytest.fixture
def over(watch):
    """An incident that is over, with a draft that eve is to write."""
    from hubfleet.office.incidents import acting

    made = acting.declare(EVE, watch.fleet, ["ant/prod"], kind="hub-unreachable")
    acting.acknowledge(EVE, made.pk)
    acting.say(EVE, watch.fleet, made.pk, "Max Example says the disk is full", kind="hypothesis")
    acting.correct(EVE, made.pk, users_affected=12)
    acting.resolve(EVE, watch.fleet, made.pk, unverified="the probe is off today")
    made.refresh_from_db()
    return made


def codes(act, *arguments, **named):
    with pytest.raises(HubfleetError) as caught:
        act(*arguments, **named)
    return [problem.code for problem in caught.value.problems]


def test_a_report_is_drafted_at_the_end_and_due_in_working_days(watch, over):
    from zoneinfo import ZoneInfo

    from hubfleet.office.incidents import working_days

    report = over.report
    assert (report.state, report.owner) == ("draft", "eve")
    assert report.due_at == working_days.after(over.resolved_at, 5, ZoneInfo("UTC"))
    assert report.texts["contributing"] == "- Max Example says the disk is full"
    assert "12 people were affected" in report.texts["impact"]


def test_what_is_not_urgent_needs_no_report_but_may_have_one(watch):
    from hubfleet.office.incidents import acting, reports
    from hubfleet.office.incidents.models import Report

    made = acting.declare(EVE, watch.fleet, ["ant/prod"], kind="other", priority="P3")
    assert codes(reports.start, MAX, made.pk) == ["incident-open"]
    acting.resolve(EVE, watch.fleet, made.pk, unverified="x")
    assert not Report.objects.exists()
    assert codes(reports.review, MAX, made.pk) == ["no-report"]
    assert reports.start(MAX, made.pk).owner == "max"
    assert codes(reports.start, MAX, 99) == ["no-such-incident"]


def test_draft_reviewed_closed_published_and_each_guard(watch, over):
    from hubfleet.office.incidents import reports

    number = over.pk
    assert codes(reports.close, LEA, number) == ["report-not-reviewed"]
    assert codes(reports.publish, LEA, number) == ["report-not-closed"]
    assert codes(reports.review, EVE, number) == ["report-reviews-itself"]
    reports.write(EVE, number, {"contributing": ""})
    assert codes(reports.review, MAX, number) == ["report-not-written"]
    reports.write(EVE, number, {"contributing": "The disk was full.", "evil": "x"})
    reports.review(MAX, number)
    reports.write(MAX, number, {"lucky": "It was a Sunday."})
    assert reports.report_of(number).state == "draft", "what is changed is reviewed again"
    assert codes(reports.review, MAX, number) == ["report-reviews-itself"], "he wrote in it, too"
    action = reports.set_action(EVE, number, "Watch disks", kind="detect", due=date(2030, 1, 1))
    assert action
    reports.review(LEA, number)
    assert codes(reports.close, LEA, number) == ["action-without-owner"]
    reports.set_action(
        EVE, number, "Watch disks", action=action.pk, kind="detect", owner="max",
        due=date(2030, 1, 1), link="https://tracker.example.org/1",
    )  # fmt: skip
    reports.review(LEA, number)
    reports.close(LEA, number)
    assert codes(reports.write, EVE, number, {"lucky": "no"}) == ["report-closed"]
    assert codes(reports.set_action, EVE, number, "more") == ["report-closed"]
    published = reports.publish(LEA, number)
    assert published.state == "published"
    assert reports.publish(LEA, number).published_at == published.published_at


def test_the_analysis_that_names_people_is_pointed_at_and_published_without_names(watch, over):
    from hubfleet.office.incidents import acting, reports

    acting.acknowledge(MAX, over.pk)
    text = "Eve Example did not see it, and ada@example.org told us."
    reports.write(EVE, over.pk, {"contributing": text})
    report = reports.report_of(over.pk)
    names = [(one.section, one.name) for one in reports.named_in(report, watch.fleet)]
    assert names == [("contributing", "ada@example.org"), ("contributing", "Eve Example")]
    reports.review(MAX, over.pk)
    reports.close(LEA, over.pk)
    value = reports.publish(LEA, over.pk).published or {}
    assert value["sections"]["contributing"] == (
        "the responder did not see it, and an address told us."
    )
    told = json.dumps(value).lower()
    for name in ("eve", "example.org", "ada"):
        assert name not in told.replace("every", ""), name


def test_a_pdf_has_the_words_and_no_markup_of_people_and_is_the_same_each_time(watch, over):
    pytest.importorskip("typst")
    from hubfleet.office.incidents import documents, reports

    evil = '#panic("x") $x$ *bold* <label> @ref `raw` // \\ "'
    reports.write(EVE, over.pk, {"contributing": evil, "impact": f"- {evil}\n= no heading"})
    reports.set_action(EVE, over.pk, evil, link="https://tracker.example.org/1")
    value = reports.as_value(reports.report_of(over.pk), watch.fleet)
    made = documents.pdf(value)
    assert made.startswith(b"%PDF-")
    assert documents.pdf(value) == made
    if text := _text_of(made, watch.office.state):
        assert evil.split(" ", maxsplit=1)[0] in text
        assert "Contributing factors" in text


def _text_of(pdf: bytes, folder):
    """What a reader sees, where there is a program that tells."""
    import shutil

    if shutil.which("pdftotext") is None:
        return ""
    file = folder / "report.pdf"
    file.write_bytes(pdf)
    done = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, text=True, check=True)
    return done.stdout


def test_without_typst_the_extra_is_named(watch, over, monkeypatch):
    import sys

    from hubfleet.office.incidents import documents

    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(HubfleetError) as caught:
        documents.pdf({})
    assert str(caught.value.problems[0]) == (
        "error[documents-not-installed]: hubfleet cannot make a PDF: typst is missing\n"
        "  why: it comes with the extra `documents`\n"
        "  hint: install hubfleet with it: pip install 'hubfleet[documents]'"
    )


def test_debt_lists_what_is_owed_by_whom_and_what_is_late(watch, over):
    from hubfleet.office.incidents import acting, reports
    from hubfleet.office.incidents.debts import owed

    def rows(at):
        return [(one.incident, one.what, one.owner, one.late) for one in owed(watch.fleet, at)]

    at = now()
    acting.declare(EVE, watch.fleet, ["bee/prod"], kind="other", priority="P1")
    assert rows(at + timedelta(hours=4)) == [
        (2, "owner", "", True), (2, "update", "", True), (1, "report", "eve", False),
    ]  # fmt: skip
    late = at + timedelta(days=20)
    assert (1, "report", "eve", True) in rows(late)
    reports.write(EVE, 1, {"contributing": "x"})
    assert (1, "review", "", True) in rows(late)
    reports.set_action(EVE, 1, "Do", owner="max", due=now().date(), link="https://x.org")
    reports.review(MAX, 1)
    assert (1, "close", "", True) in rows(late)
    reports.close(LEA, 1)
    assert {(1, "publication", "", True), (1, "action", "max", True)} <= set(rows(late))
    reports.publish(LEA, 1)
    assert [one for one in rows(late) if one[0] == 1] == [(1, "action", "max", True)]
    assert codes(reports.finish_action, MAX, 1, 99) == ["no-such-action"]
    (action,) = reports.report_of(1).actions.all()
    done = reports.finish_action(MAX, 1, action.pk).done_at
    assert [one for one in rows(late) if one[0] == 1] == [], "the debt is paid"
    assert reports.finish_action(MAX, 1, action.pk).done_at == done


def test_a_report_is_reminded_of_before_it_is_due_and_each_day_it_is_late(watch, over):
    from hubfleet.office.incidents import reminding
    from hubfleet.office.post.models import Message

    due = over.report.due_at
    moments = [
        due - timedelta(days=3), due - timedelta(hours=20), due - timedelta(hours=19),
        due + timedelta(hours=5), due + timedelta(hours=6), due + timedelta(days=2),
    ]  # fmt: skip
    assert [reminding.remind(at) for at in moments] == [0, 1, 0, 1, 0, 1]
    subjects = list(Message.objects.order_by("id").values_list("recipient", "subject"))
    assert subjects[0] == ("eve@example.org", "Incident 1 is due tomorrow: a written report")
    assert subjects[1] == ("eve@example.org", "Incident 1 is late: a written report")


def test_a_debt_of_nobody_goes_to_the_services_own_address(watch, over):
    from hubfleet.office.incidents import reminding, reports
    from hubfleet.office.post.models import Message

    reports.write(EVE, over.pk, {}, owner="gone")
    reminding.remind(over.report.due_at)
    assert Message.objects.get().recipient == watch.fleet.service.contact
