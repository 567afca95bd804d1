"""A `journal.jsonl` from before there was a ledger is read in, once."""

from __future__ import annotations

import json

import pytest

from hubfleet.rollout.journal import FileJournal
from tests.integration.office.ledgers import AT, begun, ended, intended, revision

pytestmark = pytest.mark.integration

EARLIER = [
    {"kind": "rollout", "fingerprint": "abcd", "steps": 3},
    {"kind": "intent", "hub": "ant/stage", "action": "create"},
    {"kind": "intent", "hub": "ant/prod", "action": "update"},
    {"kind": "outcome", "hub": "ant/stage", "fate": "done", "revision": 1, "problems": []},
    {
        "kind": "outcome",
        "hub": "ant/prod",
        "fate": "failed",
        "revision": None,
        "problems": [{"code": "x", "what": "it did not come up", "why": "", "hint": ""}],
    },
    {"kind": "held", "hub": "bee/prod"},
    {"kind": "end", "ok": False},
]


def write_lines(home, lines, rollout: str = "0123abcd", rest: str = "") -> None:
    texts = [json.dumps({"at": AT, "rollout": rollout, **line}) for line in lines]
    with (home.state / "journal.jsonl").open("a") as file:
        file.write("\n".join([*texts, rest]))


def acts(ledger):
    from hubfleet.office.ledger.models import Act

    rows = Act.objects.using(ledger.place.alias).order_by("id")
    return ledger._desk.do("read", lambda: list(rows.values_list("hub", "action", "ok")))


def rollouts(ledger):
    from hubfleet.office.ledger.models import Rollout

    rows = Rollout.objects.using(ledger.place.alias).order_by("id")
    return ledger._desk.do("read", lambda: list(rows.values_list("id", "state")))


def test_what_hubfleet_0_1_wrote_becomes_history(home):
    write_lines(home, EARLIER)
    with home.open() as ledger:
        assert acts(ledger) == [("ant/stage", "create", True), ("ant/prod", "update", False)]
        assert rollouts(ledger) == [("0123abcd", "failed")]
        (made,) = ledger.revisions(limit=10)
    assert (made.name, made.action, made.who, dict(made.values)) == (
        "ant/stage@1",
        "create",
        "",
        {},
    )
    shown = home.run("history", "show", "ant/stage@1").stdout
    assert "Its values were not written down: it was made by an earlier hubfleet.\n" in shown


def test_it_is_read_once_and_kept(home):
    write_lines(home, EARLIER)
    before = (home.state / "journal.jsonl").read_text()
    with home.open():
        pass
    (kept,) = home.state.glob("journal-read-in-*.jsonl")
    assert kept.read_text() == before
    # As if it had been killed before the file was put aside.
    (home.state / "journal.jsonl").write_text(before)
    with home.open() as ledger:
        assert len(acts(ledger)) == 2
        assert len(ledger.revisions(limit=10)) == 1


def test_one_that_was_cut_off_is_not_gone_on_with(home):
    write_lines(home, EARLIER[:2], rest='{"at": "2026-')
    with home.open() as ledger:
        assert ledger.cut_off() is None
        assert rollouts(ledger) == [("0123abcd", "abandoned")]


@pytest.mark.parametrize(
    "rest", ["", "no JSON\n", "[1]\n", '{"at": 3}\n', '{"at": "x", "kind": 1, "rollout": []}\n']
)
def test_lines_that_say_nothing_are_left_out(home, rest):
    (home.state / "journal.jsonl").write_text(rest + "\n")
    write_lines(home, [{"kind": "outcome", "hub": "bee/prod"}, *EARLIER[1:]], rest=rest)
    with home.open() as ledger:
        assert acts(ledger) == [("ant/stage", "create", True), ("ant/prod", "update", False)]


def test_what_the_file_journal_writes_now_can_be_gone_on_with(home):
    journal = FileJournal(home.state / "journal.jsonl")
    for entry in (begun(epoch=4), intended(), ended(), revision(), intended("bee/prod")):
        journal.write(entry)
    before = journal.cut_off()
    with home.open() as ledger:
        assert ledger.cut_off() == before
        assert ledger.revision("ant/prod@1").why == "more memory"
