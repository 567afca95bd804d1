"""The sign-in page as JupyterHub's own template engine makes it from the values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH

from hubfleet.platforms.kubernetes.rendering.values import render_values
from tests.unit.rendering.hubs import PINS, cluster_of, hub_of


def sign_in_page(fields: dict[str, Any]) -> str:
    """What people see, with the files that the hub's pod would find."""
    values = render_values(hub_of(fields), cluster_of(), PINS)["hub"]
    # As they arrive in the pod: through YAML.
    hub = yaml.safe_load(yaml.safe_dump(values))
    (folder,) = hub["templatePaths"]
    files = {
        one["mountPath"].removeprefix(f"{folder}/"): one["stringData"]
        for one in hub["extraFiles"].values()
        if one["mountPath"].startswith(folder)
    }
    own = FileSystemLoader(str(Path(DATA_FILES_PATH) / "templates"))
    loader = ChoiceLoader([PrefixLoader({"templates": own}), DictLoader(files), own])
    engine = Environment(loader=loader, autoescape=True)
    known = {
        "static_url": lambda path, **_: f"/hub/static/{path}",
        "url_path_join": lambda *parts: "/".join(parts),
        "base_url": "/hub/",
        "prefix": "/",
        "services": [],
        "parsed_scopes": [],
        "custom_html": "",
        "authenticator_login_url": "/hub/login?next=",
        "login_url": "/hub/login",
        "xsrf": "token",
    }
    return engine.get_template("login.html").render({**known, **hub["templateVars"]})


def test_people_see_whose_hub_it_is() -> None:
    page = {
        "about": "For **everyone** <script>",
        "announcement": "Closed on Friday",
        "operated_by": [{"name": "Us & them", "url": "https://us.example.org"}],
        "links": [{"name": "Help", "url": "https://help.example.org"}],
    }
    html = sign_in_page({"title": "Earth <Lab>", "page": page})
    assert "<h1>Earth &lt;Lab&gt;</h1>" in html
    assert "<p>For <strong>everyone</strong> &lt;script&gt;</p>" in html
    assert "Closed on Friday" in html
    assert '<a href="https://us.example.org">Us &amp; them</a>' in html
    assert '<a href="https://help.example.org">Help</a>' in html
    assert "--face-accent" in html


def test_a_hub_without_a_page_has_its_title() -> None:
    html = sign_in_page({"title": "Earth Lab"})
    assert "<h1>Earth Lab</h1>" in html
    assert "face-foot" not in html.split("</style>")[-1]
