"""`hubfleet history`: exact words for what was applied, when, by whom and why."""

from __future__ import annotations

import json

import pytest

from tests.integration.office.ledgers import LedgerHome, begun, revision

pytestmark = pytest.mark.integration

PROBE = {
    "hub": "ant/prod",
    "verdict": "degraded",
    "seconds": 41.234,
    "stages": [
        {"name": "spawn", "ok": True, "seconds": 39.5, "detail": "slow"},
        {"name": "cleanup", "ok": False, "seconds": 0.2, "detail": "\x1b[31mred"},
    ],
    "cause": "the server came up late",
    "hint": "look at the machine's load",
}


@pytest.fixture
def told(home: LedgerHome):
    """Runs `hubfleet history ...` on a ledger with three revisions; the lines of its answer."""
    with home.open() as ledger:
        ledger.write(begun())
        ledger.write(revision(values={"limits.memory": "1G", "gone": True}, why="", seconds=3.0))
        ledger.write(revision(1, "bee/prod", who="bo", why="ein [red]Kurs[/red]\x07"))
        ledger.write(
            revision(
                2,
                values={"limits.memory": "2G", "admins": ["ada", "bo"]},
                probe=PROBE,
                snapshot="snap-1",
                software={"jupyterhub": "6.1.2"},
                at="2026-03-02T10:00:00Z",
            )
        )

    def run(*arguments: str) -> list[str]:
        done = home.run("history", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return [line.rstrip() for line in done.stdout.splitlines()]

    return run


def test_the_newest_revision_comes_first_and_nobodys_words_colour_the_page(told):
    assert told() == [
        "id  hub       revision  at                    who  action  verdict   why",
        "3   ant/prod  2         2026-03-02T10:00:00Z  ada  update  degraded  more memory",
        "2   bee/prod  1         2026-03-01T09:30:00Z  bo   create  -         "
        "ein [red]Kurs[/red]\\x07",
        "1   ant/prod  1         2026-03-01T09:30:00Z  ada  create  -         -",
    ]
    assert told("list") == told()
    assert [line.split()[0] for line in told("ant/prod")] == ["id", "3", "1"]


def test_a_long_history_is_told_in_pages(told, home):
    done = home.run("history", "--limit", "2")
    assert done.stderr == "older ones: --before 2\n"
    assert [line.split()[0] for line in told("--limit", "2", "--before", "2")] == ["id", "1"]


def test_show_says_who_why_when_what_changed_and_how_the_probe_went(told):
    assert told("show", "ant/prod@2") == [
        "ant/prod@2  update  degraded",
        "  when         2026-03-02T10:00:00Z, after 12.5 s",
        "  who          ada",
        "  why          more memory",
        "  rollout      r1",
        "  declaration  dddddddddddd",
        "  snapshot     snap-1",
        "",
        "Changes since ant/prod@1:",
        '  admins               - -> ["ada", "bo"]',
        "  gone                 true -> -",
        "  limits.memory        1G -> 2G",
        "  software.jupyterhub  6.1.1 -> 6.1.2",
        "",
        "Probe: degraded in 41.2 s",
        "  spawn    ok      39.5 s  slow",
        "  cleanup  failed   0.2 s  \\x1b[31mred",
        "  cause: the server came up late",
        "  hint: look at the machine's load",
    ]
    assert told("show", "3") == told("show", "ant/prod@2")


def test_the_first_revision_shows_its_values(told):
    assert told("show", "ant/prod@1")[8:] == [
        "Its values, as the first:",
        "  gone                 true",
        "  limits.memory        1G",
        "  software.jupyterhub  6.1.1",
        f"  environment          {'e' * 64}",
    ]


def test_diff_compares_any_two(told):
    assert told("diff", "ant/prod@1", "bee/prod@1") == [
        "From ant/prod@1 to bee/prod@1:",
        "  gone  true -> -",
    ]
    assert told("diff", "2", "2") == ["bee/prod@1 and bee/prod@1 do not differ."]


def test_json_holds_the_same(told):
    page = json.loads("\n".join(told("ant/prod", "--limit", "1", "--json")))
    row = {
        "id": 3,
        "hub": "ant/prod",
        "revision": 2,
        "at": "2026-03-02T10:00:00Z",
        "who": "ada",
        "why": "more memory",
        "action": "update",
        "verdict": "degraded",
    }
    assert page == {"revisions": [row], "before": 3}
    shown = json.loads("\n".join(told("show", "3", "--json")))
    assert row.items() <= shown.items()
    assert shown["previous"] == 1
    assert shown["probe"] == PROBE
    assert {"key": "limits.memory", "old": "1G", "new": "2G"} in shown["changes"]
    compared = json.loads("\n".join(told("diff", "1", "3", "--json")))
    assert compared["changes"] == shown["changes"]
    assert (compared["old"]["id"], compared["new"]) == (1, row)


@pytest.mark.parametrize("named", ["ant/prod@9", "77", "ant/prod", "@", "9" * 30, "ant/prod@-1"])
def test_a_revision_that_does_not_exist_is_told(told, home, named):
    done = home.run("history", "show", "--", named)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error[unknown-revision]: there is no revision {named!r}\n"
        "  why: a revision is named community/hub@number, or by the number in the first column\n"
        "  hint: `hubfleet history` lists them\n"
    )


def test_a_hub_that_was_removed_and_came_back_has_its_newest_revision_of_that_number(home):
    with home.open() as ledger:
        ledger.write(begun())
        ledger.write(revision(1, why="first life"))
        ledger.write(revision(1, why="second life"))
        assert ledger.revision("ant/prod@1").why == "second life"
        assert ledger.revision("1").why == "first life"


def test_before_anything_was_applied_it_says_what_to_do_and_makes_no_file(file_home):
    done = file_home.run("history")
    assert (done.returncode, done.stdout) == (
        0,
        "Nothing was applied yet: `hubfleet apply` makes the first revisions.\n",
    )
    assert json.loads(file_home.run("history", "--json").stdout) == {
        "revisions": [],
        "before": None,
    }
    shown = file_home.run("history", "show", "1")
    assert (shown.returncode, shown.stderr) == (
        1,
        "error[no-history]: nothing was applied yet\n"
        "  hint: `hubfleet apply` makes the first revisions\n",
    )
    assert list(file_home.state.iterdir()) == []


def test_a_hub_without_a_revision_is_told(told):
    assert told("ant/pord") == [
        "No revision of ant/pord is known; `hubfleet history` lists those of all hubs."
    ]
