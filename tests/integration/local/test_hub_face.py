"""A hub's face, as a browser gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.local.standing_hub import PASSWORD, Person, Proxy, StandingHub
from tests.integration.local.visitors import Arrival, hub_with, visiting
from tests.integration.oidc_provider import provider

pytestmark = pytest.mark.integration

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4" cx="4"/></svg>'
PAGE = {
    "about": "For **people** who <b>count</b> birds.",
    "announcement": "Closed on [Sunday](https://news.example/?a=1&b=2).",
    "designed_by": [{"name": "Design & Co", "url": "https://design.example"}],
    "operated_by": [{"name": "The Operators"}],
    "funded_by": [{"name": "Fund <1>"}, {"name": "Fund 2", "url": "https://fund.example"}],
    "links": [{"name": "Help", "url": "https://help.example"}],
}


async def test_people_see_whose_hub_it_is_before_and_after_they_sign_in(tmp_path: Path) -> None:
    proxy = Proxy()
    proxy.start()
    hub = StandingHub(tmp_path, proxy)
    hub.folder.page.mkdir()
    (hub.folder.page / "bird.svg").write_text(SVG)
    hub.declare(page=PAGE)
    spec = hub.folder.spec.read_text()
    hub.folder.spec.write_text(spec.replace('"logo": null', '"logo": "bird.svg"'))
    person = Person(hub, "ada")
    try:
        hub.start()
        await hub.ready()
        async with person.session.get(hub.url + "hub/login") as answer:
            page = await answer.text()
        arrival = Arrival(answer.status, answer.url.path, page)
        assert "<strong>people</strong> who &lt;b&gt;count&lt;/b&gt; birds." in page
        assert 'href="https://news.example/?a=1&amp;b=2"' in page
        for words in ("Earth & <Moon>", "Designed by Design & Co", "Funded by Fund <1> Fund 2"):
            assert words in arrival.words
        assert '<label for="username_input">' in page
        async with person.session.get(hub.url + "hub/logo") as logo:
            assert logo.headers["Content-Type"] == "image/svg+xml"
            assert await logo.text() == SVG
        _, refused = await person.sign_in("wrong")
        assert 'role="alert"' in refused
        _, home = await person.sign_in(PASSWORD)
        assert "Closed on" in home
        assert "The Operators" in home
        async with person.session.get(hub.url + "hub/nowhere") as missing:
            assert missing.status == 404
            assert "There is no such page" in await missing.text()
    finally:
        await person.close()
        hub.stop()
        proxy.stop()


async def test_a_declared_face_is_shown_before_people_go_to_their_provider(tmp_path: Path) -> None:
    async with provider(ada={"preferred_username": "ada"}) as running:
        oidc = {"name": "Campus", "issuer": running.url}
        access = {"sign_in": "oidc", "client": {"id": "the-hub"}, "admins": ["ada"], "oidc": oidc}
        async with (
            hub_with(tmp_path, running, access=access, page=PAGE) as hub,
            visiting(hub, "ada") as ada,
        ):
            first = await ada.get("/hub/login")
            assert (first.status, first.path) == (200, "/hub/login")
            assert "Sign in with Campus" in first.words
            assert "/authorize" not in running.asked
