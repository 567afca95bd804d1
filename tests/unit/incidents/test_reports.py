"""A draft from the record, its words as Markdown, and names that are found and taken out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.office.incidents import drafting
from hubfleet.office.incidents.clocks import Times
from hubfleet.office.incidents.drafting import Line, Record
from hubfleet.office.incidents.redaction import Named, people_in, spellings, without_people
from hubfleet.office.incidents.words import SECTIONS

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RECORD = Record(
    number=7,
    title="ant/prod does not answer",
    kind="hub-unreachable",
    priority="P1",
    source="machine",
    began_at=AT,
    ended_at=AT + 90 * MINUTE,
    times=Times(3 * MINUTE, 4 * MINUTE, 60 * MINUTE, 90 * MINUTE),
    hubs=("ant/prod", "ant/staging"),
    communities=("Ant",),
    users_affected=20,
    users_measured=31,
    user_minutes=1200,
    lines=(
        Line(AT - 30 * MINUTE, "action", "rollout", "hubfleet", "ant/prod got revision 4"),
        Line(AT, "observed", "turn", "hubfleet", "ant/prod does not answer"),
        Line(AT + 9 * MINUTE, "hypothesis", "person", "eve", "the disk may be full"),
        Line(AT + 12 * MINUTE, "communication", "person", "eve", "We look", "investigating"),
        Line(AT + 40 * MINUTE, "action", "person", "eve", "rolled back"),
    ),
    update_every=timedelta(hours=3),
)


def test_a_draft_says_what_the_record_says_and_names_nobody():
    texts = drafting.draft(RECORD)
    assert list(texts) == list(SECTIONS)
    assert texts["summary"] == (
        "On 2026-03-01 from 09:00 to 10:30 UTC (1 h 30 min), ant/prod and ant/staging had an "
        "incident of priority P1: the address does not answer."
    )
    assert texts["impact"] == (
        "2 hubs of Ant: ant/prod and ant/staging.\nPeople could not work as usual for 1 h.\n"
        "20 people were affected, 1200 user-minutes in all."
    )
    assert texts["detection"] == "It was known from our own checks 3 min after it began."
    assert texts["response"] == (
        "It was taken on 4 min after it was known.\n"
        "People could work again 1 h after it began.\n"
        "The public was told 1 time.\n\n- rolled back"
    )
    assert texts["contributing"] == (
        "- the disk may be full\n- Changed 30 min before: ant/prod got revision 4"
    )
    assert texts["went_well"] == (
        "- It was known 3 min after it began.\n- It was taken on within 4 min.\n"
        "- The public was told as often as promised."
    )
    assert (texts["went_wrong"], texts["lucky"]) == ("", "")
    assert "eve" not in " ".join(texts.values())


def test_a_draft_of_a_slow_response_says_so():
    slow = replace(
        RECORD,
        times=Times(20 * MINUTE, 40 * MINUTE, 500 * MINUTE, 500 * MINUTE),
        ended_at=AT + 500 * MINUTE,
        users_affected=None,
    )
    texts = drafting.draft(slow)
    assert texts["went_well"] == ""
    assert texts["went_wrong"] == (
        "- It was known only 20 min after it began.\n"
        "- It took 40 min until somebody took it on.\n"
        "- An update of the public was late once."
    )
    assert texts["impact"].endswith(
        "31 people had a server there meanwhile; how many could not work was not counted."
    )
    (*_, last) = drafting.draft(replace(slow, users_measured=None))["impact"].splitlines()
    assert last == "How many people that were was not counted."


def value(**more):
    return {
        "title": "Incident 7",
        "facts": [["Priority", "P1"]],
        "sections": dict.fromkeys(SECTIONS, ""),
        "timeline": [],
        "actions": [],
        **more,
    }


hostile = st.text(st.characters(blacklist_categories=["Cs"])) | st.sampled_from(
    ["# x", "| a | b |", "<script>", "```\n# x\n```", "a\n\n# b", "- # x", "![x](y)", "\r\n# x"]
)


@given(hostile, hostile)
def test_what_people_type_becomes_no_heading_row_or_code_in_markdown(text, cell):
    sections = {**dict.fromkeys(SECTIONS, ""), "impact": text}
    lines = [{"at": "2026-03-01 09:00", "who": cell, "text": text}]
    made = drafting.markdown(value(title=text, sections=sections, timeline=lines))
    headings = [line for line in made.splitlines() if line.startswith("#")]
    assert len(headings) == 1 + len(SECTIONS) + 2
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)
    assert "```" not in made
    assert "<" not in made.replace("\\<", "")


def test_people_are_found_in_the_analysis_and_nowhere_else():
    texts = {"contributing": "Eve forgot it; @bo and max@example.org too.", "impact": "eve"}
    names = [*spellings("eve", "Eve Engineer"), *spellings("bo", "Bo X")]
    assert people_in(texts, names) == (
        Named("contributing", "max@example.org"),
        Named("contributing", "Eve"),
        Named("contributing", "bo"),
    )
    assert people_in({"contributing": "every border; boat"}, names) == ()


PEOPLE = {"Eve Engineer": "the responder", "Eve": "the responder", "eve": "the responder",
          "bo": "a person"}  # fmt: skip


def test_names_become_roles():
    said = "Eve Engineer asked @bo; EVE wrote to bo@example.org (everybody)."
    assert without_people(said, PEOPLE) == (
        "the responder asked a person; the responder wrote to an address (everybody)."
    )


@given(st.lists(st.sampled_from(["eve", "Bo", " ", "x", "Eve Engineer", ", ", "the"])).map("".join))
def test_nothing_of_a_name_is_left_and_a_second_time_changes_nothing(text):
    once = without_people(text, PEOPLE)
    assert without_people(once, PEOPLE) == once
    assert people_in({"summary": once}, PEOPLE) == ()
