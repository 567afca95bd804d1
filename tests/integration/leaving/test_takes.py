"""Bundles to take along: made aside, fetched by whom they belong to, gone in time."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError
from hubfleet.office.audit.record import Actor
from hubfleet.office.changes import process
from hubfleet.office.leaving import takes
from hubfleet.office.leaving.models import Take
from hubfleet.office.post.models import Message
from hubfleet.office.usage.models import UseDay
from tests.built import lay_out
from tests.fleets import write
from tests.integration.acting.conftest import entries
from tests.integration.acting.test_pages import text_of
from tests.offices import Office
from tests.places import until
from tests.unit.replicate.bundles import contents

HUB = "ant/prod"
URL = f"/hubs/{HUB}/leaving/"
ADA = Actor("ada")
WELL = """
import json, pathlib, sys
words = sys.argv[1:]
path = pathlib.Path(words[words.index("--to") + 1])
path.write_bytes(b"bundle" * 1000)
print(json.dumps({"words": words}))
"""
BADLY = """
import sys
sys.stderr.write("noise\\nerror[no-space]: the disk is full\\n  hint: make room\\n"); sys.exit(1)
"""
SLOWLY = """
import sys
sys.stderr.write("homes: 12 of 200\\r"); sys.stderr.flush()
import signal; signal.pause()
"""


@pytest.fixture
def program(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Lets the desk start another program than hubfleet."""

    def be(code: str) -> None:
        monkeypatch.setattr(
            type(office.desk), "program", lambda _self: [sys.executable, "-c", code]
        )

    yield be
    for take in Take.objects.filter(ended_at=None):
        for child in process._children:
            if child.pid == take.pid:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def ended(take: Take) -> bool:
    takes.watch()
    take.refresh_from_db()
    return take.ended_at is not None


def test_a_representative_makes_and_fetches_a_bundle(office: Office, browse, program) -> None:
    program(WELL)
    ada = browse("ada")
    ada.post(f"{URL}take/", {"part": ["homes", "nonsense", "database"]})
    take = Take.objects.get()
    until(lambda: ended(take), "the bundle is made")
    said = json.loads((takes.folder_of(take) / "export.json").read_text())
    assert said["words"] == [
        "replicate", "export", HUB, "--to", str(takes.file_of(take)), "--json",
        "--with-database", "--with-homes", "--fleet", str(office.root),
        "--state", str(office.state),
    ]  # fmt: skip
    assert (take.exit_code, take.size) == (0, 6000)
    assert take.sha256 == hashlib.sha256(b"bundle" * 1000).hexdigest()
    assert take.expires_at is not None and take.ended_at is not None
    assert take.expires_at - take.ended_at == timedelta(days=7)
    assert takes.folder_of(take).stat().st_mode & 0o777 == 0o700
    message = Message.objects.get()
    assert (message.recipient, message.subject) == (
        "ada@example.org", f"Your bundle of {HUB} is ready",
    )  # fmt: skip
    page = text_of(ada.get(URL))
    assert "ready until" in page and "5.9" in page
    got = ada.get(f"/takes/{take.pk}/")
    assert b"".join(got.streaming_content) == b"bundle" * 1000
    assert got.headers["Content-Disposition"] == 'attachment; filename="ant-prod.tar.zst"'
    assert got.headers["Cache-Control"] == "private, no-store"
    acts = [row[:2] for row in entries(act="take-hub", outcome="done")]
    assert acts == [("ada", "take-hub"), ("hubfleet", "take-hub"), ("ada", "take-hub")]


def test_a_real_bundle_of_the_declaration_with_measured_use(office: Office, browse) -> None:
    for scope, hours in ((HUB, 24), ("bee/prod", 7777)):
        community = scope.partition("/")[0]
        day = {"day": date(2026, 10, 5), "server_hours": hours, "requested": 2 * hours, "peak": 4}
        UseDay.objects.create(community=community, scope=scope, **day)
    take = takes.begin(HUB, [], ADA)
    until(lambda: ended(take), "the bundle is made", 60)
    assert (take.exit_code, take.outcome) == (0, "The bundle is ready.")
    content = takes.file_of(take).read_bytes()
    assert content.startswith(b"\x28\xb5\x2f\xfd"), "it is zstd"
    assert take.sha256 == hashlib.sha256(content).hexdigest()
    held = contents(takes.file_of(take))
    [month] = json.loads(held["usage.json"])["hubs"]["prod"]["months"]
    assert (month["server_hours"], month["memory_hours_requested"]) == (24, 48)
    assert "| 2026-10 (not complete) | 0 | 24.0 | 48.0 |" in held["COST.md"].decode()
    assert b"7777" not in held["usage.json"] + held["COST.md"]
    assert "What would not move as it is" in text_of(browse("ada").get(URL))


