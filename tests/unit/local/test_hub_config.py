from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import Culling, HubValues
from hubfleet.platforms.local.hub import QUICK_WAITS, form, look_more_often
from hubfleet.platforms.local.hub.arguments import server_arguments
from hubfleet.platforms.local.hub.config import hub_config
from hubfleet.platforms.local.hub.culling import activity_interval, culling_period
from hubfleet.platforms.local.servers import home_folder, home_number, server_key
from hubfleet.platforms.local.spec import HubSecrets, HubSpec

SECRETS = HubSecrets("c" * 64, "password of all", "a" * 40, "probe", "culler", "proxy")


def _config(folder: Path = Path("/state/hubs/earth/prod"), **values: Any) -> Any:
    spec = HubSpec(
        name="earth/prod",
        cluster="reef",
        revision=3,
        domain="prod-earth.localhost",
        title="Earth",
        url="http://prod-earth.localhost:8000/",
        port=9001,
        proxy_api="http://127.0.0.1:8001",
        proxy_port=8000,
        flat={},
        values=HubValues.model_validate(values).model_dump(mode="json"),
    )
    return hub_config(spec, SECRETS, folder)


def test_the_waits_that_are_shortened_exist_in_this_jupyterhub() -> None:
    from jupyterhub import utils

    look_more_often()
    parameters = inspect.signature(utils.exponential_backoff).parameters
    assert {name: parameters[name].default for name in QUICK_WAITS} == QUICK_WAITS
    assert parameters["timeout"].default == 10
    assert parameters["timeout_tolerance"].default == 0.1


def test_another_jupyterhub_with_other_waits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyterhub import utils

    async def exponential_backoff(pass_func, fail_message, first_wait=1): ...

    monkeypatch.setattr(utils, "exponential_backoff", exponential_backoff)
    with pytest.raises(RuntimeError, match="other parameters: first_wait"):
        look_more_often()


def test_the_pass_through_is_applied_last() -> None:
    config = _config(
        jupyterhub={
            "config": {
                "JupyterHub": {"last_activity_interval": 7},
                "Spawner": {"default_url": "/voila", "environment": {"A": "1"}},
            }
        }
    )
    assert config.JupyterHub.last_activity_interval == 7
    assert config.Spawner.default_url == "/voila"
    assert config.Spawner.environment["A"] == "1"
    assert config.JupyterHub.cleanup_servers is False


@pytest.mark.parametrize(
    ("interface", "url"),
    [("lab", "/lab"), ("notebook", "/tree"), ("rstudio", "/rstudio"), ("/voila", "/voila")],
)
def test_the_interface_is_what_opens_first(interface: str, url: str) -> None:
    assert _config(interface=interface).Spawner.default_url == url


def test_members_of_allowed_groups_come_in_and_others_do_not() -> None:
    config = _config(
        access={
            "sign_in": "shared-password",
            "admins": ["ada"],
            "allow": {"users": ["bob"], "groups": ["class"]},
        },
        groups={"class": ["eve"], "other": ["mallory"]},
    )
    assert config.Authenticator.allowed_users == {"ada", "bob", "eve"}
    assert config.Authenticator.allow_all is False


def test_culling_that_is_off_brings_no_token() -> None:
    config = _config(culling={"idle": "0s", "max_age": "0s"})
    assert [service["name"] for service in config.JupyterHub.services] == ["probe"]
    assert len(_config().JupyterHub.services) == 2


@pytest.mark.parametrize(
    ("idle", "oldest", "period"),
    [("1h", "7d", 300), ("0s", "0s", None), ("0s", "60s", 30), ("1s", "0s", 1)],
)
def test_the_culler_looks_twice_in_the_shortest_time(
    idle: str, oldest: str, period: int | None
) -> None:
    assert culling_period(Culling(idle=idle, max_age=oldest)) == period


def test_activity_is_reported_well_within_the_idle_time() -> None:
    assert activity_interval(Culling(idle="1h")) == 60
    assert activity_interval(Culling(idle="30s")) == 10


def test_nobody_ever_gets_the_home_of_another(tmp_path: Path) -> None:
    odd = ["ada", "a/da", "a.da", "ADA", "../ada", "ada "]
    numbers = [home_number(tmp_path, name) for name in odd]
    assert len(set(numbers)) == len(odd)
    assert [home_number(tmp_path, name) for name in odd] == numbers


