"""What each page shows, and to whom."""

from __future__ import annotations

import json
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from hubfleet.kit.clock import now
from tests.scripted import probed, remember, roll_out

PAGES = ["/fleet/", "/hubs/ant/prod/", "/rollouts/", "/audit/", "/plan/", "/hubs/ant/prod/logs/"]


def text(answer) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("path", PAGES)
def test_whoever_is_not_signed_in_is_led_to_the_sign_in_page_and_back(console, path):
    answer = console.client().get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/account/login/?next={path}"


def test_the_first_page_says_how_to_make_the_first_account(console):
    assert "Make the first account" in text(console.client().get("/"))
    console.client("lea", "leadership")
    assert console.client().get("/")["Location"] == "/account/login/"


def test_the_fleet_page_shows_every_hub_with_state_people_and_what_waits(console):
    console.desk.states["bee/prod"] = ("crashed", "ended with exit code 1")
    console.desk.busy["ant/prod"] = ["bo", "cy"]
    console.desk.gone.add("ant/staging")
    console.look()
    page = text(console.client("eve", "engineer").get("/fleet/"))
    for words in (
        'href="/hubs/ant/prod/"', "ended with exit code 1",
        '<span class="state bad">crashed</span>',
        "to be created", "<dd>2</dd>", "2 changes are waiting",
    ):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=bees", {"bee/prod"}),
        ("cluster=cove", {"bee/prod"}),
        ("stage=staging", {"ant/staging"}),
        ("state=running", {"ant/prod", "ant/staging", "bee/prod"}),
        ("state=attention", set()),
        ("q=%3Cscript%3E", set()),
    ],
)
def test_the_fleet_can_be_filtered(console, query, shown):
    page = text(console.client("eve", "engineer").get(f"/fleet/?{query}"))
    assert {name for name in console.desk.fleet().hubs if f'href="/hubs/{name}/"' in page} == shown
    assert "<script>" not in page
    if not shown:
        assert "No hub matches" in page


def test_the_fleet_page_asks_as_few_questions_for_many_hubs_as_for_few(console):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = console.client("eve", "engineer")

    def asked() -> int:
        console.look()
        with CaptureQueriesContext(connection) as questions:
            assert client.get("/fleet/").status_code == 200
        return len(questions)

    few = asked()
    folder = console.office.root / "communities" / "ant" / "hubs"
    for number in range(20):
        (folder / f"more-{number}.yaml").write_text((folder / "prod.yaml").read_text())
    console.desk.reload()
    assert len(console.desk.fleet().hubs) == 23
    assert asked() == few


def test_problems_of_the_declaration_are_shown_and_the_last_good_one_holds(console):
    (console.office.root / "communities/ant/hubs/prod.yaml").write_text("limts: {}\n")
    console.desk.reload()
    page = text(console.client("eve", "engineer").get("/fleet/"))
    assert "The declaration has" in page
    assert "communities/ant/hubs/prod.yaml:1:1" in page
    assert 'href="/hubs/ant/prod/"' in page


def test_people_of_a_community_see_their_hubs_and_no_others(console):
    client = console.client("bo")
    page = text(client.get("/"))
    assert "Ants" in page
    assert "Bees" not in page
    assert client.get("/fleet/").status_code == 403


def test_whom_no_hub_knows_is_told_what_to_do(console):
    page = text(console.client("dora").get("/"))
    assert "No hub knows you yet" in page
    assert "dora" in page


def test_a_hub_page_shows_the_last_probe_with_its_stages_and_what_helps(console):
    from hubfleet.office.watching import probing

    probing.keep(probed("ant/prod"), "eve")
    probing.keep(probed("ant/prod", ok=False), "eve")
    page = text(console.client("eve", "engineer").get("/hubs/ant/prod/"))
    assert 'aria-label="Stages of the last probe of ant/prod: name worked' in page
    assert "the kernel died before it answered" in page
    assert "What helps:" in page
    assert "The last 2 probes" in page


