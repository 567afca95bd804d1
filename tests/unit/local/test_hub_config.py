from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from hubfleet.fleet.model import Culling, HubValues, Limits, Profile
from hubfleet.platforms.local.hub import QUICK_WAITS, form, look_more_often
from hubfleet.platforms.local.hub.config import hub_config
from hubfleet.platforms.local.hub.culling import activity_interval, culling_period
from hubfleet.platforms.local.servers import home_folder, home_number
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
    ("interface", "url"), [("lab", "/lab"), ("notebook", "/tree"), ("/rstudio", "/rstudio")]
)
def test_the_interface_is_what_opens_first(interface: str, url: str) -> None:
    assert _config(interface=interface).Spawner.default_url == url


def test_members_of_allowed_groups_come_in_and_others_do_not() -> None:
    config = _config(
        access={"admins": ["ada"], "allow": {"users": ["bob"], "groups": ["class"]}},
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


def test_profiles_are_offered_to_their_groups_and_the_default_is_chosen() -> None:
    small, large = Profile(name="Small"), Profile(name="Large", groups=("class",), default=True)
    assert form.allowed_profiles((small, large), ()) == (small,)
    assert form.choose((small, large), None) is large
    assert form.choose((small,), None) is small
    assert form.choose((small, large), "small") is small
    with pytest.raises(LookupError, match=r"no profile 'large' for you\. Your profiles: small"):
        form.choose((small,), "large")


def test_a_profile_changes_only_the_limits_that_it_names() -> None:
    profile = Profile.model_validate({"name": "Large", "limits": {"memory": "8G"}})
    limits = form.effective_limits(Limits(memory="1G", cpu=2), profile)
    assert (limits.memory, limits.cpu) == ("8G", 2)


def test_names_on_the_page_are_escaped() -> None:
    page = form.options_form((Profile(name="<b>", description="a & b"),), Limits())
    assert "&lt;b&gt;" in page
    assert "a &amp; b<br>Memory: 1G, CPUs: 1" in page
    assert "<b>" not in page
    assert form.options_form((), Limits()) == ""
