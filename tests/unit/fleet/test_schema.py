"""The JSON Schemas: they accept what loads, and refuse what an editor can see is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hubfleet.fleet.schema import DIALECT, EXAMPLES, json_schemas
from hubfleet.fleet.yaml import read_yaml

GOOD = Path(__file__).parents[2] / "cases" / "good"
SCHEMAS = json_schemas()


def errors(kind: str, value: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[kind]).iter_errors(value)]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one_and_its_examples_fit(kind: str):
    Draft202012Validator.check_schema(SCHEMAS[kind])

    assert SCHEMAS[kind]["$schema"] == DIALECT
    assert all(errors(kind, example) == [] for example in EXAMPLES[kind])


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("fleet", "fleet.yaml"),
        ("cluster", "clusters/reef.yaml"),
        ("cluster", "clusters/atoll.yaml"),
        ("community", "communities/earth/community.yaml"),
        ("hub", "communities/earth/hubs/prod.yaml"),
        ("hub", "communities/moon/hubs/class.yaml"),
    ],
)
def test_sound_files_fit(kind: str, file: str):
    assert errors(kind, read_yaml(GOOD / file, file).value) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("hub", {"memory": "2G"}),
        ("hub", {"stage": "test"}),
        ("hub", {"limits": {"cpu": "two"}}),
        ("hub", {"access": {"admins": "ada"}}),
        ("hub", {"groups": {"The Team": []}}),
        ("fleet", {}),
        ("fleet", {**EXAMPLES["fleet"][0], "defaults": {"limts": {}}}),
        ("fleet", {**EXAMPLES["fleet"][0], "defaults": {"domain": "a.example.org"}}),
        ("cluster", {"platform": "docker"}),
        ("cluster", {"platform": "local", "defaults": {"cluster": "reef"}}),
        ("community", {**EXAMPLES["community"][0], "representatives": []}),
        (
            "community",
            {**EXAMPLES["community"][0], "responsibilities": {"define-environment": "nobody"}},
        ),
        ("community", {**EXAMPLES["community"][0], "defaults": {"limits": {"memory": True}}}),
    ],
)
def test_broken_files_do_not(kind: str, value: Any):
    assert errors(kind, value)


def test_null_clears_an_optional_key():
    assert errors("hub", {"limits": None, "culling": {"idle": None}, "interface": None}) == []


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_is_described(kind: str):
    schema = SCHEMAS[kind]
    for model in (schema, *schema["$defs"].values()):
        for name, field in model.get("properties", {}).items():
            assert field.get("description"), (kind, model.get("title"), name)
