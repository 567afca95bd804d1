"""Secret files as part of a fleet: layered, compared, explained; never opened to load or plan."""

from __future__ import annotations

import pytest

from hubfleet.fleet.load import FleetErrors, load_fleet
from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import Secret, filled, revealed, secrets_in
from hubfleet.planning.explain import plan_as_json
from hubfleet.planning.plan import make_plan
from tests.fleets import write_fleet
from tests.unit.fleet_secrets.keyring import identity_in, sealed

HUB = "communities/reef/hubs/prod.secret.yaml"
PASSWORD = "jupyterhub.config.SharedPasswordAuthenticator.user_password"


@pytest.fixture
def ada(tmp_path) -> Identity:
    return identity_in(tmp_path / "keys")


@pytest.fixture
def root(tmp_path):
    write_fleet(tmp_path / "fleet", {"reef/prod": {}, "reef/lab": {}})
    return tmp_path / "fleet"


def write_secret(root, file: str, key: str, value, identity: Identity) -> str:
    """A secret file with one value; gives the ciphertext back."""
    text = sealed(value, key, identity, file=file)
    *around, last = key.split(".")
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(around)]
    (root / file).write_text("\n".join([*lines, f"{'  ' * len(around)}{last}: {text}"]) + "\n")
    return text


def problems(root) -> list[str]:
    with pytest.raises(FleetErrors) as raised:
        load_fleet(root)
    return [str(problem) for problem in raised.value.problems]


def test_a_fleet_is_loaded_and_planned_without_any_key(root, ada, monkeypatch):
    monkeypatch.setenv("HUBFLEET_AGE_KEY_FILE", "/nowhere")
    text = write_secret(root, HUB, PASSWORD, "canary-7", ada)
    hub = load_fleet(root).hubs["reef/prod"]
    (secret,) = secrets_in(hub.values.model_dump())
    assert hub.effective[PASSWORD].value == secret.marked
    assert hub.effective[PASSWORD].layer == "hub"
    assert str(hub.effective[PASSWORD].place) == f"{HUB}:4:7"
    plan = plan_as_json(make_plan(load_fleet(root), []))
    assert secret.marked in str(plan)
    assert text not in str(plan)
    assert text not in str(hub)


def test_values_come_back_for_the_hub(root, ada):
    write_secret(root, HUB, PASSWORD, "canary-7", ada)
    values = load_fleet(root).hubs["reef/prod"].values
    ready = filled(values.model_dump(mode="json"), revealed(values.model_dump(), ada))
    assert ready["jupyterhub"]["config"]["SharedPasswordAuthenticator"] == {
        "user_password": "canary-7"
    }


def test_each_secret_file_lies_right_above_its_own(root, ada):
    write_secret(root, "fleet.secret.yaml", f"defaults.{PASSWORD}", "canary-1", ada)
    write_secret(root, HUB, PASSWORD, "canary-2", ada)
    hubs = load_fleet(root).hubs
    opened = {
        name: list(revealed(hub.values.model_dump(), ada).values()) for name, hub in hubs.items()
    }
    assert opened == {"reef/prod": ["canary-2"], "reef/lab": ["canary-1"]}
    assert hubs["reef/lab"].effective[PASSWORD].layer == "fleet"


def test_the_secret_of_a_sign_in_client_may_stand_here(root, ada):
    hub = root / "communities/reef/hubs/prod.yaml"
    hub.write_text("access: {sign_in: github, client: {id: some-id}}\n")
    write_secret(root, HUB, "access.client.secret", "canary-7", ada)
    values = load_fleet(root).hubs["reef/prod"].values.model_dump()
    assert list(revealed(values, ada).values()) == ["canary-7"]


def test_what_the_plan_must_read_cannot_be_secret(root, ada):
    write_secret(root, HUB, "limits.memory", "2G", ada)
    write_secret(root, "fleet.secret.yaml", "service.name", "x", ada)
    assert problems(root) == [
        "error[not-secret]: `limits.memory` cannot be secret\n"
        f"  --> {HUB}:2:3\n"
        "  why: The plan needs to read it.\n"
        "  hint: move it to communities/reef/hubs/prod.yaml",
        "error[not-secret]: `service.name` cannot be secret\n"
        "  --> fleet.secret.yaml:2:3\n"
        "  why: The plan needs to read it.\n"
        "  hint: move it to fleet.yaml",
    ]


def test_every_field_of_a_hub_refuses_or_takes_a_secret_and_none_breaks(root, ada):
    from hubfleet.fleet.model import HubValues

    secret = Secret("age:x", "at", ("x",), load_fleet(root).hubs["reef/prod"].place)
    for field in HubValues.model_fields:
        write_secret(root, HUB, field, "canary-7", ada)
        assert problems(root)[0].startswith(f"error[not-secret]: `{field}` cannot be secret")
    assert repr(secret) == "<secret>"


def test_a_secret_file_beside_nothing_is_told(root, ada):
    write_secret(root, "communities/reef/hubs/prd.secret.yaml", "a", "x", ada)
    assert problems(root) == [
        "error[secret-beside-nothing]: there is no `communities/reef/hubs/prd.yaml` beside this "
        "file\n"
        "  --> communities/reef/hubs/prd.secret.yaml\n"
        "  why: A secret file holds values of the file beside it.\n"
        "  hint: rename or delete it"
    ]


def test_what_hubfleet_owns_is_owned_in_secret_too(root, ada):
    write_secret(root, HUB, "jupyterhub.config.JupyterHub.cookie_secret", "x", ada)
    assert problems(root)[0].startswith("error[owned-setting]: `JupyterHub.cookie_secret`")


def test_a_plain_secret_is_one_problem_wherever_it_stands(root):
    path = root / "communities/reef/community.yaml"
    path.write_text(path.read_text() + "website: https://ada:canary-7@example.org\n")
    hub = root / "communities/reef/hubs/prod.yaml"
    hub.write_text(
        "jupyterhub: {config: {SharedPasswordAuthenticator: {user_password: canary-7}}}\n"
    )
    found = problems(root)
    assert [text.split("]")[0] for text in found] == ["error[secret-in-plain-file"] * 2
    assert "canary" not in str(found)
