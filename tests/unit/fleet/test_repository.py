"""Binder-style repositories: what is read from them, and what is refused to the letter.

A new case is a file in `tests/cases/repositories`: `files` (and `links`), then `recipe` with what
must come out, or `problems` in reading order.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hubfleet.fleet.repository import read_repository
from hubfleet.fleet.trees import FolderTree, TextTree, TreeError

CASES = sorted((Path(__file__).parents[2] / "cases" / "repositories").glob("*.yaml"))


def test_there_are_cases():
    assert len(CASES) >= 30


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_repository_is_read_or_refused_as_written(path):
    case = yaml.safe_load(path.read_text())
    tree = TextTree(case["files"], frozenset(case.get("links", ())))

    recipe, problems = read_repository(tree, "environment/")

    found = [{key: text for key, text in problem.as_json().items() if text} for problem in problems]
    assert found == case.get("problems", [])
    assert all(problem.hint for problem in problems)
    expected = case.get("recipe", {})
    shown = {
        "requirements": list(recipe.requirements),
        "constraints": list(recipe.constraints),
        "python": recipe.python,
        "post_build": recipe.post_build and recipe.post_build.decode(),
        "start": recipe.start and recipe.start.decode(),
        "project": recipe.project,
        "read": list(recipe.read),
    }
    assert {key: shown[key] for key in expected} == expected


def meaning(**files: str) -> object:
    names = {name.replace("_", "."): text for name, text in files.items()}
    return read_repository(TextTree(names), "")[0].meaning()


def test_comments_order_and_spaces_mean_nothing():
    one = meaning(requirements_txt="numpy\npandas >= 2\n")
    other = meaning(requirements_txt="# why\npandas  >=  2   # new\n\nnumpy\n", notes_md="x")
    assert one == other
    assert one != meaning(requirements_txt="numpy\npandas >= 3\n")


def test_every_byte_of_postBuild_and_of_what_it_may_read_counts():
    one = meaning(postBuild="true\n", data_csv="1")
    assert one != meaning(postBuild="true \n", data_csv="1")
    assert one != meaning(postBuild="true\n", data_csv="2")


def test_a_folder_is_read_without_following_links(tmp_path):
    (tmp_path / "secret").write_text("numpy")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "requirements.txt").symlink_to(tmp_path / "secret")
    (repository / "binder").symlink_to(tmp_path)

    tree = FolderTree(repository)

    assert tree.kind("requirements.txt") == "link"
    assert tree.kind("binder/secret") == "link"
    assert tree.kind("nothing") is None
    with pytest.raises(OSError, match="symbolic link"):
        tree.read("requirements.txt", 100)
    _, problems = read_repository(tree, "")
    assert {problem.what for problem in problems} == {
        "`binder` is a link",
        "`requirements.txt` is a link",
    }


@pytest.mark.parametrize(
    ("name", "target", "why"),
    [
        ("out", "/etc/passwd", "it is a link that leads out of the repository"),
        ("up", "../../secret", "it is a link that leads out of the repository"),
        ("twice", "within", "it is a link that leads out of the repository"),
        ("odd\nname", None, "its name holds characters that cannot be shown"),
        ("bell\a", None, "its name holds characters that cannot be shown"),
    ],
)
def test_hostile_names_and_links_are_refused_where_the_repository_is_copied(
    tmp_path, name, target, why
):
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "postBuild").write_text("true")
    if name == "twice":
        (repository / "within").symlink_to("/etc")
    if target is None:
        (repository / name).write_text("x")
    else:
        (repository / name).symlink_to(target)
    with pytest.raises(TreeError) as caught:
        FolderTree(repository).digests()
    assert caught.value.why == why
    _, problems = read_repository(FolderTree(repository), "here/")
    assert [problem.code for problem in problems] == ["bad-repository-file"]


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "requirements.txt")
    _, problems = read_repository(FolderTree(tmp_path), "")
    assert [problem.what for problem in problems] == ["`requirements.txt` is not a file"]


def test_links_that_stay_inside_are_taken(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("1")
    (tmp_path / "b").symlink_to("data/a")
    assert FolderTree(tmp_path).digests()["b"] == "-> data/a"


def test_huge_repositories_are_refused_only_where_they_are_copied(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(300_000_000)
    (tmp_path / "requirements.txt").write_text("numpy")
    assert read_repository(FolderTree(tmp_path), "")[1] == []
    (tmp_path / "postBuild").write_text("true")
    problems = read_repository(FolderTree(tmp_path), "")[1]
    assert [problem.why for problem in problems] == ["Its files have more than 200 MB together."]
