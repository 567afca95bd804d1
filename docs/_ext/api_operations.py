"""The API as Markdown, from its own description."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def description() -> dict[str, Any]:
    """What `/api/openapi.json` answers."""
    from django.conf import settings

    if not settings.configured:
        from hubfleet.office.site.launch import Launch, start

        with tempfile.TemporaryDirectory() as folder:
            start(Launch(Path(folder), "http://localhost:8010", "0"))
    from hubfleet.office.api.description import api

    return dict(api.get_openapi_schema())


def markdown() -> str:
    """A table of operations, then what each body holds."""
    found = description()
    rows = ["| operation | what it does | sends | answers |", "|---|---|---|---|"]
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            what = " ".join(operation.get("description", "").split())
            sends = _name(operation.get("requestBody", {}).get("content", {}))
            answers = _name(operation["responses"].get("200", {}).get("content", {})) or "nothing"
            rows.append(
                f"| `{method.upper()} {path}` | {what} | {sends or 'nothing'} | {answers} |"
            )
    return "\n".join([*rows, "", *_shapes(found["components"]["schemas"])])


def _name(content: dict[str, Any]) -> str:
    schema = content.get("application/json", {}).get("schema", {})
    reference = schema.get("$ref", "")
    return f"`{reference.rpartition('/')[2]}`" if reference else "JSON" if schema else ""


def _shapes(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        fields = schema.get("properties", {})
        if not fields:
            continue
        required = set(schema.get("required", ()))
        yield f"`{name}`"
        named = (f"`{key}`{'' if key in required else ' (may be left out)'}" for key in fields)
        yield f": {', '.join(named)}"
        yield ""