def test_a_plain_user_sees_the_hub_but_not_its_logs_probes_or_neighbours(console):
    client = console.client("bo")
    page = text(client.get("/hubs/ant/prod/"))
    assert "Open the hub" in page
    assert "Probe now" not in page
    assert "Does it work for a person" not in page
    assert client.get("/hubs/ant/prod/logs/").status_code == 403
    assert client.post("/hubs/ant/prod/probe/").status_code == 403


def test_a_probe_can_be_asked_for_and_is_kept_and_recorded(console, until):
    from hubfleet.office.watching.models import ProbeRecord

    client = console.client("ada")
    assert client.post("/hubs/ant/prod/probe/")["Location"] == "/hubs/ant/prod/"
    until(lambda: ProbeRecord.objects.filter(hub="ant/prod", verdict="healthy").exists())
    assert [entry.who for entry in console.acts(act="probe", outcome="done")] == ["ada"]


def test_values_are_shown_with_their_origin(console):
    page = text(console.client("ada").get("/hubs/ant/prod/values/?q=title"))
    assert "communities/ant/hubs/prod.yaml:1:" in page
    assert "Ants" in page


def test_logs_are_shown_as_text(console):
    console.desk.lines["ant/prod"] = ["first", "<b>second</b>", "third"]
    page = text(console.client("ada").get("/hubs/ant/prod/logs/?lines=2"))
    assert "&lt;b&gt;second&lt;/b&gt;\nthird" in page
    assert "first" not in page


def test_a_rollout_is_recorded_hub_by_hub_with_reasons_for_failures(console, ledger):
    hubs = list(console.desk.fleet().hubs.values())
    at = now() - timedelta(hours=1)
    roll_out(ledger, hubs, "r-1", "More memory", at=at, failed=["bee/prod"])
    client = console.client("eve", "engineer")
    listed = text(client.get("/rollouts/"))
    assert "2 done, 1 rolled back" in listed
    page = text(client.get("/rollouts/r-1/"))
    assert "More memory" in page
    assert "bee/prod did not start" in page
    assert "mend `jupyterhub.config`, then apply again" in page
    mine = text(console.client("ada").get("/rollouts/r-1/"))
    assert "ant/prod" in mine
    assert "bee/prod" not in mine
    assert client.get("/rollouts/r-unknown/").status_code == 404


def test_revisions_are_listed_and_compared(console, ledger):
    hubs = [console.desk.fleet().hubs["ant/prod"]]
    roll_out(ledger, hubs, "r-1", "Begin", at=now() - timedelta(hours=2), revision=2)
    roll_out(ledger, hubs, "r-2", "Culling", at=now() - timedelta(hours=1), revision=3)
    client = console.client("ada")
    page = text(client.get("/hubs/ant/prod/revisions/"))
    assert page.index("Culling") < page.index("Begin")
    from hubfleet.office.ledger.models import Revision

    newest = Revision.objects.order_by("-id").first()
    assert newest is not None
    page = text(client.get(f"/hubs/ant/prod/revisions/{newest.pk}/"))
    assert "What changed since revision 2" in page
    assert client.get(f"/hubs/ant/staging/revisions/{newest.pk}/").status_code == 404


