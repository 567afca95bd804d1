"""What a member of one community, or a program on this machine, learns about others: nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubfleet.kit.clock import now
from tests.scripted import roll_out


def test_the_list_of_rollouts_names_no_hub_and_counts_no_fate_of_others(console, ledger):
    hubs = list(console.desk.fleet().hubs.values())
    roll_out(ledger, hubs, "r-1", "all", at=now() - timedelta(hours=1), failed=["bee/prod"])
    for path in ("/rollouts/", "/rollouts/r-1/"):
        page = console.client("zoe").get(path).content.decode()
        assert "bee/prod" in page
        assert "ant/" not in page
        assert "1 rolled back" in page
        assert "2 done" not in page


@pytest.mark.parametrize("path", ["/rollouts/r-1/", "/rollouts/r-1/events"])
def test_why_a_hub_failed_is_for_those_who_look_after_it(console, ledger, path):
    hubs = list(console.desk.fleet().hubs.values())
    roll_out(ledger, hubs, "r-1", "all", at=now() - timedelta(hours=1), failed=["ant/prod"])
    assert console.client("bo").get(path).status_code == 404
    assert console.client("ada").get(path).status_code == 200
    assert "r-1" not in console.client("bo").get("/rollouts/").content.decode()


def test_the_plan_shows_values_only_to_those_who_look_after_the_hub(console):
    console.desk.old["ant/prod"] = {"culling.idle": "9h"}
    console.look()
    assert "culling.idle" in console.client("ada").get("/plan/").content.decode()
    assert "culling.idle" not in console.client("bo").get("/plan/").content.decode()


def test_what_is_wrong_in_somebodys_file_is_for_staff(console):
    file = console.office.root / "communities" / "bee" / "hubs" / "prod.yaml"
    file.write_text(file.read_text() + "nonsense: bee's own words\n")
    console.desk.reload()
    console.look()
    assert "nonsense" in console.client("eve", "engineer").get("/plan/").content.decode()
    assert "nonsense" not in console.client("ada").get("/plan/").content.decode()


def test_what_a_process_told_is_for_those_who_look_after_the_hub(console):
    from hubfleet.office.changes.models import Run

    run = Run.objects.create(
        kind=Run.Kind.APPLY, who="ada", hubs=["ant/prod"], outcome="error: a line of the log",
        ended_at=now(), exit_code=1,
    )  # fmt: skip
    assert console.client("ada").get(f"/runs/{run.pk}/").status_code == 200
    assert console.client("bo").get(f"/runs/{run.pk}/").status_code == 403
    assert console.client("zoe").get(f"/runs/{run.pk}/").status_code == 404


def test_a_kernel_on_this_machine_reads_no_numbers(console):
    """It connects from 127.0.0.1, too; the token's file is the console's own."""
    from django.conf import settings

    client = console.client()
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 403
    file = settings.METRICS_TOKEN_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    said = f"Bearer {file.read_text()}"
    assert client.get("/metrics", HTTP_AUTHORIZATION=said).status_code == 200


def test_nobody_takes_all_event_streams(console):
    from hubfleet.office.console import live

    async def many() -> None:
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as streams:
            for _ in range(live.MOST_OF_ONE):
                assert not live.full("bo")
                await streams.enter_async_context(live.stream("bo"))
            assert live.full("bo")
            assert not live.full("ada")
        assert not live.full("bo")

    import asyncio

    asyncio.run(many())


@pytest.mark.parametrize("cell", ["=1+1", "\n=1+1", "\t=1+1", "@SUM(A1)", "-1+1", "+1"])
def test_no_cell_of_an_export_is_a_formula(cell):
    from hubfleet.office.console.audit_pages import _cell

    assert _cell(cell) == f"'{cell}"
