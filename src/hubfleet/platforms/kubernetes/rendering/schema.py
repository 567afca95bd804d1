"""A hub's values against the rules of its chart, told with the file and line to blame.

Offline: the schema of the charts that hubfleet knows is part of it, and a chart in a folder brings
its own. For other versions the chart itself must be fetched, and Helm says the same later.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from hubfleet.fleet.kubernetes import Chart
from hubfleet.fleet.model import Hub
from hubfleet.kit.errors import HubfleetError, Place, Problem, failure
from hubfleet.platforms.kubernetes.rendering.entries import Rendered

FOLDER = Path(__file__).with_name("schemas")

KNOWN = {"4.3.3": "jupyterhub-4.4.0.json", "4.4.0": "jupyterhub-4.4.0.json"}
"""Versions of the Zero to JupyterHub chart and the files with their schemas."""

_MOST_SHOWN = 8
_MOST_BYTES = 5_000_000

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def _validator() -> Any:
    """Imported late: fleets without a Kubernetes cluster start without it.

    No chart asks for the `iri` format, whose library takes a second to build its grammar.
    """
    hidden = "rfc3987_syntax"
    known = hidden in sys.modules
    if not known:
        sys.modules[hidden] = None  # type: ignore[assignment]
    try:
        from jsonschema import Draft7Validator
    finally:
        if not known:
            del sys.modules[hidden]
    return Draft7Validator


class KnownRules:
    """The rules of every chart that a fleet in the folder `root` is made of, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[tuple[Chart, Path | None], ChartRules | None] = {}

    def of(self, chart: Chart, fetched: Path | None = None) -> ChartRules | None:
        """None for a chart that is not here; `fetched` is its archive, where there is one."""
        key = (chart, fetched)
        if key not in self._found:
            in_archive = schema_in(fetched) if fetched else None
            schema = in_archive or schema_of(chart, self._root)
            self._found[key] = None if schema is None else ChartRules(schema)
        return self._found[key]


def schema_in(archive: Path) -> Mapping[str, Any] | None:
    """The schema inside a fetched chart; None where it has none, or is no archive.

    Read in memory: nothing of the archive is written anywhere.
    """
    if not archive.is_file():
        return None
    try:
        with tarfile.open(archive) as chart:
            names = [name for name in chart.getnames() if name.count("/") == 1]
            name = next((n for n in names if n.endswith("/values.schema.json")), None)
            file = chart.extractfile(name) if name else None
            text = file.read(_MOST_BYTES) if file else b""
    except (tarfile.TarError, OSError) as error:
        raise _bad_schema(str(archive), str(error)) from None
    return _schema(text, str(archive)) if text else None


def _schema(text: str | bytes, place: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise _bad_schema(place, str(error)) from None
    return found


def _bad_schema(place: str, why: str) -> HubfleetError:
    return failure(
        "bad-chart-schema",
        "the chart's schema cannot be read",
        place=place,
        why=why,
        hint="mend or remove the file; a chart that was fetched is fetched again",
    )


def schema_of(chart: Chart, root: Path) -> Mapping[str, Any] | None:
    """The schema of a chart; None for one that is not here. `root` is the fleet's folder."""
    if chart.path is not None:
        file = root / chart.path / "values.schema.json"
        if not file.is_file():
            return None
        return _schema(file.read_text(encoding="utf-8"), f"{chart.path}/values.schema.json")
    if chart.name != "jupyterhub" or chart.version is None:
        return None
    name = KNOWN.get(chart.version.removeprefix("v"))
    return bundled(name) if name else None


@cache
def bundled(name: str = "jupyterhub-4.4.0.json") -> Mapping[str, Any]:
    """A schema that is part of hubfleet."""
    found: Mapping[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


class ChartRules:
    """A chart's schema, ready to judge the values of many hubs."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = _validator()(_completed_by_defaults(schema))

    def problems(self, rendered: Rendered, hub: Hub) -> list[Problem]:
        """What the chart would refuse of these values, in the order of their paths."""
        found = self._validator.iter_errors(rendered.values)
        errors = sorted(found, key=lambda error: [*map(str, error.path)])
        return [problem for error in errors for problem in _problems(error, rendered, hub)]


def _completed_by_defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without `required` where the chart's own values fill in what a hub leaves out."""
    found = {key: value for key, value in schema.items() if key != "required"}
    inner = found.get("properties")
    if isinstance(inner, Mapping):
        found["properties"] = {key: _completed_by_defaults(one) for key, one in inner.items()}
    return found


def _problems(error: Any, rendered: Rendered, hub: Hub) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(error.schema.get("properties", {}))
        for key in error.instance:
            if key not in known and not _by_pattern(key, error.schema):
                yield _unknown(path, str(key), known, rendered, hub)
        return
    what, hint = _words(error, _dotted(path))
    field = rendered.field_at(path)
    yield Problem("chart-refuses", what, place_of(hub, field), _why(field), hint)


def _by_pattern(key: str, schema: Mapping[str, Any]) -> bool:
    import re

    return any(re.search(pattern, key) for pattern in schema.get("patternProperties", {}))


def _unknown(
    path: tuple[str | int, ...], key: str, known: list[str], rendered: Rendered, hub: Hub
) -> Problem:
    full = (*path, key)
    field = rendered.field_at(full)
    return Problem(
        "chart-refuses",
        f"the chart has no value `{_dotted(full)}`",
        place_of(hub, field),
        _why(field),
        _cure(path, key, known),
    )


def _cure(path: tuple[str | int, ...], key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, 1)
    if near:
        return f"did you mean `{near[0]}`?"
    if not path and key == "jupyterhub":
        return "write what is below `jupyterhub` one level higher: the chart is no sub-chart here"
    shown = ", ".join(known[:_MOST_SHOWN])
    more = f" and {len(known) - _MOST_SHOWN} more" if len(known) > _MOST_SHOWN else ""
    return f"known{f' in `{_dotted(path)}`' if path else ''}: {shown}{more}"


def _words(error: Any, name: str) -> tuple[str, str]:
    rule = error.validator_value
    if error.validator == "type":
        kinds = [rule] if isinstance(rule, str) else list(rule)
        expected = " or ".join(_TYPES[kind] for kind in kinds if kind != "null")
        return f"the chart wants {expected} at `{name}`", f"write {expected}"
    if error.validator == "enum":
        listed = ", ".join(str(one) for one in rule if one)
        return f"the chart does not take {error.instance!r} at `{name}`", f"write one of: {listed}"
    if error.validator == "required":
        missing = next((key for key in rule if key not in error.instance), "")
        return f"the chart misses `{missing}` at `{name}`", f"add `{missing}`"
    return f"the chart refuses what is at `{name}`: {error.message}", "see the chart's reference"


def _why(field: str) -> str:
    if not field:
        return "hubfleet rendered it: this version of the chart is not one that it knows."
    if field.startswith("helm_values."):
        return ""
    return f"It was made of `{field}`."


def place_of(hub: Hub, field: str) -> Place:
    """Where a field, or what is above or below it, was written; else the hub's file."""
    parts = field.split(".")
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        found = hub.effective.get(key)
        if found is not None and found.place is not None:
            return found.place
        below = (e.place for k, e in hub.effective.items() if k.startswith(f"{key}.") and e.place)
        if (place := next(below, None)) is not None:
            return place
    return hub.place


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
