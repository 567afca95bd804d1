"""The verbs with `--remote` against a real console that runs a real hub, and the rollback page."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.request
from urllib.parse import urlencode

import pytest

from tests.consoles import PASSWORD, ConsolePlace, console_fleet
from tests.fleets import write
from tests.offices import in_git
from tests.places import local_place, until

pytestmark = pytest.mark.integration

HUB = "ant/prod"
TOKEN = """
from datetime import timedelta
from hubfleet.office.accounts.models import StaffRole
from hubfleet.office.api import tokens
from hubfleet.office.api.scopes import Scope
person = Person.objects.get(login="eve")
StaffRole.objects.create(person=person, role="engineer", granted_by="test")
print(tokens.issue(actor, person, "laptop", list(Scope), timedelta(hours=1))[1])
"""


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("remote")
    fleet, address = console_fleet(
        folder / "fleet", {HUB: {"access": {"sign_in": "console"}, "limits": {"memory": "512M"}}}
    )
    in_git(fleet)
    with local_place(folder / "state") as place:
        made = ConsolePlace(place, fleet, address)
        done = made.up()
        assert done.returncode == 0, done.stderr
        made.account("eve")
        kept = folder / "config/hubfleet"
        kept.mkdir(parents=True, mode=0o700)
        token = made.in_the_office(TOKEN).strip()
        (kept / "sign-ins.json").write_text(json.dumps({address: token}))
        (kept / "sign-ins.json").chmod(0o600)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
            yield made


def remote(console, *words: str, code: int = 0) -> str:
    """What the verb prints; it knows no fleet folder and no state but the console's address."""
    done = console.place.run(*words, "--remote", console.address)
    assert done.returncode == code, done.stderr
    told: str = done.stdout
    return told


def declare(console, memory: str) -> None:
    values = {"access": {"sign_in": "console"}, "limits": {"memory": memory}}
    write(console.fleet / "communities/ant/hubs/prod.yaml", values)


def running(console) -> tuple[int, object]:
    """Revision and memory limit of the hub that runs, asked of the platform itself."""
    [seen] = console.place.platform().observe("reef").hubs.values()
    return seen.revision, seen.values["limits.memory"]


def test_questions_are_answered_as_here(console):
    here = console.place.run("responsibilities", "ant", fleet=console.fleet)
    assert here.returncode == 0, here.stderr
    there = remote(console, "responsibilities", "ant")
    assert "provide-access" in here.stdout
    assert "provide-access" in there
    assert remote(console, "responsibilities", "ant", "--diff") == "Everything is as by default.\n"
    assert remote(console, "who-can", "roll-out", HUB) == "engineers of Test Foundation\n"
    [month] = json.loads(remote(console, "objectives", HUB, "--json"))["hubs"]
    assert (month["hub"], month["target"]) == (HUB, None)
    used = json.loads(remote(console, "usage", HUB, "--month", "2026-11", "--json"))
    assert (used["scope"], used["from"], used["total"]["users"]) == (HUB, "2026-11-01", 0)
    assert "billed_users" in remote(console, "usage", "ant", "--by", "hub")
    [probe] = json.loads(remote(console, "probe", HUB, "--json"))["probes"]
    assert (probe["hub"], probe["verdict"] in ("healthy", "degraded")) == (HUB, True)


def test_a_change_is_applied_from_elsewhere(console):
    declare(console, "600M")
    # The console looks at its files by itself.
    until(lambda: json.loads(remote(console, "plan", "--json"))["steps"], "the waiting plan")
    assert "not-confirmed" in console.place.run("apply", "--remote", console.address).stderr
    told = remote(console, "apply", "--yes", "--message", "More memory")
    assert re.search(r"update +ant/prod\n +limits.memory", told), told
    assert running(console) == (2, "600M")


def test_the_page_rolls_a_hub_back_by_the_real_command(console):
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )

    def get(path: str) -> str:
        with browser.open(console.address + path, timeout=60) as answer:
            return str(answer.read().decode())

    def send(path: str, page: str, **values: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', get(page))
        assert found
        body = urlencode({**values, "csrfmiddlewaretoken": found[1]}).encode()
        with browser.open(console.address + path, body, timeout=60) as answer:
            return str(answer.url)

    send("/account/login/", "/account/login/", login="eve", password=PASSWORD)
    choices = get("/hubs/ant/prod/rollback/")
    [page] = set(re.findall(r'href="(/hubs/ant/prod/rollback/[^"#]+)#', choices))
    assert "Going back to revision 1" in get(page)
    assert "600M" in get(page)
    went = send(page, page, why="Too much")
    assert re.search(r"/(runs|rollouts)/", went), went
    until(lambda: "Roll back to revision 1" in get(page), "the rollback's end", seconds=120)
    assert running(console) == (3, "512M")
    assert "Too much" in get("/hubs/ant/prod/revisions/")
    assert "roll-back" in get("/audit/")


def test_a_hub_is_rolled_back_from_elsewhere(console):
    until(lambda: json.loads(remote(console, "plan", "--json"))["steps"], "the waiting plan")
    remote(console, "apply", "--yes", "--quiet")
    assert running(console) == (4, "600M")
    listed = remote(console, "rollback", HUB, "--list")
    assert listed.startswith("revision    1  ")
    remote(console, "rollback", HUB, "--to", "1", "--yes", "--message", "Not again")
    assert running(console) == (5, "512M")
    history = json.loads(remote(console, "history", HUB, "--json"))["revisions"]
    assert {row["who"] for row in history if row["revision"] > 1} == {"eve"}
