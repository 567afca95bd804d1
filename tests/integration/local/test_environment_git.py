"""Commits fetched from real git repositories, good ones and hostile ones."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hubfleet.fleet.software import HubEnvironment
from hubfleet.kit.errors import HubfleetError, Place, Problem
from hubfleet.platforms.local.environment_git import Source, fetch
from hubfleet.platforms.local.environments import EnvironmentStore

pytestmark = pytest.mark.integration

PLACE = Place("communities/reef/hubs/prod.yaml", 2, 1)


class Origin:
    """A repository that others fetch from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        names = {
            f"GIT_{who}_{what}": "a@b.c"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        return self.git("rev-parse", "HEAD")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


def get(tmp_path: Path, url: str, commit: str, protocols: tuple[str, ...] = ("file",)) -> Path:
    return fetch(
        tmp_path / "cache",
        Source(url, commit, PLACE),
        lambda _: None,
        protocols=protocols,
        seconds=30,
    )


def refused(
    tmp_path: Path, url: str, commit: str, protocols: tuple[str, ...] = ("file",)
) -> Problem:
    with pytest.raises(HubfleetError) as caught:
        get(tmp_path, url, commit, protocols)
    cache = tmp_path / "cache"
    assert not list(cache.iterdir()), "nothing half-fetched is left"
    problem = caught.value.problems[0]
    assert problem.place == PLACE
    assert problem.hint
    return problem


def test_exactly_the_commit_is_fetched_once_whatever_moves_later(tmp_path, origin):
    commit = origin.commit(requirements_txt="tomli")
    origin.git("tag", "v1")
    later = origin.commit(requirements_txt="numpy")
    origin.git("tag", "--force", "v1")
    files = get(tmp_path, origin.url, commit)
    assert (files / "requirements.txt").read_text() == "tomli"
    assert [path.name for path in files.iterdir()] == ["requirements.txt"], "no .git"
    origin.folder.rename(tmp_path / "gone")
    assert get(tmp_path, origin.url, commit) == files
    assert refused_later(tmp_path, origin.url, later).code == "no-such-repository"


def refused_later(tmp_path: Path, url: str, commit: str) -> Problem:
    with pytest.raises(HubfleetError) as caught:
        get(tmp_path, url, commit)
    return caught.value.problems[0]


def test_a_repository_that_does_not_exist_is_said(tmp_path):
    problem = refused(tmp_path, f"file://{tmp_path}/nothing", "a" * 40)
    assert problem.code == "no-such-repository"
    assert problem.what == "there is no such repository, or it is not public"


def test_a_commit_that_is_not_there_is_said(tmp_path, origin):
    origin.commit(requirements_txt="tomli")
    problem = refused(tmp_path, origin.url, "a" * 40)
    assert problem.code == "commit-not-there"
    assert problem.what == "the commit aaaaaaaaaaaa is not in the repository"


def test_the_name_of_a_tree_is_not_a_commit(tmp_path, origin):
    origin.commit(requirements_txt="tomli")
    tree = origin.git("rev-parse", "HEAD^{tree}")
    assert refused(tmp_path, origin.url, tree).code in {
        "commit-not-there",
        "repository-unreachable",
    }


def test_a_host_that_cannot_be_reached_is_said(tmp_path):
    problem = refused(tmp_path, "https://127.0.0.1:9/x", "a" * 40, ("https",))
    assert problem.code == "repository-unreachable"


@pytest.mark.parametrize("url", ["ext::touch /tmp/x", "ssh://example.org/x", "--upload-pack=touch"])
def test_no_other_way_to_fetch_is_open(tmp_path, url):
    assert refused(tmp_path, url, "a" * 40, ("https",)).code in {
        "repository-unreachable",
        "no-such-repository",
    }


def test_links_and_submodules_are_refused(tmp_path, origin):
    (origin.folder / "requirements.txt").symlink_to("/etc/passwd")
    problem = refused(tmp_path, origin.url, origin.commit(other_txt="x"))
    assert problem.what == "the repository holds a link: 'requirements.txt'"
    (origin.folder / "requirements.txt").unlink()
    head = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    origin.git("commit", "--quiet", "--message", "module")
    problem = refused(tmp_path, origin.url, origin.git("rev-parse", "HEAD"))
    assert "the repository holds a" in problem.what


def test_attributes_and_hooks_of_the_repository_run_nothing(tmp_path, origin):
    mark = tmp_path / "mark"
    commit = origin.commit(
        requirements_txt="tomli", _gitattributes="* filter=evil ident export-subst\n"
    )
    hooks = origin.folder / ".git" / "hooks"
    for name in ("post-checkout", "post-update", "pre-receive"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    get(tmp_path, origin.url, commit)
    assert not mark.exists()


def test_a_huge_repository_is_refused_before_it_is_written(tmp_path, origin):
    with (origin.folder / "huge").open("wb") as file:
        file.truncate(210_000_000)
    problem = refused(tmp_path, origin.url, origin.commit(requirements_txt="tomli"))
    assert problem.code == "repository-too-large"
    assert problem.why == "it has 2 files of 210 MB together; at most 5000 of 200 MB are taken"


def test_an_environment_is_built_from_a_commit_and_what_it_cannot_do_is_said(tmp_path, origin):
    store = EnvironmentStore(tmp_path / "state" / "environments", protocols=("file",))
    good = origin.commit(sub__requirements_txt="tomli", apt_txt="gdal-bin")
    wanted = HubEnvironment("", PLACE, None, url=origin.url, ref=good, subfolder="sub")
    assert store.existing(wanted) is None
    path = store.build(wanted, lambda _: None)
    assert list(path.glob("lib/*/site-packages/tomli"))
    assert store.existing(wanted) == path
    with pytest.raises(HubfleetError) as caught:
        store.build(replace(wanted, subfolder=None), lambda _: None)
    assert [problem.code for problem in caught.value.problems] == ["not-on-local"]
    assert str(caught.value.problems[0].place) == f"{origin.url}: apt.txt:1:1"
