"""`hubfleet environment` as an operator uses it, and what people then find in their hub."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Hub
from hubfleet.planning.plan import make_plan
from hubfleet.planning.steps import CreateHub, RemoveHub, Step, UpdateHub
from hubfleet.platforms.local.environment_git import Source, fetched
from hubfleet.platforms.local.sandbox import find_sandbox
from tests.fleets import write_fleet
from tests.integration.people import Person
from tests.places import LocalPlace, local_place, until

pytestmark = pytest.mark.integration

HUB = "reef/prod"


@pytest.fixture
def place(tmp_path: Path):
    with local_place(tmp_path / "state") as found:
        yield found


def write_repository(root: Path, **files: str) -> None:
    folder = root / "communities" / "reef" / "environment"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_lock_build_show_update_test_list_and_gc(place: LocalPlace, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    write_repository(fleet, requirements_txt="tomli<2.0.2\n")
    write_fleet(fleet, {HUB: {"environment": {"repository": "environment"}}})

    locked = place.json("environment", "lock", HUB, fleet=fleet)
    assert locked["lock"] == "communities/reef/environment/environment.lock"
    assert {"name": "tomli", "old": None, "new": "2.0.1"} in locked["changes"]
    assert place.json("environment", "lock", HUB, fleet=fleet)["changes"] == []

    built = place.json("environment", "build", fleet=fleet)["environments"]
    assert [(row["hub"], row["environment"]) for row in built] == [(HUB, "")]
    shown = place.json("environment", "show", HUB, fleet=fleet)
    assert shown["packages"]["tomli"] == "2.0.1"
    assert shown["locked"] is True
    audited = place.json("replicate", "audit", HUB, fleet=fleet)
    assert audited["findings"] == [], "all packages are there, and under free licences"
    trials = place.json("environment", "test", HUB, fleet=fleet)["trials"]
    assert trials == [{"name": "tomli", "passed": True, "why": ""}]

    write_repository(fleet, requirements_txt="tomli\n")
    stale = place.run("validate", fleet=fleet)
    assert "error[stale-lock]" in stale.stderr
    kept = place.json("environment", "lock", HUB, fleet=fleet)
    assert kept["changes"] == [], "what still fits stays"
    raised = place.json("environment", "update", HUB, fleet=fleet)["changes"]
    (tomli,) = [row for row in raised if row["name"] == "tomli"]
    assert tomli["old"] == "2.0.1"
    assert tomli["new"] != "2.0.1"

    until(lambda: nothing_is_compiled(place.state.environments), "the end of the compiling")
    (listed,) = place.json("environment", "list")["environments"]
    assert listed["packages"] == ["tomli<2.0.2"]
    assert listed["hubs"] == []
    assert listed["bytes"] > 1_000_000
    gone = place.json("environment", "gc", "--dry-run")
    log = f"logs/env-{listed['key']}.log"
    assert (gone["dry_run"], gone["removed"]) == (True, [listed["key"]])
    assert log in gone["others"]
    assert (place.state.environments / log).exists()
    assert place.json("environment", "gc") == {**gone, "dry_run": False}
    assert not (place.state.environments / log).exists()
    assert place.json("environment", "list")["environments"] == []


def test_what_cannot_be_built_stops_before_any_hub_is_touched(
    place: LocalPlace, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet"
    write_repository(fleet, requirements_txt="tomli==0.0.99\n")
    write_fleet(fleet, {HUB: {"environment": {"repository": "environment"}}, "reef/other": {}})
    done = place.run("environment", "build", fleet=fleet)
    assert done.returncode == 1
    assert "error[package-unresolvable]" in done.stderr
    assert "there is no version of tomli==0.0.99" in done.stderr
    assert "--> communities/reef/hubs/prod.yaml:2:3" in done.stderr
    assert not list(place.state.hubs.glob("*/*/spec.json"))


def test_a_profile_with_its_own_environment_is_that_profiles_alone(
    place: LocalPlace, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet"
    values: dict[str, Any] = {
        "environment": {"packages": ["tomli"]},
        "environments": {"maps": {"packages": ["iniconfig"]}},
        "profiles": [{"name": "Small"}, {"name": "Maps", "environment": "maps"}],
    }
    hub = write_fleet(fleet, {HUB: values}).hubs[HUB]
    bring_up(place, hub, CreateHub(hub, ()))
    look = (
        "import importlib.util as u, os\n"
        "print([name for name in ('tomli', 'iniconfig') if u.find_spec(name)])"
    )
    with Person(place, HUB, "bo") as bo:
        bo.start_server({"profile": "small"})
        assert bo.run(look) == "['tomli']"
        bo.stop_server()
        bo.start_server({"profile": "maps"})
        assert bo.run(look) == "['iniconfig']"


@pytest.mark.skipif(find_sandbox().program is None, reason="needs bubblewrap")
def test_what_lies_beside_environments_goes_with_them(place: LocalPlace, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    values: dict[str, Any] = {"environments": {"maps": {"packages": ["iniconfig"]}}}
    hub = write_fleet(fleet, {HUB: values}).hubs[HUB]
    bring_up(place, hub, CreateHub(hub, ()))
    store = place.state.environments
    (kernels,) = store.glob("kernels-*")
    fetched = store / "repositories" / f"0123456789abcdef-{'a' * 40}"
    fetched.mkdir()
    failed, old = store / "logs" / f"env-{'0' * 32}.log", store / "logs" / f"env-{'1' * 32}.log"
    for log in (failed, old):
        log.write_text("x")
    os.utime(old, (0, 0))
    gone = place.json("environment", "gc")
    assert gone["removed"] == [], "the hub needs it"
    assert gone["others"] == [f"logs/{old.name}", f"repositories/{fetched.name}"]
    assert (kernels.exists(), failed.exists(), fetched.exists()) == (True, True, False)
    # A kernel whose environment is gone starts nothing.
    place.platform().perform(RemoveHub(HUB, "reef", ()), lambda _: None)
    until(lambda: nothing_is_compiled(store), "the end of the compiling, which nothing removes")
    gone = place.json("environment", "gc")
    assert len(gone["removed"]) == 1
    assert kernels.name in gone["others"]
    assert not kernels.exists()


def test_validate_looks_into_what_was_fetched_before(place: LocalPlace, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    url, commit = "https://git.example.org/reef/lessons", "b" * 40
    write_fleet(fleet, {HUB: {"environment": {"repository": url, "ref": commit}}})
    done = place.run("validate", fleet=fleet)
    assert done.returncode == 0
    assert f"note: {url} was not fetched here yet" in done.stderr
    source = Source(url, commit)
    repository = fetched(place.state.environments / "repositories", source)
    repository.mkdir(parents=True)
    (repository / "apt.txt").write_text("gdal-bin\n")
    done = place.run("validate", fleet=fleet)
    assert done.returncode == 1
    assert "error[not-on-local]: `apt.txt` cannot be honoured (`gdal-bin`)" in done.stderr
    assert f"--> {url}: apt.txt:1:1" in done.stderr


@pytest.mark.skipif(find_sandbox().program is None, reason="needs bubblewrap")
def test_people_get_the_default_and_may_choose_others_until_they_restart(
    place: LocalPlace, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet"
    write_repository(fleet, requirements_txt="tomli\n", start='export DEPTH=7\nexec "$@"\n')
    values: dict[str, Any] = {
        "environment": {"repository": "environment"},
        "environments": {"second": {"packages": ["iniconfig"]}},
    }
    hub = write_fleet(fleet, {HUB: values}).hubs[HUB]
    bring_up(place, hub, CreateHub(hub, ()))
    first = place.json("environment", "list")["environments"]
    assert [row["hubs"] for row in first] == [[HUB], [HUB]]

    with Person(place, HUB, "bo") as bo:
        bo.start_server()
        code = "import tomli, os; print(tomli.__file__.split('/')[-2], os.environ['DEPTH'])"
        assert bo.run(code) == "tomli 7"
        code = "import jupyter_client.kernelspec as k; print(sorted(k.find_kernel_specs()))"
        assert bo.run(code) == "['python3', 'second']"
        code = (
            "import subprocess\n"
            "python = k.get_kernel_spec('second').argv[0]\n"
            "code = 'import iniconfig, ipykernel; print(7)'\n"
            "print(subprocess.check_output([python, '-c', code], text=True))"
        )
        assert bo.run(code) == "7"

        write_repository(fleet, requirements_txt="tomli\npluggy\n")
        hub = load_fleet(fleet).hubs[HUB]
        plan = make_plan(load_fleet(fleet), [place.platform().observe("reef")])
        (step,) = plan.steps
        assert isinstance(step, UpdateHub)
        (reason,) = step.reasons
        assert reason.key == "environment.content"
        assert str(reason.place) == "communities/reef/hubs/prod.yaml:2:3"
        bring_up(place, hub, step)
        rows = place.json("environment", "list")["environments"]
        assert [row["hubs"] for row in rows] == [[HUB]] * 3, "bo's server keeps the old one"
        assert bo.run("import tomli; print('still')") == "still"
        assert place.json("environment", "gc")["removed"] == []

    write_repository(fleet, requirements_txt="# nothing new\npluggy\ntomli\n")
    assert make_plan(load_fleet(fleet), [place.platform().observe("reef")]).steps == ()


def bring_up(place: LocalPlace, hub: Hub, step: Step) -> None:
    platform = place.platform()
    platform.prepare([hub], lambda name, phase: None)
    platform.perform(step, lambda phase: None)


def nothing_is_compiled(store: Path) -> bool:
    """New environments are compiled in the background, and `gc` leaves those alone meanwhile."""
    for busy in (store / "busy").glob("*.compile"):
        with busy.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True