def test_the_page_names_what_would_not_move_down_to_packages(office: Office, browse) -> None:
    packages = {"environment": {"packages": ["cudnn", "six"]}}
    write(office.root / "communities/ant/hubs/prod.yaml", packages)
    (wanted,) = office.fleet.hubs[HUB].environments
    said = {
        "cudnn": "License-Expression: LicenseRef-NVIDIA-Proprietary",
        "six": "License: see",
        "evil": "License: proprietary `<b>?`",
    }
    lay_out(office.state / "environments", wanted, said)
    page = browse("ada").get(URL)
    shown = text_of(page)
    assert (
        "SHOULD The package cudnn is under a licence that is not free: "
        "LicenseRef-NVIDIA-Proprietary environment.packages "
        "Its owner decides who may use it, where, and for how long. What helps: agree with"
    ) in shown
    assert "MAY 1 package of the environment without a licence that is known to be free" in shown
    assert b"proprietary <code>&lt;b&gt;?</code>" in page.content


@pytest.mark.parametrize(("login", "status"), [("", 302), ("bo", 403), ("eve", 403), ("bea", 404)])
def test_nobody_else_makes_fetches_or_deletes_one(
    office: Office, browse, program, login: str, status: int
) -> None:
    program(WELL)
    take = takes.begin(HUB, [], ADA)
    until(lambda: ended(take), "the bundle is made")
    assert browse(login).post(f"{URL}take/").status_code == status
    assert browse(login).get(f"/takes/{take.pk}/").status_code == status
    assert browse(login).post(f"/takes/{take.pk}/drop/").status_code == status
    assert takes.file_of(take).exists() and Take.objects.count() == 1


def test_it_expires_and_is_deleted(office: Office, browse, program) -> None:
    program(WELL)
    take = takes.begin(HUB, [], ADA)
    until(lambda: ended(take), "the bundle is made")
    takes.work()
    assert takes.file_of(take).exists()
    Take.objects.update(expires_at=now())
    assert browse("ada").get(f"/takes/{take.pk}/").status_code == 404
    takes.work()
    assert not takes.folder_of(take).exists()
    assert "deleted" in text_of(browse("ada").get(URL))
    assert entries(act="take-hub", who="hubfleet")[-1][3] == "done"


def test_what_went_wrong_is_told_and_half_a_file_is_not_kept(
    office: Office, browse, program
) -> None:
    program(BADLY)
    take = takes.begin(HUB, [], ADA)
    until(lambda: ended(take), "the process has ended")
    assert take.outcome.startswith("error[no-space]: the disk is full")
    assert "error[no-space]" in text_of(browse("ada").get(URL))
    assert browse("ada").get(f"/takes/{take.pk}/").status_code == 404
    assert not takes.file_of(take).exists()


def test_progress_is_shown_one_at_a_time_and_a_dead_one_is_noticed(
    office: Office, browse, program
) -> None:
    program(SLOWLY)
    take = takes.begin(HUB, [], ADA)
    until(lambda: takes.progress_of(take), "a message")
    page = browse("ada").get(URL).content.decode()
    assert "homes: 12 of 200" in page and 'hx-trigger="every 3s"' in page
    with pytest.raises(HubfleetError) as refused:
        takes.begin(HUB, [], ADA)
    assert refused.value.problems[0].code == "take-under-way"
    with pytest.raises(HubfleetError):
        takes.delete(take, ADA, "now")
    [child] = process._children
    process._children.clear()
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert ended(take)
    assert take.outcome == "The bundle was cut off: its process is gone."


async def test_a_large_file_is_sent_in_pieces(tmp_path) -> None:
    from hubfleet.office.console.acts import hub_leaving

    path = tmp_path / "x"
    path.write_bytes(os.urandom(hub_leaving.CHUNK * 2 + 5))
    pieces = [len(piece) async for piece in hub_leaving._read(path)]
    assert pieces == [hub_leaving.CHUNK, hub_leaving.CHUNK, 5]
