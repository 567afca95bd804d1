"""The same console on a PostgreSQL server: pages, and a server that goes away and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.integration.console.test_served import FLEET, Served
from tests.integration.office.postgresql import running_server
from tests.places import until


def done_of(served: Served, job: str) -> bool:
    """Whether the job went well before, as staff read it."""
    rows = served.get("/schedules/")[2].decode().split("<tr>")
    return any(f">{job}</a>" in row and '<span class="state good">ok' in row for row in rows)


def test_pages_are_served_and_come_back_after_the_server_was_away(tmp_path):
    with running_server() as server:
        url = server.new_database()
        command = [sys.executable, "-m", "tests.scripted", str(FLEET), str(tmp_path / "state"), "0"]
        environment = {**os.environ, "HUBFLEET_DATABASE": url}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            served = Served(process, process.stdout.readline().strip(), tmp_path / "state")
            until(lambda: served.get("/healthz")[0] == 200, "the console to answer")
            served.sign_in()
            until(lambda: done_of(served, "light-checks"), "a round of light checks")
            held = subprocess.run(
                [*command[:2], "hubfleet", "run-due", "--fleet", str(FLEET), "--state",
                 str(tmp_path / "state")],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert held.returncode == 1
            assert held.stderr.startswith("error[schedules-held]: what is due is done by ")
            for path in (
                "/fleet/",
                "/hubs/earth-lab/prod/",
                "/rollouts/",
                "/oncall/",
                "/status/",
                "/audit/",
            ):
                assert served.get(path)[0] == 200, path
            name = url.rpartition("/")[2].partition("?")[0]
            server.execute("postgres", f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            server.execute(
                "postgres",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            status, _, page = served.get("/fleet/")
            assert status == 503
            assert b"cannot reach its database" in page
            assert name.encode() not in page
            assert served.get("/readyz")[0] == 503
            server.execute("postgres", f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert served.get("/fleet/")[0] == 200
            assert not (tmp_path / "state" / "office.sqlite").exists()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
