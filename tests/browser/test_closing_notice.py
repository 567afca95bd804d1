"""Somebody works in JupyterLab while their hub is about to close: JupyterLab tells them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_notebook import sign_in
from tests.fleets import write_fleet
from tests.places import local_place

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("closing")
    fleet = folder / "fleet"
    write_fleet(fleet, {"ant/prod": {}})
    with local_place(folder / "state") as made:
        done = made.run("apply", "--yes", "--without-probes", fleet=fleet)
        assert done.returncode == 0, done.stderr
        yield made


def test_jupyterlab_tells_that_the_hub_closes_and_that_it_stays_after_all(place, page):
    platform = place.platform()
    sign_in(page, platform.door("ant/prod").url, "bo", platform.sign_in("ant/prod").password)
    page.wait_for_url("**/user/bo/lab**")
    expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=60_000)
    platform.close("ant/prod", 600)
    notice = page.locator(".Toastify__toast", has_text="This hub closes at ")
    expect(notice).to_be_visible(timeout=60_000)
    expect(notice).to_contain_text("Save your work")
    platform.reopen("ant/prod")
    expect(notice).not_to_be_visible(timeout=60_000)
