"""Pages and commands that show checks, availability and due work."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest


@pytest.fixture
def seen(console):
    """`ant/prod` is down for its proxy, in a fleet that was checked often enough."""
    from hubfleet.kit.clock import now
    from hubfleet.office.watching import checking
    from hubfleet.office.watching.models import Check

    for troubled in ({}, {"ant/prod": "proxy"}):
        console.desk.troubled = troubled
        for _ in range(3):
            Check.objects.filter(kind="light").update(due_at=now())
            checking.light()
    return console


def get(console, path: str, login: str = "eve", *staff: str) -> str:
    answer = console.client(login, *(staff or ("engineer",))).get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_the_fleet_page_shows_who_is_down_and_finds_them(seen):
    page = get(seen, "/fleet/")
    assert "down, by the checks" in page
    found = get(seen, "/fleet/?state=down")
    assert "/hubs/ant/prod/" in found
    assert "/hubs/bee/prod/" not in found


def test_the_hubs_page_shows_the_last_checks_thresholds_and_turns(seen):
    page = get(seen, "/hubs/ant/prod/")
    for text in (
        "proxy: the proxy in front of the hub does not answer for it",
        "It is asked every 1m whether it answers, and walked through every 15m. "
        "3 failures in a row say down, 2 successes up.",
        "When it turned",
        "Light check",
        "Person&#x27;s path",
    ):
        assert text in page, text
    # A user of the hub reads that it is down, and nothing from its inside.
    mine = get(seen, "/hubs/ant/prod/", "bo", "")
    assert '<span class="state bad">down</span>' in mine
    assert "the proxy in front of the hub" not in mine


def test_the_public_reads_that_it_does_not_work_and_a_single_failure_alarms_nobody(seen):
    from hubfleet.office.console.public import public_status
    from hubfleet.office.watching.models import ProbeRecord

    ProbeRecord.objects.create(hub="bee/prod", verdict="failed", seconds=1)
    status = {one.name: one.status for one in public_status().components}
    assert status["ant/prod"] == "major_outage"
    assert status["bee/prod"] == "operational"


def test_schedules_are_for_staff_and_tell_what_failed(console):
    from hubfleet.office.schedules.lease import Lease
    from hubfleet.office.schedules.running import Duty, run_due

    page = get(console, "/schedules/")
    assert "Nothing was due yet" in page
    assert "hubfleet run-due" in page, "and what to do when nobody does it"
    lease = Lease("reef, process 7", valid=timedelta(hours=1))
    lease.hold()

    def fails() -> None:
        raise OSError("no route to <mail>")

    run_due([Duty("mails", 60, fails), Duty("chores", 60, lambda: "12 done")], lease)
    page = get(console, "/schedules/")
    assert "done by reef, process 7" in page
    assert "OSError: no route to &lt;mail&gt;" in page
    assert "12 done" in page
    assert page.count('<tr><th scope="row">') == 3, "two jobs, one run that failed"
    assert get(console, "/schedules/?kind=all").count('<tr><th scope="row">') == 4
    assert console.client("ada").get("/schedules/").status_code == 403
    assert console.client().get("/schedules/").status_code == 302


def test_a_month_lists_what_was_left_out_of_it(console):
    from zoneinfo import ZoneInfo

    from hubfleet.office.watching.models import Announcement, HubDay
    from hubfleet.office.watching.months import as_json, months, parse_month

    for day, up, down, excused in ((1, 86000, 400, 0), (2, 80000, 0, 6400), (28, 1, 1, 1)):
        HubDay.objects.create(
            hub="ant/prod", day=datetime(2026, 2, day).date(), up=up, down=down, excused=excused
        )
    HubDay.objects.create(hub="ant/prod", day=datetime(2026, 3, 1).date(), down=9)
    begin = datetime(2026, 1, 31, 20, tzinfo=UTC)
    for title, community, hours in (("New disks", "ant", 6), ("Theirs", "bee", 6), ("Old", "", 1)):
        Announcement.objects.create(
            kind="maintenance", title=title, community=community, made_by="eve",
            starts_at=begin, ends_at=begin + timedelta(hours=hours),
        )  # fmt: skip
    at = datetime(2026, 3, 5, tzinfo=UTC)
    [found] = months(["ant/prod"], parse_month("2026-02"), ZoneInfo("UTC"), at)
    assert as_json(found) == {
        "hub": "ant/prod",
        "month": "2026-02",
        "availability": 0.99759,
        "up_seconds": 166001,
        "down_seconds": 401,
        "excused_seconds": 6401,
        "unseen_seconds": 28 * 86400 - 166001 - 401 - 6401,
        "excluded": [
            {
                "title": "New disks",
                "start": "2026-02-01T00:00:00Z",
                "end": "2026-02-01T02:00:00Z",
            }
        ],
    }
    assert found.percent == "99.75 %"


def test_old_results_are_forgotten_and_the_last_turn_of_each_hub_is_not(console):
    from hubfleet.kit.clock import now
    from hubfleet.office.watching.keeping import forget
    from hubfleet.office.watching.models import Finding, HubDay, ProbeRecord, Turn

    def ago(days: float) -> datetime:
        return now() - timedelta(days=days)

    for days in (1, 3, 20, 500):
        for verdict in ("healthy", "failed"):
            for by in ("schedule", "eve"):
                ProbeRecord.objects.create(
                    hub="ant/prod", at=ago(days), verdict=verdict, seconds=1, asked_by=by
                )
        Finding.objects.create(hub="ant/prod", kind="light", at=ago(days), verdict="failed")
        HubDay.objects.create(hub="ant/prod", day=ago(days).date(), up=1)
    for hub, days, reacted in (("a/b", 600, True), ("a/b", 500, True), ("a/c", 600, False)):
        Turn.objects.create(
            hub=hub, state="down", began_at=ago(days), at=ago(days),
            reacted_at=now() if reacted else None,
        )  # fmt: skip
    forget()
    walked = ProbeRecord.objects.filter(asked_by="schedule").order_by("id")
    assert [(row.verdict, (now() - row.at).days) for row in walked] == [
        ("healthy", 1), ("failed", 1), ("failed", 3),
    ]  # fmt: skip
    assert ProbeRecord.objects.filter(asked_by="eve").count() == 6
    assert Finding.objects.count() == 2
    assert HubDay.objects.count() == 3
    assert sorted(Turn.objects.values_list("hub", flat=True)) == ["a/b", "a/c"]


def run(console, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of its own process, over the same database."""
    where = ["--fleet", str(console.office.root), "--state", str(console.office.state)]
    command = [sys.executable, "-m", "hubfleet", *words, *where]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_due_work_is_done_by_cron_unless_a_console_does_it(console):
    done = run(console, "run-due", "light-checks", "post", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    names = [(one["name"], one["result"]) for one in json.loads(done.stdout)["runs"]]
    assert names == [("post", "ok"), ("light-checks", "ok")]
    from hubfleet.office.schedules.lease import Lease

    Lease("reef, process 7", valid=timedelta(hours=1)).hold()
    done = run(console, "run-due")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error[schedules-held]: what is due is done by reef, process 7 since "
    )
    assert done.stderr.endswith(
        "  why: done twice at once, mails and pages would go out twice\n"
        "  hint: leave it to that process, or start the console with --no-schedules\n"
    )
    shown = json.loads(run(console, "schedules", "post", "--json").stdout)
    assert shown["holder"] == "reef, process 7"
    assert [(one["name"], one["result"]) for one in shown["schedules"]] == [("post", "ok")]
    assert [one["times"] for one in shown["runs"]] == [1]


def test_availability_is_a_command(console):
    from hubfleet.office.watching.models import HubDay

    HubDay.objects.create(hub="ant/prod", day=datetime(2026, 2, 1).date(), up=900, down=100)
    done = run(console, "availability", "ant/prod", "--month", "2026-02")
    assert done.stderr == ""
    assert done.stdout == ("     90.00 %  ant/prod  100 s down, 0 s excused, 671.7 h not seen\n")


def test_words_that_mean_nothing_are_refused(console):
    from hubfleet.cli.run_due import refuse_unknown
    from hubfleet.kit.errors import HubfleetError, Problem
    from hubfleet.office.watching.months import parse_month

    def refused(act) -> Problem:
        with pytest.raises(HubfleetError) as raised:
            act()
        return raised.value.problems[0]

    assert refused(lambda: parse_month("2026-13")) == Problem(
        "month-not-understood", "'2026-13' is no month", hint="write one such as 2026-11"
    )
    assert refused(lambda: refuse_unknown(["light-check"])) == Problem(
        "unknown-schedule",
        "nothing is due under the name 'light-check'",
        hint="did you mean light-checks?",
    )
