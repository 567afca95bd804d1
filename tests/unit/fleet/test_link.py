"""Links for nbgitpuller, letter by letter."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.link import pull_link
from hubfleet.kit.errors import HubfleetError

HUB = "https://prod-reef.example.org"
REPOSITORY = "https://github.com/reef/lessons"
PULL = f"{HUB}/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Freef%2Flessons"


def test_a_link_opens_the_repository_in_the_lab() -> None:
    assert pull_link(HUB, REPOSITORY) == f"{PULL}&urlpath=lab%2Ftree%2Flessons"


def test_the_port_of_a_hub_and_its_last_slash_make_no_difference() -> None:
    link = pull_link("http://prod-reef.localhost:8000/", REPOSITORY)
    assert link.startswith("http://prod-reef.localhost:8000/hub/user-redirect/git-pull?repo=")


@pytest.mark.parametrize(
    ("interface", "opened"),
    [
        ("lab", "lab%2Ftree%2Flessons%2Fa%2Ffirst.ipynb"),
        ("notebook", "tree%2Flessons%2Fa%2Ffirst.ipynb"),
    ],
)
def test_a_file_is_opened_in_the_interface(interface: str, opened: str) -> None:
    link = pull_link(HUB, REPOSITORY, branch="main", path="a/first.ipynb", interface=interface)
    assert link == f"{PULL}&branch=main&urlpath={opened}"


@pytest.mark.parametrize(
    ("interface", "opened"),
    [("rstudio", "rstudio%2F"), ("/lab/tree/welcome.md", "lab%2Ftree%2Fwelcome.md")],
)
def test_an_interface_without_files_is_opened_as_it_is(interface: str, opened: str) -> None:
    assert pull_link(HUB, REPOSITORY, interface=interface) == f"{PULL}&urlpath={opened}"


def test_odd_letters_survive_the_page_that_sends_the_browser_on() -> None:
    path = "ä b/50% & #1?.ipynb"
    link = pull_link(HUB, REPOSITORY, branch="fix/it+2", path=path)
    assert link == (
        f"{PULL}&branch=fix%2Fit%2B2&urlpath=lab%2Ftree%2Flessons%2F"
        "%25C3%25A4%2520b%2F50%2525%2520%2526%2520%25231%253F.ipynb"
    )


@pytest.mark.parametrize("ending", [".git", "/", ".git/"])
def test_the_folder_is_named_like_the_repository(ending: str) -> None:
    query = parse_qs(urlsplit(pull_link(HUB, REPOSITORY + ending)).query)
    assert query["targetpath"] == ["lessons"]
    assert query["urlpath"] == ["lab/tree/lessons"]


@pytest.mark.parametrize(
    "repository",
    [
        "http://github.com/reef/lessons",
        "git@github.com:reef/lessons.git",
        "ssh://git@github.com/reef/lessons",
        "file:///etc",
        "https:///reef",
        "https://github.com",
        "https://github.com/..",
        "https://github.com/reef/lessons?x=1",
        "https://github.com/reef/lessons#main",
        "https://github.com/reef/le ssons",
        "https://github.com/reef/lessons\n",
        "https://github.com:port/reef/lessons",
        "https://[::1/reef",
        "",
    ],
)
def test_what_is_no_https_repository_is_refused(repository: str) -> None:
    with pytest.raises(HubfleetError) as refused:
        pull_link(HUB, repository)
    assert refused.value.problems[0].code == "bad-link"
    assert refused.value.problems[0].hint


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(HubfleetError) as refused:
        pull_link(HUB, "https://ada:canary@github.com/reef/lessons")
    assert str(refused.value) == (
        "error[bad-link]: the repository's address holds a user name or password\n"
        "  hint: leave it out"
    )


@pytest.mark.parametrize(
    "branch", ["", "-x", "a b", "a..b", "a~1", "a:b", "/a", "a/", "a.lock", "a\n"]
)
def test_what_git_takes_for_no_branch_is_refused(branch: str) -> None:
    with pytest.raises(HubfleetError, match="cannot be the name of a branch"):
        pull_link(HUB, REPOSITORY, branch=branch)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a//b", "", "."])
def test_a_path_stays_in_the_repository(path: str) -> None:
    with pytest.raises(HubfleetError, match="is not a path in the repository"):
        pull_link(HUB, REPOSITORY, path=path)


@pytest.mark.parametrize("interface", ["rstudio", "/lab"])
def test_what_cannot_open_a_file_says_so(interface: str) -> None:
    with pytest.raises(HubfleetError, match="cannot open a file by link"):
        pull_link(HUB, REPOSITORY, path="a.ipynb", interface=interface)


def test_an_unknown_interface_is_refused() -> None:
    with pytest.raises(HubfleetError, match="is no interface"):
        pull_link(HUB, REPOSITORY, interface="emacs")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1))
def test_every_file_name_comes_back_from_its_link(name: str) -> None:
    if name in {".", ".."}:
        return
    query = parse_qs(urlsplit(pull_link(HUB, REPOSITORY, path=name)).query)
    opened = urlsplit(f"{HUB}/{query['urlpath'][0]}").path
    assert unquote(opened) == f"/lab/tree/lessons/{name}"
