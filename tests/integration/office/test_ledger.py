"""What the ledger keeps beyond its port: nothing changes what has ended, and nobody is too late."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.rollout.ports import GateJudged, HubSettled, LeaseLostError, RolloutEnded
from tests.integration.office.ledgers import AT, begun, ended, intended, revision

pytestmark = pytest.mark.integration

TABLES = ("rollout", "beginning", "act", "judgement", "settlement", "revision")


def write_one_of_each(ledger) -> None:
    ledger.write(begun())
    ledger.write(intended())
    ledger.write(ended())
    ledger.write(GateJudged("r1", AT, "ant/prod", "healthy", True, 1, {}))
    ledger.write(revision())
    ledger.write(HubSettled("r1", AT, "ant/prod", "done"))
    ledger.write(RolloutEnded("r1", AT, ok=True))


def execute(home, statement: str) -> None:
    """As any other program would."""
    if home.url:
        import psycopg

        with psycopg.connect(home.url) as connection:
            connection.execute(statement)
    else:
        with closing(sqlite3.connect(home.state / "office.sqlite")) as file, file:
            file.execute(statement)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("act", ["UPDATE ledger_{} SET id = id", "DELETE FROM ledger_{}"])
def test_the_database_refuses_to_change_what_has_ended(home, table, act):
    with home.open() as ledger:
        write_one_of_each(ledger)
    with pytest.raises(Exception, match="the ledger keeps what has ended"):
        execute(home, act.format(table))
    with home.open() as ledger:
        assert ledger.revision("ant/prod@1").number == 1


def test_what_has_not_ended_can_still_get_its_outcome(home):
    with home.open() as ledger:
        ledger.write(begun())
        ledger.write(intended())
        ledger.write(ended())
        with pytest.raises(LookupError, match="create of ant/prod ended, but nobody intended it"):
            ledger.write(ended())


def test_the_rooms_own_code_cannot_change_rows_either(home):
    from hubfleet.office.ledger.models import Revision, Rollout

    with home.open() as ledger:
        write_one_of_each(ledger)
        alias = ledger.place.alias

        def meddle() -> None:
            row = Revision.objects.using(alias).get()
            for act in (row.save, row.delete, Revision.objects.using(alias).delete):
                with pytest.raises(TypeError, match="ledger"):
                    act()
            assert Rollout.objects.using(alias).update(state="running") == 0

        ledger._desk.do("read", meddle)


def test_an_intention_after_a_take_over_is_refused_and_not_written(home):
    with home.open() as ledger:
        first = ledger.acquire("hubfleet apply")
        ledger.write(begun(epoch=first.epoch))
        first.let_go()
        second = ledger.acquire("hubfleet apply")
        with pytest.raises(LeaseLostError) as caught:
            ledger.write(intended(epoch=first.epoch))
        assert caught.value.problems[0].code == "lease-lost"
        ledger.write(intended("bee/prod", epoch=second.epoch))
        assert set(ledger.cut_off().intended) == {"bee/prod"}


def test_all_entries_written_together_or_none(home):
    with home.open() as ledger:
        with pytest.raises(LookupError):
            ledger.write_all([begun(), ended()])
        assert ledger.cut_off() is None
        ledger.write_all([begun(), intended(), ended()])
        assert set(ledger.cut_off().intended) == {"ant/prod"}


def test_one_bad_entry_among_many_fails_alone(home):
    from concurrent.futures import ThreadPoolExecutor

    with home.open() as ledger, ThreadPoolExecutor(16) as pool:
        ledger.write(begun())
        good = [pool.submit(ledger.write, intended(f"ant/h{n}")) for n in range(40)]
        bad = [pool.submit(ledger.write, ended(f"bee/h{n}")) for n in range(4)]
        assert [one.result() for one in good] == [None] * 40
        assert all(isinstance(one.exception(), LookupError) for one in bad)
        assert len(ledger.cut_off().intended) == 40


def test_the_file_is_private_and_intentions_wait_for_the_disk(file_home, monkeypatch):
    synced = []
    real = os.fdatasync

    def seen(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", seen)
    with file_home.open() as ledger:
        write_one_of_each(ledger)

        def journal_mode() -> object:
            with ledger._desk.connection.cursor() as cursor:
                return cursor.execute("PRAGMA journal_mode").fetchone()[0]

        # Only a write-ahead file can be brought to the disk by itself.
        assert ledger._desk.do("read", journal_mode) == "wal"
        synced.clear()
        ledger.write(begun("r2"))
        assert synced == ["office.sqlite-wal"]
        ledger.write(HubSettled("r2", AT, "ant/prod", "done"))
        assert synced == ["office.sqlite-wal"]
        ledger.write(intended("ant/prod", rollout="r2"))
        assert synced == ["office.sqlite-wal"] * 2
        for path in file_home.state.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_an_intention_that_does_not_reach_the_disk_is_refused(file_home, monkeypatch):
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with file_home.open() as ledger:
        ledger.write(begun())
        with monkeypatch.context() as patched, pytest.raises(HubfleetError) as raised:
            patched.setattr(os, "fdatasync", fails)
            ledger.write(intended())
        assert raised.value.problems[0].code == "journal-not-written"
        assert raised.value.problems[0].why == "Input/output error"
        ledger.write(intended("ant/staging"))


def test_a_ledger_of_a_newer_hubfleet_is_refused_and_left_alone(home):
    with home.open(version="0.1.0"):
        pass
    execute(
        home,
        "INSERT INTO django_migrations (app, name, applied) "
        "VALUES ('ledger', '0009_better', '2027-01-01 00:00:00')",
    )
    execute(home, "INSERT INTO ledger_edition VALUES ('0009_better', '0.9.2')")
    with pytest.raises(HubfleetError) as caught:
        home.open()
    place = home.state / "office.sqlite"
    shown = caught.value.problems[0].place
    assert shown == str(place) or str(shown).startswith("postgresql://")
    assert str(caught.value) == (
        "error[ledger-newer]: the ledger was written by hubfleet 0.9.2, "
        "and this is hubfleet 0.1.0\n"
        f"  --> {shown}\n"
        "  why: it has a table layout that this version does not know (0009_better)\n"
        "  hint: use that version or a later one; nothing was changed"
    )


_OPENER = """
say("ready")
"""


def test_processes_that_open_a_new_ledger_at_once_all_find_it_ready(home):
    openers = [home.start(_OPENER) for _ in range(4)]
    for opener in openers:
        said, _ = opener.communicate(timeout=60)
        assert (opener.returncode, said) == (0, "ready\n")
    with home.open() as ledger:
        write_one_of_each(ledger)


def test_the_tables_are_those_of_the_models(file_home):
    """Whoever changes a model and forgets the migration is told."""
    from django.core.management import call_command

    with file_home.open():
        call_command("makemigrations", "ledger", check=True, dry_run=True, verbosity=0)


def test_no_secret_of_the_declaration_reaches_the_ledger(home, tmp_path):
    from hubfleet.fleet.load import load_fleet
    from tests.fleets import write_fleet
    from tests.unit.fleet_secrets.keyring import identity_in, sealed

    key = "jupyterhub.config.SharedPasswordAuthenticator.user_password"
    file = "communities/ant/hubs/prod.secret.yaml"
    write_fleet(tmp_path / "fleet", {"ant/prod": {}})
    text = sealed("canary-4711", key, identity_in(tmp_path / "keys"), file=file)
    nested = "jupyterhub:\n  config:\n    SharedPasswordAuthenticator:\n      user_password: "
    (tmp_path / "fleet" / file).write_text(f"{nested}{text}\n")
    values = load_fleet(tmp_path / "fleet").hubs["ant/prod"].flat()
    with home.open() as ledger:
        ledger.write(begun())
        ledger.write(revision(values=values))
        kept = str(ledger.revision("ant/prod@1").as_json())
    assert values[key].startswith("<secret ")
    assert values[key] in kept
    everything = b"".join(path.read_bytes() for path in home.state.glob("office.sqlite*"))
    assert "canary-4711" not in kept
    assert b"canary-4711" not in everything
    assert text.encode()[-40:] not in everything
