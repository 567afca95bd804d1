"""Files of hubs that another version wrote, or that are damaged."""

from __future__ import annotations

import json

import pytest

from hubfleet.kit.errors import HubfleetError
from hubfleet.platforms.local.control_status import LocalStatus, read_status_without_keeper
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.observing import observe_hub
from hubfleet.platforms.local.spec import DamagedFileError, HubSecrets, HubSpec
from tests.unit.local.hub_databases import SECRETS, spec


@pytest.fixture
def state(tmp_path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def hub(state: StateFolder) -> HubFolder:
    folder = state.hub("ant/prod")
    folder.path.mkdir(parents=True)
    spec(3).write(folder.spec)
    SECRETS.write(folder.secrets)
    return folder


def status(state: StateFolder) -> LocalStatus:
    return read_status_without_keeper(state)


def test_what_another_version_added_is_left_out(hub):
    value = json.loads(hub.spec.read_text())
    hub.spec.write_text(json.dumps({**value, "field_of_a_newer_version": 1}))
    assert HubSpec.read(hub.spec) == spec(3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("[]", "it does not hold a mapping"),
        ('{"name": 7}', "`name` is a int"),
        ('{"name": "ant/prod"}', "missing 10 required positional arguments"),
    ],
)
def test_a_damaged_file_says_where_it_is_why_and_what_mends_it(hub, text, why):
    hub.spec.write_text(text)
    with pytest.raises(DamagedFileError) as caught:
        HubSpec.read(hub.spec)
    (problem,) = caught.value.problems
    assert problem.place == str(hub.spec)
    assert problem.what == "spec.json of ant/prod cannot be used"
    assert problem.why.startswith(why)
    assert problem.hint == (
        "run `hubfleet apply`, which writes it anew; "
        "where `apply` itself says this, delete the file first"
    )


def test_a_damaged_file_of_secrets_shows_none_of_them(hub):
    hub.secrets.write_text(json.dumps({"password": ["hidden"], "cookie_secret": "hidden"}))
    with pytest.raises(HubfleetError) as caught:
        HubSecrets.read(hub.secrets)
    assert "hidden" not in str(caught.value)


def test_a_hub_with_a_damaged_spec_is_shown_as_stopped_and_all_its_values_as_unknown(state, hub):
    hub.spec.write_text("{")
    seen = observe_hub(hub, status(state))
    assert (seen.state, seen.values, seen.cluster) == ("stopped", {}, "")
    assert seen.note.startswith("spec.json is damaged: Expecting property name")


def test_damaged_secrets_are_said_too(state, hub):
    hub.secrets.write_text("{}")
    seen = observe_hub(hub, status(state))
    assert seen.values == spec(3).flat
    assert seen.note.startswith("secrets.json is damaged: missing 6 required")
