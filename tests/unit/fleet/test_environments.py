"""Environments in the declaration: one kind wins, commits are pinned, content plans an update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.lockfile import changes, read_lock, versions_of, write_lock
from hubfleet.fleet.model import Hub
from hubfleet.fleet.software import Lock
from hubfleet.kit.errors import Problem
from tests.fleets import write, write_fleet

COMMIT = "0123456789abcdef0123456789abcdef01234567"
URL = "https://example.org/reef/environment"
HUB = "reef/prod"
FOLDER = "communities/reef/environment"


def declared(root: Path, environment: Any, **more: Any) -> Hub:
    return write_fleet(root, {HUB: {"environment": environment, **more}}).hubs[HUB]


def problems(root: Path, environment: Any, **more: Any) -> list[Problem]:
    with pytest.raises(FleetErrors) as caught:
        declared(root, environment, **more)
    return list(caught.value.problems)


def repository(root: Path, folder: str = FOLDER, **files: str) -> None:
    for name, text in files.items():
        path = root / folder / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_repository_in_the_fleet_is_read_with_the_declaration(tmp_path):
    repository(tmp_path, requirements_txt="numpy\npandas\n", runtime_txt="python-3.12\n")
    (only,) = declared(tmp_path, {"repository": "environment"}).environments
    assert only.recipe is not None
    assert only.recipe.requirements == ("numpy", "pandas")
    assert only.recipe.python == "3.12"
    assert str(only.place) == "communities/reef/hubs/prod.yaml:2:3"
    assert only.lock_file == f"{FOLDER}/environment.lock"


def content(hub: Hub) -> Any:
    return hub.effective["environment.content"]


def test_what_a_repository_means_is_an_effective_value_and_a_comment_is_not(tmp_path):
    repository(tmp_path, requirements_txt="numpy\npandas\n")
    before = content(declared(tmp_path, {"repository": "environment"}))
    repository(tmp_path, requirements_txt="# why\npandas\n\nnumpy # and why\n")
    assert content(load_fleet(tmp_path).hubs[HUB]) == before
    repository(tmp_path, requirements_txt="numpy\npandas>=2\n")
    after = content(load_fleet(tmp_path).hubs[HUB])
    assert after.value != before.value
    assert after.layer == "computed"
    assert str(after.place) == "communities/reef/hubs/prod.yaml:2:3"
    repository(tmp_path, requirements_txt="numpy\npandas>=2\n", postBuild="true")
    assert content(load_fleet(tmp_path).hubs[HUB]).value != after.value


def test_a_commit_of_an_address_is_its_content(tmp_path):
    hub = declared(tmp_path, {"repository": URL, "ref": COMMIT, "subfolder": "binder"})
    (only,) = hub.environments
    assert (only.url, only.ref, only.subfolder, only.recipe) == (URL, COMMIT, "binder", None)
    assert content(hub).value == COMMIT


def test_packages_alone_have_no_content_of_their_own(tmp_path):
    hub = declared(tmp_path, {"packages": ["numpy"]})
    assert "environment.content" not in hub.effective
    assert [one.recipe and one.recipe.requirements for one in hub.environments] == [("numpy",)]
    assert declared(tmp_path, {}).environments == ()


@pytest.mark.parametrize(
    ("lower", "upper", "kind"),
    [
        ({"packages": ["numpy"], "python": "3.12"}, {"repository": "environment"}, "folder"),
        ({"repository": "environment"}, {"packages": ["numpy"]}, "packages"),
        ({"repository": URL, "ref": COMMIT}, {"packages": []}, "none"),
        ({"repository": URL, "ref": COMMIT}, {"repository": "environment"}, "folder"),
        ({"repository": URL}, {"ref": COMMIT}, "address"),
        ({"python": "3.12"}, {"packages": ["numpy"]}, "packages with python"),
    ],
)
def test_the_kind_that_a_higher_layer_chooses_drops_the_other(tmp_path, lower, upper, kind):
    repository(tmp_path, requirements_txt="numpy\n")
    fleet = write_fleet(tmp_path, {HUB: {"environment": upper}}, defaults={"environment": lower})
    found = fleet.hubs[HUB].environments
    shown = "none"
    for one in found:
        assert one.recipe is not None or one.url
        shown = "folder" if one.folder else "address" if one.url else "packages"
        if shown == "packages" and one.recipe and one.recipe.python:
            shown += " with python"
    assert shown == kind


def test_further_environments_have_names_and_locks_of_their_own(tmp_path):
    repository(tmp_path, "communities/reef/environments/maps", requirements_txt="tomli\n")
    further = {"maps": {"repository": "environments/maps"}, "old": {"packages": ["numpy<2"]}}
    hub = declared(tmp_path, {"packages": ["numpy"]}, environments=further)
    assert [(one.name, one.lock_file) for one in hub.environments] == [
        ("", "communities/reef/hubs/prod.lock"),
        ("maps", "communities/reef/environments/maps/environment.lock"),
        ("old", "communities/reef/hubs/prod.old.lock"),
    ]
    assert "environments.maps.content" in hub.effective


@pytest.mark.parametrize("ref", ["main", "v1.0", COMMIT[:12], COMMIT.upper()])
def test_a_ref_that_could_move_is_refused(tmp_path, ref):
    (problem, *_) = problems(tmp_path, {"repository": URL, "ref": ref})
    assert str(problem) == (
        f"error[not-a-commit]: `{ref}` is not a full commit\n"
        "  --> communities/reef/hubs/prod.yaml:3:3\n"
        "  why: A branch or tag would change without a reviewed change.\n"
        "  hint: `git ls-remote URL NAME` shows the 40 digits to write here"
    )


@pytest.mark.parametrize(
    ("environment", "codes"),
    [
        ({"repository": URL}, ["no-ref"]),
        ({"repository": "environment"}, ["no-repository"]),
        ({"repository": "../other/environment"}, ["bad-repository"]),
        ({"repository": "/etc"}, ["bad-repository"]),
        ({"repository": "environment/../../other"}, ["bad-repository"]),
        ({"repository": "hubs"}, ["bad-repository"]),
        ({"repository": "http://example.org/x", "ref": COMMIT}, ["bad-repository"]),
        ({"repository": "git@example.org:x/y", "ref": COMMIT}, ["bad-repository"]),
        ({"repository": "file:///etc", "ref": COMMIT}, ["bad-repository"]),
        ({"repository": "https://me:pw@example.org/x", "ref": COMMIT}, ["bad-repository"]),
        ({"repository": f"{URL}?a=b", "ref": COMMIT}, ["bad-repository"]),
        ({"repository": URL, "ref": COMMIT, "subfolder": "../x"}, ["bad-repository"]),
        ({"repository": URL, "ref": COMMIT, "packages": ["numpy"]}, ["two-kinds-of-environment"]),
        ({"packages": ["numpy"], "ref": COMMIT}, ["without-repository"]),
        ({"repository": URL, "ref": COMMIT, "python": "3.12"}, ["python-beside-repository"]),
    ],
)
def test_what_is_not_an_environment_is_refused(tmp_path, environment, codes):
    found = problems(tmp_path, environment)
    assert sorted({problem.code for problem in found}) == codes
    assert all(problem.hint for problem in found)
    assert "pw" not in str(found[0])


def test_a_name_that_is_the_default_kernels_is_refused(tmp_path):
    (problem,) = problems(tmp_path, {}, environments={"python3": {"packages": ["numpy"]}})
    assert problem.code == "reserved-name"


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    repository(tmp_path, "elsewhere", requirements_txt="numpy\n")
    write(tmp_path / "communities/reef/hubs/prod.yaml", {})
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")
    (problem,) = problems(tmp_path, {"repository": "environment"})
    assert problem.what == f"the folder `{FOLDER}` is a link"


def test_what_only_another_platform_can_do_is_said_once_for_all_hubs(tmp_path):
    repository(tmp_path, apt_txt="gdal-bin\n", requirements_txt="numpy\n")
    hubs = {f"reef/h{number}": {"environment": {"repository": "environment"}} for number in (1, 2)}
    with pytest.raises(FleetErrors) as caught:
        write_fleet(tmp_path, hubs)
    (problem,) = caught.value.problems
    assert str(problem.place) == f"{FOLDER}/apt.txt:1:1"
    assert "`gdal-bin`" in problem.what
    assert "platform: kubernetes" in problem.hint


HASH = "--hash=sha256:" + "0" * 64


def locked(hub: Hub, resolved: str = f"numpy==2.0.0 \\\n    {HASH}\n") -> str:
    basis = hub.environments[0].lock_basis
    return write_lock(resolved, basis=basis, python="3.11", command="hubfleet environment lock x")


def test_a_lock_beside_the_declaration_is_used_while_it_fits(tmp_path):
    hub = declared(tmp_path, {"packages": ["numpy"]})
    path = tmp_path / hub.environments[0].lock_file
    path.write_text(locked(hub))
    hub = load_fleet(tmp_path).hubs[HUB]
    lock = hub.environments[0].lock
    assert lock is not None
    assert (lock.python, dict(lock.versions)) == ("3.11", {"numpy": "2.0.0"})
    first = hub.effective["environment.lock"].value
    path.write_text(locked(hub, f"numpy==2.0.1 \\\n    {HASH}\n"))
    again = load_fleet(tmp_path).hubs[HUB].effective["environment.lock"]
    assert again.value != first
    assert str(again.place) == "communities/reef/hubs/prod.lock"

    with pytest.raises(FleetErrors) as caught:
        declared(tmp_path, {"packages": ["numpy", "pandas"]})
    (problem,) = caught.value.problems
    assert problem.code == "stale-lock"
    assert "hubfleet environment lock" in problem.hint
    assert load_fleet(tmp_path, with_locks=False).hubs[HUB].environments[0].lock is None


@pytest.mark.parametrize(
    "line",
    [
        "numpy==2.0.0",
        f"--index-url https://example.org {HASH}",
        f"numpy @ https://example.org/x.whl {HASH}",
        f"-r other.txt {HASH}",
        f"numpy==2.0.0 --index-url=x {HASH}",
    ],
)
def test_a_lock_holds_exact_versions_with_hashes_and_nothing_else(tmp_path, line):
    hub = declared(tmp_path, {"packages": ["numpy"]})
    (tmp_path / hub.environments[0].lock_file).write_text(locked(hub, line + "\n"))
    with pytest.raises(FleetErrors) as caught:
        load_fleet(tmp_path)
    (problem,) = caught.value.problems
    assert problem.code == "bad-lock"
    assert str(problem.place) == "communities/reef/hubs/prod.lock:5:1"


def test_a_lock_reads_back_as_it_was_written():
    text = write_lock(
        f"a==1.0 ; python_version < '4' \\\n    {HASH} \\\n    {HASH}\nb==2\\\n {HASH}\n",
        basis="abc",
        python="3.12",
        command="hubfleet environment lock x",
    )
    lock = read_lock(text, "x.lock")
    assert isinstance(lock, Lock)
    assert (lock.basis, lock.python) == ("abc", "3.12")
    assert lock.versions == versions_of(text) == {"a": "1.0", "b": "2"}
    assert lock.digest == getattr(read_lock(text + "# a comment\n", "x.lock"), "digest", None)


def test_changes_name_old_and_new():
    assert changes({"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "1", "d": "1"}) == [
        ("a", "1", "2"),
        ("c", "1", None),
        ("d", None, "1"),
    ]