def test_a_lost_map_of_homes_never_gives_away_an_old_home(tmp_path: Path) -> None:
    home_folder(tmp_path, home_number(tmp_path, "ada"))
    (tmp_path / "homes.json").unlink()
    assert home_number(tmp_path, "bob") == 2


def test_a_damaged_map_of_homes_is_not_guessed_around(tmp_path: Path) -> None:
    (tmp_path / "homes.json").write_text("{")
    with pytest.raises(ValueError, match="Expecting"):
        home_number(tmp_path, "ada")


def test_names_on_the_page_are_escaped() -> None:
    profile = {
        "name": "<b>",
        "description": "a & b",
        "options": [{"name": '"><script>', "choices": [{"name": "<i>", "default": True}]}],
    }
    values = HubValues.model_validate({"profiles": [profile]})
    page = form.options_form(values.profiles, values)
    assert "&lt;b&gt;" in page
    assert "a &amp; b<br>1 GB of memory, 1 CPU<" in page
    assert "&lt;i&gt;</option>" in page
    assert all(hostile not in page for hostile in ("<b>", "<script>", "<i>"))
    assert form.options_form((), values) == ""


def test_every_field_of_the_page_has_a_label() -> None:
    choices = [{"name": "4 GB"}, {"name": "8 GB", "default": True}]
    profile = {"name": "Large", "options": [{"name": "Memory", "choices": choices}]}
    values = HubValues.model_validate({"profiles": [profile]})
    page = form.options_form(values.profiles, values)
    fields = set(re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', page))
    assert fields == {"profile-large", "profile-option-large--memory"}
    assert fields == set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    assert '<option value="8-gb" selected>8 GB</option>' in page


def test_the_form_is_read_as_scripts_would_send_it() -> None:
    sent = {
        "profile": ["large"],
        "profile-option-large--memory": ["8-gb"],
        "profile-option-small--memory": ["1-gb"],
        "_xsrf": ["x"],
    }
    assert form.options_from_form(sent) == {"profile": "large", "memory": "8-gb"}
    assert form.options_from_form({"_xsrf": ["x"]}) == {}
    assert form.options_from_form({"profile": []}) == {}
    # Nothing that is sent can take the place of the profile itself.
    twice = {"profile": ["small"], "profile-option-small--profile": ["large"]}
    assert form.options_from_form(twice) == {"profile": "small"}


def test_the_switches_become_arguments_that_nobody_can_override() -> None:
    assert server_arguments(HubValues())[0] == "--KernelManager.transport=ipc"
    assert not any("terminals" in word or "cull" in word for word in server_arguments(HubValues()))
    values = HubValues.model_validate(
        {"terminals": False, "downloads": False, "culling": {"kernels": "30m"}}
    )
    assert {
        "--ServerApp.terminals_enabled=False",
        "--FileContentsManager.files_handler_class=person_server.ImagesOnly",
        "--MappingKernelManager.cull_idle_timeout=1800",
        "--MappingKernelManager.cull_interval=300",
    } < set(server_arguments(values))


def test_named_servers_are_off_unless_a_number_is_declared() -> None:
    assert _config().JupyterHub.allow_named_servers is False
    config = _config(named_servers=3)
    assert config.JupyterHub.allow_named_servers is True
    assert config.JupyterHub.named_server_limit_per_user == 3


def test_only_collaboration_lets_people_share_their_servers() -> None:
    def scopes_of_everybody(**values: Any) -> list[str]:
        roles = _config(**values).JupyterHub.load_roles
        return next((role["scopes"] for role in roles if role["name"] == "user"), [])

    assert scopes_of_everybody() == []
    assert "shares!user" in scopes_of_everybody(collaboration=True)


@pytest.mark.parametrize("name", ["../1", "a/b", "A", "x" * 40, "-a", "a-", "1.json", " "])
def test_a_servers_name_never_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a server"):
        server_key(3, name)


def test_a_servers_key_tells_whose_it_is() -> None:
    assert (server_key(3), server_key(3, "gpu-2")) == ("3", "3-gpu-2")
