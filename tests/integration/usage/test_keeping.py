"""Readings become sessions, counts of people, and days."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from hubfleet.meters.samples import BriefServer, SpawnCounters
from tests.integration.usage.conftest import GIB, NOON, Place, minutes, server


def test_a_session_counts_from_its_start_to_the_last_reading_that_saw_it(place: Place) -> None:
    ada = server("ada", NOON - minutes(30), requested=2 * GIB, used=GIB, cpu_seconds=60)
    place.read("ant/prod", NOON, ada)
    place.read("ant/prod", NOON + minutes(1), ada)
    place.read("ant/prod", NOON + minutes(2))

    day = place.day("ant/prod")
    assert (day.sessions, day.peak) == (1, 1)
    assert day.server_hours == pytest.approx(31 / 60)
    assert day.requested == pytest.approx(2 * 31 / 60)
    # Of the first half hour nobody knows what was used: five minutes are taken for it.
    assert (day.used, day.measured) == (pytest.approx(6 / 60), pytest.approx(6 / 60))
    assert day.cpu == pytest.approx(60 / 3600)

    place.read("ant/prod", NOON + minutes(3), server("ada", NOON + minutes(2.5)))
    day = place.day("ant/prod")
    assert (day.sessions, day.server_hours) == (2, pytest.approx(31.5 / 60))


def test_a_person_counts_once_in_each_period_and_once_in_the_community(place: Place) -> None:
    started = NOON - minutes(10)
    place.read("ant/prod", NOON, server("ada", started), server("bo", started))
    place.read("ant/prod", NOON + minutes(5), server("ada", started, name="gpu"))
    place.read("ant/staging", NOON + minutes(6), server("Ada", started))
    place.read("bee/prod", NOON + minutes(7), server("ada", started))
    next_day = NOON + timedelta(days=1)
    place.read("ant/prod", next_day, server("ada", next_day - minutes(1)))

    assert place.people("ant/prod", "day") == {"2026-11-18": 2, "2026-11-19": 1}
    assert place.people("ant/prod", "week") == {"2026-11-16": 2}
    assert place.people("ant/prod", "month") == {"2026-11-01": 2}
    assert place.people("ant/prod", "year") == {"2026-01-01": 2}
    assert place.people("ant", "day") == {"2026-11-18": 2, "2026-11-19": 1}
    assert place.people("ant/staging", "billed") == {"2026-11-01": 1}
    assert place.people("ant", "billed") == {"2026-11-01": 2}
    assert place.people("bee", "month") == {"2026-11-01": 1}


def test_a_server_that_runs_on_is_billed_in_the_month_in_which_it_started(place: Place) -> None:
    end = NOON.replace(day=30, hour=23, minute=59)
    ada = server("ada", end - minutes(1))
    place.read("ant/prod", end, ada)
    place.read("ant/prod", end + minutes(2), ada)

    assert place.people("ant/prod", "month") == {"2026-11-01": 1, "2026-12-01": 1}
    assert place.people("ant/prod", "billed") == {"2026-11-01": 1}
    assert place.day("ant/prod", "2026-11-30").server_hours == pytest.approx(2 / 60)
    assert place.day("ant/prod", "2026-12-01").server_hours == pytest.approx(1 / 60)


def test_probes_and_staff_do_not_count(place: Place) -> None:
    place.office.person("eve", "engineer")
    place.office.person("ada")
    started = NOON - minutes(1)
    people = [server(name, started) for name in ("hubfleet-probe", "Eve", "ada")]
    brief = tuple(BriefServer(name, "", NOON) for name in ("hubfleet-probe", "eve"))
    place.read("ant/prod", NOON, *people, brief=brief)

    assert place.people("ant/prod", "day") == {"2026-11-18": 1}
    assert (place.day("ant/prod").sessions, place.day("ant/prod").peak) == (1, 1)


def test_names_that_the_declaration_calls_staff_do_not_count(place: Place) -> None:
    file = place.office.root / "fleet.yaml"
    text = file.read_text().replace("service:", "service:\n  use: {staff: [octocat]}", 1)
    file.write_text(text)
    assert place.office.fleet.service.use.staff == ("octocat",)
    place.desk.reload()
    place.read("ant/prod", NOON, server("octocat", NOON), server("ada", NOON))
    assert place.people("ant/prod", "day") == {"2026-11-18": 1}


def test_a_server_between_two_readings_counts_with_its_person(place: Place) -> None:
    ada = server("ada", NOON - minutes(3))
    place.read("ant/prod", NOON, ada)
    ended = NOON + minutes(0.5)
    # What the hub says of stopped servers: ada's is the one that was seen, bo's is another.
    gone = (BriefServer("ada", "", ended), BriefServer("bo", "", ended))
    place.read("ant/prod", NOON + minutes(1), brief=gone)

    day = place.day("ant/prod")
    assert (day.sessions, day.server_hours) == (2, pytest.approx(3 / 60))
    assert place.people("ant/prod", "billed") == {"2026-11-01": 2}


def test_a_hub_that_was_away_goes_on_where_it_was(place: Place) -> None:
    ada = server("ada", NOON)
    place.read("ant/prod", NOON + minutes(1), ada)
    place.read("bee/prod", NOON + minutes(60))
    place.read("ant/prod", NOON + minutes(120), ada)
    place.read("ant/prod", NOON + minutes(240))
    assert place.day("ant/prod").server_hours == pytest.approx(2)


def test_a_server_that_comes_back_after_it_was_taken_for_ended_is_the_same(place: Place) -> None:
    ada = server("ada", NOON)
    place.read("ant/prod", NOON + minutes(1), ada)
    place.read("ant/prod", NOON + minutes(2))
    place.read("ant/prod", NOON + minutes(3), ada)
    day = place.day("ant/prod")
    assert (day.sessions, day.server_hours) == (1, pytest.approx(3 / 60))


def test_starts_are_added_up_from_the_counters_of_the_hub(place: Place) -> None:
    def counters(since: float, quick: float, slow: float, failed: float = 0) -> SpawnCounters:
        return SpawnCounters(since, ((1.0, quick), (math.inf, quick + slow)), failed)

    place.read("ant/prod", NOON, spawns=counters(1e9, 5, 5, 1))
    assert place.day("ant/prod").spawns == [], "what was before nobody knows"
    place.read("ant/prod", NOON + minutes(1), spawns=counters(1e9, 6, 5, 3))
    place.read("ant/prod", NOON + minutes(2), spawns=counters(1e9 + 90, 2, 0))
    day = place.day("ant/prod")
    assert day.spawns == [["1.0", 3.0], ["inf", 3.0]]
    assert day.failed == 2
    assert place.day("ant").spawns == place.day("").spawns == day.spawns


def test_peaks_of_a_community_are_those_of_one_moment(place: Place) -> None:
    from hubfleet.meters.samples import HubSample
    from hubfleet.office.usage import sampling

    def round_of(at: Any, **counts: int) -> None:
        place.clock(at)
        place.desk.samples = {
            hub: HubSample(
                hub, at, tuple(server(f"p{number}", NOON) for number in range(counts.get(word, 0)))
            )
            for hub, word in (("ant/prod", "prod"), ("ant/staging", "staging"), ("bee/prod", "bee"))
        }
        sampling.work()

    round_of(NOON + minutes(1), prod=3)
    round_of(NOON + minutes(2), staging=2, bee=2)
    assert [place.day(name).peak for name in ("ant/prod", "ant/staging")] == [3, 2]
    assert (place.day("ant").peak, place.day("bee").peak, place.day("").peak) == (3, 2, 4)


def test_the_same_reading_stored_by_two_processes_counts_once(place: Place) -> None:
    from hubfleet.fleet.use import Use
    from hubfleet.meters.samples import HubSample
    from hubfleet.office.usage.forgetting import kept_from
    from hubfleet.office.usage.keeping import keep
    from hubfleet.office.usage.keys import keyring

    sample = HubSample("ant/prod", NOON + minutes(1), (server("ada", NOON),))
    kept = kept_from(Use(), NOON)
    assert keep(sample, None, keyring(), (), kept)
    later = HubSample("ant/prod", NOON + minutes(1.1), (server("ada", NOON),))
    assert not keep(later, None, keyring(), (), kept), "both saw the hub unread"
    assert place.day("ant/prod").sessions == 1


def test_a_hub_that_is_not_declared_any_more_has_no_running_session(place: Place) -> None:
    from hubfleet.office.usage.keeping import end_sessions_of_removed
    from hubfleet.office.usage.models import Session

    place.read("bee/prod", NOON + minutes(1), server("zoe", NOON))
    end_sessions_of_removed({"ant/prod"})
    assert [row.ended for row in Session.objects.all()] == [NOON + minutes(1)]


def test_no_name_is_in_the_database(place: Place) -> None:
    from django.db import connection

    canary = "canary-wren"
    place.read("ant/prod", NOON, server(canary, NOON - minutes(3), name="nest-of-wren"))
    place.read("ant/prod", NOON + minutes(1), brief=(BriefServer("canary-finch", "", NOON),))
    place.read("ant/prod", NOON + minutes(2))
    assert place.people("ant", "month") == {"2026-11-01": 2}

    file = place.office.state / "office.sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(sqlite3.connect(file)) as database:
        dump = "\n".join(database.iterdump())
    assert "usage_presence" in dump
    for name in (b"canary", b"wren", b"finch"):
        assert name not in file.read_bytes()
        assert name.decode() not in dump


def test_hashes_go_when_they_have_served_and_numbers_stay(place: Place) -> None:
    from hubfleet.office.usage.models import Presence, Session

    place.read("ant/prod", NOON, server("ada", NOON - minutes(3)))
    place.read("ant/prod", NOON + minutes(1))

    def kinds() -> set[str]:
        return set(Presence.objects.values_list("kind", flat=True))

    place.read("bee/prod", NOON + timedelta(days=8))
    assert kinds() == {"day", "week", "month", "year", "billed"}
    place.read("bee/prod", NOON + timedelta(days=9))
    assert kinds() == {"week", "month", "year", "billed"}
    place.read("bee/prod", NOON + timedelta(days=20))
    assert kinds() == {"month", "year", "billed"}
    place.read("bee/prod", NOON + timedelta(days=100))
    assert (kinds(), Session.objects.count()) == ({"month", "billed"}, 0)
    place.read("bee/prod", NOON + timedelta(days=12 + 400))
    assert kinds() == {"month", "billed"}
    place.read("bee/prod", NOON + timedelta(days=13 + 400))
    assert kinds() == set()
    assert place.people("ant/prod", "billed") == {"2026-11-01": 1}
    assert place.day("ant/prod").sessions == 1


def test_a_period_whose_people_are_forgotten_is_not_counted_again(place: Place) -> None:
    people = [server(name, NOON - minutes(3)) for name in ("ada", "bo")]
    place.read("ant/prod", NOON, *people)
    place.read("bee/prod", NOON + timedelta(days=30))
    # Nobody could read the hub for a month; both servers run, and a third came and went.
    long_gone = (BriefServer("cy", "", NOON + minutes(1)),)
    place.read("ant/prod", NOON + timedelta(days=30, minutes=1), *people, brief=long_gone)
    days = place.people("ant/prod", "day")
    assert (days["2026-11-18"], days["2026-12-18"]) == (2, 2)
    assert "2026-12-05" not in days, "too long ago"
    assert place.people("ant/prod", "billed") == {"2026-11-01": 3}


def test_a_hub_that_ends_leaves_numbers_and_no_person(place: Place) -> None:
    from hubfleet.office.usage.forgetting import forget_hub
    from hubfleet.office.usage.models import Presence, Session

    place.read("ant/prod", NOON, server("ada", NOON - minutes(3)))
    place.read("bee/prod", NOON, server("zoe", NOON - minutes(3)))
    forget_hub("ant/prod")
    assert {row.hub for row in Presence.objects.all()} == {"bee/prod"}
    assert {row.hub for row in Session.objects.all()} == {"bee/prod"}
    assert place.people("ant/prod", "month") == {"2026-11-01": 1}


def test_a_hub_that_cannot_be_read_says_why(place: Place) -> None:
    from hubfleet.office.usage.models import Reading

    place.read("ant/prod", NOON)
    troubles = dict(Reading.objects.values_list("hub", "trouble"))
    assert troubles == {
        "ant/prod": "",
        "ant/staging": "the use of ant/staging cannot be read",
        "bee/prod": "the use of bee/prod cannot be read",
    }


def test_a_hub_that_nobody_can_cope_with_keeps_nobody_else_from_being_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubfleet.office.usage.models import Presence

    asked = place.desk.sample

    def sample(hub: str, since: Any = None) -> Any:
        if hub == "ant/prod":
            raise RuntimeError("a bug of ours")
        return asked(hub, since)

    monkeypatch.setattr(place.desk, "sample", sample)
    with pytest.raises(RuntimeError, match="a bug of ours"):
        place.read("bee/prod", NOON, server("zoe", NOON))
    assert place.people("bee/prod", "day") == {"2026-11-18": 1}
    with pytest.raises(RuntimeError, match="a bug of ours"):
        place.read("ant/staging", NOON + timedelta(days=100))
    assert set(Presence.objects.values_list("kind", flat=True)) == {"month", "billed"}


def test_without_measuring_no_hub_is_asked(place: Place) -> None:
    file = place.office.root / "fleet.yaml"
    text = file.read_text().replace("service:", "service:\n  use: {measure: false}", 1)
    file.write_text(text)
    place.desk.reload()
    place.read("ant/prod", NOON, server("ada", NOON))
    assert place.desk.asked_since == {}


def test_a_reading_is_told_of_the_one_before_it(place: Place) -> None:
    place.read("ant/prod", NOON)
    place.read("ant/prod", NOON + minutes(1))
    since = place.desk.asked_since["ant/prod"]
    assert since is not None
    assert since.at == NOON
