"""The table of features, each with the test that shows it; a test checks that the tests exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

LIST = Path(__file__).parents[1] / "reference" / "features.yaml"


def markdown() -> str:
    """One table for each area."""
    lines: list[str] = []
    for area in yaml.safe_load(LIST.read_text()):
        lines += [f"## {area['area']}", "", "| feature | local | Kubernetes | shown by |"]
        lines += ["|---|---|---|---|", *map(_row, area["features"]), ""]
    return "\n".join(lines)


def _row(feature: dict[str, Any]) -> str:
    if "not-planned" in feature:
        return f"| {feature['name']} | not planned | not planned | {feature['not-planned']} |"
    shown = feature.get("shown-by")
    local = feature.get("local", "yes" if shown else "no")
    local = {True: "yes", False: "no"}.get(local, local)
    kubernetes = feature.get("kubernetes", "no")
    kubernetes = {True: "yes", False: "no"}.get(kubernetes, kubernetes)
    tests = dict.fromkeys(filter(None, [shown, feature.get("rendered-by")]))
    why = feature.get("why-kubernetes")
    notes = [*(f"`{test}`" for test in tests), feature.get("why", "")]
    notes.append(f"Kubernetes: {why}" if why else "")
    return f"| {feature['name']} | {local} | {kubernetes} | {'; '.join(filter(None, notes))} |"
