"""Golden values: what each declared field becomes, and that every field has its place."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.fleet.layers import flatten
from hubfleet.fleet.model import HubValues
from hubfleet.fleet.page import Logo
from hubfleet.platforms.kubernetes.rendering import values as values_module
from hubfleet.platforms.kubernetes.rendering.entries import Rendered, leaves
from hubfleet.platforms.kubernetes.rendering.mapping import MAPPING, OUR_OWN
from hubfleet.platforms.kubernetes.rendering.pins import CONSOLE_SECRET, Pins, is_placeholder
from hubfleet.platforms.kubernetes.rendering.storage import companions
from hubfleet.platforms.kubernetes.rendering.values import DECIDING, render, render_values
from tests.unit.rendering.hubs import PINS, cluster_of, hub_of

CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "cases" / "values" / "fields.yaml").read_text(encoding="utf-8")
)


def rendered(case: Mapping[str, Any]) -> Rendered:
    return render(hub_of(case["hub"]), cluster_of(case.get("kubernetes", {})), PINS)


@pytest.mark.parametrize("case", CASES, ids=[case["about"] for case in CASES])
def test_a_field_becomes_its_values(case: dict[str, Any]) -> None:
    found = dict(leaves(rendered(case).values))
    for path, value in leaves(case["values"]):
        if path:
            assert found.get(path, "nothing") == value, ".".join(path)
    for absent in case.get("absent", ()):
        path = tuple(absent.split("."))
        assert not [known for known in found if known[: len(path)] == path], absent


def test_the_same_hub_gives_the_same_values_in_the_same_order() -> None:
    hub, cluster = hub_of({"groups": {"b": ["x"], "a": ["y"]}}), cluster_of()
    first, second = (yaml.safe_dump(render_values(hub, cluster, PINS)) for _ in range(2))
    assert first == second


def test_every_field_of_a_hub_has_its_place_in_the_table() -> None:
    fields = {".".join(path) for path in flatten(HubValues().model_dump(mode="json"))}
    fields |= set(HubValues.model_fields)
    beginnings = {key for field in MAPPING for key in _beginnings(field)}
    missing = [f for f in fields if f not in beginnings and not _below(f, MAPPING)]
    assert missing == []


def test_the_table_says_where_every_value_comes_from() -> None:
    for case in CASES:
        found = rendered(case)
        for path, field in found.origins.items():
            told = [*OUR_OWN] if not field else [*_paths_of(field), *OUR_OWN]
            name = ".".join(path)
            cluster = bool(case.get("kubernetes"))
            known = any(_covers(pattern, name) for pattern in told)
            assert known or cluster, f"{name} of {field or 'nobody'}"


def test_every_field_with_values_is_shown_by_a_case() -> None:
    shown = {field for case in CASES for field in rendered(case).origins.values()}
    for field, (paths, _) in MAPPING.items():
        if paths:
            # An environment is shown within the profiles that choose it.
            seen = any(one == field or one.startswith(f"{field}.") for one in shown)
            assert seen or field == "environments", field


def test_a_logo_is_carried_in_the_values() -> None:
    hub = replace(hub_of({}), logo=Logo(Path("page/logo.svg"), "0a1b.svg"))
    values = render_values(hub, cluster_of(), PINS, b"<svg/>")
    file = values["hub"]["extraFiles"]["hubfleet-logo"]
    assert base64.b64decode(file["binaryData"]) == b"<svg/>"
    assert file["mountPath"] == "/usr/local/share/hubfleet/0a1b.svg"
    assert values["hub"]["config"]["JupyterHub"]["logo_file"] == file["mountPath"]
    assert values["hub"]["templateVars"]["face"]["logo"] is True


def test_the_console_alone_says_who_comes_in() -> None:
    access = {"sign_in": "console", "admins": ["ada"], "everyone": True}
    pins = replace(PINS, declared={CONSOLE_SECRET: "console-secret"})
    config = render_values(hub_of({"access": access}), cluster_of(), pins)["hub"]["config"]
    assert config["JupyterHub"]["authenticator_class"] == "generic-oauth"
    assert config["Authenticator"]["admin_users"] == config["Authenticator"]["allowed_users"] == []
    assert config["Authenticator"]["allow_all"] is False
    client = config["GenericOAuthenticator"]
    assert client["client_id"] == "earth-lab/prod"
    assert client["client_secret"] == "console-secret"
    assert client["authorize_url"] == "https://console.example.org/identity/authorize"
    assert client["token_url"] == "https://console.example.org/identity/token"
    assert client["userdata_url"] == "https://console.example.org/identity/userinfo"
    assert (client["allowed_groups"], client["admin_groups"]) == (["hub-users"], ["hub-admins"])


def test_placeholders_stand_for_every_secret_and_for_nothing_else() -> None:
    values = render_values(hub_of({}), cluster_of(), Pins.placeholders())
    secret = {".".join(path) for path, value in leaves(values) if _has_placeholder(value)}
    assert secret == {
        "proxy.secretToken",
        "hub.config.JupyterHub.cookie_secret",
        "hub.config.CryptKeeper.keys",
        "hub.services.office.apiToken",
        "hub.services.meter.apiToken",
        "hub.services.probe.apiToken",
        "hub.config.SharedPasswordAuthenticator.user_password",
        "hub.config.SharedPasswordAuthenticator.admin_password",
    }


def test_pins_are_not_shown_by_accident() -> None:
    pins = Pins.made({"<secret 0>": "deep"})
    assert repr(pins) == str(pins) == "Pins(...)"
    assert Pins.read(pins.as_json()) == pins
    assert Pins.made().proxy_token != pins.proxy_token


def test_the_claim_of_shared_folders_comes_with_the_hub() -> None:
    hub = hub_of({"storage": {"shared": True}})
    (claim,) = companions(hub, cluster_of({"shared_storage_class": "nfs"}))
    assert claim["metadata"]["name"] == "hubfleet-shared"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "nfs"
    assert companions(hub, cluster_of()) == []


def _has_placeholder(value: Any) -> bool:
    return any(map(is_placeholder, value)) if isinstance(value, list) else is_placeholder(value)


def _beginnings(field: str) -> Iterator[str]:
    parts = field.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _below(field: str, table: Mapping[str, Any]) -> bool:
    return any(field.startswith(f"{known}.") for known in table)


def _paths_of(field: str) -> list[str]:
    for known in reversed(list(_beginnings(field))):
        if known in MAPPING:
            return list(MAPPING[known][0])
    return []


def _covers(pattern: str, name: str) -> bool:
    pattern = pattern.partition("[]")[0]
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def test_the_files_that_decide_are_those_that_rendering_reads() -> None:
    """Another way to render is a change of every hub; another way to write files is none."""
    folder = Path(values_module.__file__).parent
    room = "hubfleet.platforms.kubernetes.rendering."
    read, pending = set(), ["values.py"]
    while pending:
        name = pending.pop()
        read.add(name)
        text = (folder / name).read_text()
        named = {word + ".py" for word in re.findall(rf"from {re.escape(room)}(\w+) import", text)}
        pending += sorted(named - read)
    # Pins are values, not a way to render them.
    assert read - {"pins.py"} == {name for name in DECIDING if not name.startswith("inside/")}