def test_the_status_page_is_public_and_tells_nothing_of_people(console):
    remember(console.desk, days=5)
    console.desk.states["bee/prod"] = ("crashed", "secret note")
    console.desk.busy["ant/prod"] = ["bo"]
    console.look()
    page = text(console.client().get("/status/"))
    assert "Bees does not work" in page
    assert "Availability of Ants in the last 90 days" in page
    assert "secret note" not in page
    summary = json.loads(console.client().get("/status/summary.json").content)
    assert summary["status"] == {"indicator": "major", "description": "Bees does not work"}
    by_name = {one["id"]: one["status"] for one in summary["components"]}
    assert by_name["bee/prod"] == "major_outage"
    assert by_name["ant"] == "operational"
    feed = ET.fromstring(console.client().get("/status/feed.atom").content)
    titles = [one.text for one in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert "Bees does not work" in titles
    assert console.client().get("/status/of/ant/").status_code == 200
    assert console.client().get("/status/of/nobody/").status_code == 404


def test_an_announcement_is_published_and_ended_by_who_may(console):
    words = {"kind": "maintenance", "title": "Upgrade <b>", "text": "An hour", "community": "bee",
             "starts_at": "2026-01-01T10:00", "ends_at": ""}  # fmt: skip
    assert console.client("ada").post("/status/announce/", words).status_code == 403
    eve = console.client("eve", "engineer")
    wrong = eve.post("/status/announce/", {**words, "ends_at": "2025-12-31T10:00"})
    assert wrong.status_code == 422
    assert "This is not after the beginning." in text(wrong)
    assert eve.post("/status/announce/", words).status_code == 302
    page = text(console.client().get("/status/"))
    assert "Upgrade &lt;b&gt;" in page
    assert "Upgrade" not in text(console.client().get("/status/of/ant/"))
    assert eve.post("/status/announce/1/end/").status_code == 302
    assert "Earlier" in text(console.client().get("/status/"))
    assert len(console.acts(act="announce", outcome="done")) == 2


def test_the_status_can_be_exported_with_relative_links_only(console, tmp_path):
    from hubfleet.office.console.status_pages import export

    written = export(tmp_path / "out")
    names = {str(path.relative_to(tmp_path / "out")) for path in written}
    assert names == {
        "index.html", "ant/index.html", "bee/index.html", "summary.json", "feed.atom",
        "hubfleet.css", "icon.svg",
    }  # fmt: skip
    for name in ("index.html", "ant/index.html"):
        page = (tmp_path / "out" / name).read_text()
        assert 'href="/' not in page
        assert 'src="/' not in page


def test_the_record_of_acts_is_filtered_and_exported(console):
    lea = console.client("lea", "leadership")
    console.client("bo").get("/hubs/bee/prod/")
    page = text(lea.get("/audit/?outcome=hidden"))
    assert "bee/prod" in page
    rows = json.loads(b"".join(lea.get("/audit/export.json?outcome=hidden").streaming_content))
    assert [(row["who"], row["hub"]) for row in rows] == [("bo", "bee/prod")]
    assert json.loads(b"".join(lea.get("/audit/export.json?who=nobody").streaming_content)) == []
    sheet = b"".join(lea.get("/audit/export.csv").streaming_content).decode()
    assert sheet.startswith("at,who,act,community,hub,outcome,what,details,address,through\r\n")
    assert [entry.who for entry in console.acts(act="export-audit")] == ["lea"] * 3


def test_a_representative_reads_the_record_of_their_community_alone(console):
    console.client("bo").get("/hubs/bee/prod/")
    ada = console.client("ada")
    ada.get("/hubs/ant/prod/")
    ada.post("/status/announce/")
    page = text(ada.get("/audit/"))
    assert "bee/prod" not in page
    assert console.client("bo").get("/audit/").status_code == 403


def test_the_bar_leads_where_the_visitor_may_go_and_nowhere_else(console):
    def bar(*who: str) -> list[str]:
        page = text(console.client(*who).get("/status/"))
        nav = page.partition('aria-label="Places">')[2].partition("</nav>")[0]
        return [part.partition("</a>")[0].rpartition(">")[2] for part in nav.split("<a ")[1:]]

    assert bar() == ["Status"]
    assert bar("dora") == ["Hubs", "Status"]
    assert bar("bo") == ["Hubs", "Rollouts", "Status"]
    assert bar("ada") == ["Hubs", "Rollouts", "Status", "Audit"]
    staff = ["Fleet", "Customers", "Rollouts", "On call", "Status", "Audit", "People"]
    assert bar("eve", "engineer") == staff
