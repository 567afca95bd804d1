"""JSON Schema (2020-12) for each kind of file, so that editors complete and check as people type.

`hubfleet schema` writes them. An editor with the YAML language server reads the first line of a
file to find its schema:

    # yaml-language-server: $schema=../../schemas/hub.json

Editors see one file at a time: what the schema accepts can still be refused by `hubfleet validate`,
which sees the whole fleet.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from hubfleet.fleet.model import ClusterFile, CommunityFile, FleetFile, HubValues
from hubfleet.fleet.oncall import OnCallFile
from hubfleet.fleet.responsibilities import RESPONSIBILITIES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_KINDS: dict[str, tuple[type[BaseModel], str]] = {
    "fleet": (FleetFile, "fleet.yaml: the service and what all hubs share"),
    "cluster": (ClusterFile, "clusters/<cluster>.yaml: a place where hubs run"),
    "community": (CommunityFile, "communities/<community>/community.yaml: who hubs are for"),
    "hub": (HubValues, "communities/<community>/hubs/<hub>.yaml: one hub"),
    "oncall": (OnCallFile, "oncall.yaml: who is woken, and how it reaches them"),
}

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "fleet": [
        {
            "service": {
                "name": "Example Hubs",
                "operator": "Example Foundation",
                "contact": "hubs@example.org",
                "domain": "localhost",
            },
            "defaults": {"limits": {"memory": "1G", "cpu": 1}},
        }
    ],
    "cluster": [{"platform": "local", "region": "eu-west", "defaults": {"limits": {"cpu": 2}}}],
    "community": [
        {
            "name": "Earth Lab",
            "representatives": [
                {"name": "Ada Example", "email": "ada@example.org", "login": "ada"}
            ],
            "responsibilities": {"define-environment": "community"},
            "agreement": {"price_list": "2022-01", "start": "2022-02-01"},
        }
    ],
    "hub": [
        {
            "cluster": "reef",
            "stage": "production",
            "access": {"admins": ["ada"], "allow": {"users": ["ben"]}},
            "limits": {"memory": "2G", "cpu": 2},
            "culling": {"idle": "1h", "max_age": "7d"},
        }
    ],
    "oncall": [
        {
            "people": {
                "ada": {
                    "name": "Ada Example",
                    "email": "ada@example.org",
                    "timezone": "Europe/Berlin",
                },
                "ben": {"name": "Ben Example", "email": "ben@example.org"},
            },
            "rotations": {
                "primary": {"people": ["ada", "ben"], "every": "1w", "start": "2026-01-05"}
            },
            "escalation": {
                "P1": [{"to": "primary"}, {"to": "primary", "turn": "next", "after": "30m"}]
            },
        }
    ],
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of file: `fleet`, `cluster`, `community`, `hub`, `oncall`."""
    return {kind: _schema(kind, model, title) for kind, (model, title) in _KINDS.items()}


def _schema(kind: str, model: type[BaseModel], title: str) -> dict[str, Any]:
    schema = model.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    properties = schema["properties"]
    if "defaults" in properties:
        hub = HubValues.model_json_schema()
        definitions.update(hub.pop("$defs", {}))
        definitions["HubValues"] = _defaults(hub, kind)
        description = properties["defaults"]["description"]
        properties["defaults"] = {"$ref": "#/$defs/HubValues", "description": description}
    if "responsibilities" in properties:
        responsibilities = properties["responsibilities"]
        owner = responsibilities["additionalProperties"]
        # The operator's own items, which stand in another file, are open to an editor too.
        responsibilities["properties"] = {
            item.slug: {**owner, "description": f"{item.number}. {item.sentence}"}
            for item in RESPONSIBILITIES
        }
    _complete(schema)
    schema.update({"$schema": DIALECT, "title": title, "examples": EXAMPLES[kind]})
    return schema


def _defaults(hub: dict[str, Any], kind: str) -> dict[str, Any]:
    """Hub fields without those that a layer of this kind may not set."""
    refused = {"domain", "cluster"} if kind == "cluster" else {"domain"}
    kept = {key: value for key, value in hub["properties"].items() if key not in refused}
    return {**hub, "properties": kept}


def _complete(schema: dict[str, Any]) -> None:
    """What pydantic leaves out: described keys, closed free mappings, and `null`.

    `null` under an optional key clears what lower layers said.
    """
    for model in (schema, *schema["$defs"].values()):
        required = model.get("required", [])
        for name, field in model.get("properties", {}).items():
            if "description" not in field:
                definition = schema["$defs"][field["$ref"].rpartition("/")[2]]
                field["description"] = definition["description"]
            if "patternProperties" in field:
                field["additionalProperties"] = False
            if name not in required and {"type": "null"} not in field.get("anyOf", []):
                model["properties"][name] = _or_null(field)


def _or_null(field: dict[str, Any]) -> dict[str, Any]:
    notes = ("description", "default", "examples", "title")
    inner = {key: value for key, value in field.items() if key not in notes}
    outer = {key: value for key, value in field.items() if key in notes}
    return {**outer, "anyOf": [inner, {"type": "null"}]}
