"""A person opens a hub in a browser, signs in, and draws a plot in a notebook in JupyterLab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fleets import write_fleet
from tests.places import local_place

pytestmark = pytest.mark.browser

CODE = "import matplotlib.pyplot as plt; line = plt.plot([1, 4, 2, 8]); print(6 * 7)"


def notebook(code: str) -> str:
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "plot",
        "metadata": {},
        "outputs": [],
        "source": code,
    }
    kernel = {"name": "python3", "display_name": "Python 3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    fleet = folder / "fleet"
    write_fleet(fleet, {"ant/prod": {"environment": {"packages": ["matplotlib"]}}})
    with local_place(folder / "state") as made:
        done = made.run("apply", "--yes", fleet=fleet)
        assert done.returncode == 0, done.stderr
        yield made


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(url)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_notebook_with_a_plot_runs_in_jupyterlab(place, page, tmp_path):
    platform = place.platform()
    url = platform.door("ant/prod").url
    sign_in(page, url, "bo", platform.sign_in("ant/prod").password)
    page.wait_for_url("**/user/bo/lab**")
    folder = place.state.hub("ant/prod")
    number = json.loads((folder.path / "homes.json").read_text())["bo"]
    home: Path = folder.homes / str(number)
    (home / "plot.ipynb").write_text(notebook(CODE))
    page.goto(f"{url}user/bo/lab/tree/plot.ipynb")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-editor").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output pre").first).to_have_text("42\n")
    picture = page.locator(".jp-RenderedImage img")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 300, "a plot is drawn"
    page.screenshot(path=str(tmp_path / "plot.png"))
    assert_no_news(page)


def assert_no_news(page: Page) -> None:
    """JupyterLab asks a new person whether they want news of its makers, unless told not to."""
    config = json.loads(page.locator("#jupyter-config-data").text_content() or "{}")
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    expect(page.get_by_text("official Jupyter news")).to_have_count(0)


def test_a_wrong_password_is_refused_in_words(place, page):
    sign_in(page, place.platform().door("ant/prod").url, "bo", "not the password")
    expect(page.get_by_text("Invalid username or password")).to_be_visible()


def test_nobody_of_another_hub_is_reached_by_the_cookies_of_this_one(place, page):
    platform = place.platform()
    url = platform.door("ant/prod").url
    sign_in(page, url, "cy", platform.sign_in("ant/prod").password)
    page.wait_for_url("**/user/cy/**")
    names = {cookie["domain"] for cookie in page.context.cookies()}
    assert names == {"prod-ant.localhost"}
