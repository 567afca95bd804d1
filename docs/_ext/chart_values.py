"""What declared fields become in the chart's values, as tables, from the code that renders them."""

from __future__ import annotations

from hubfleet.platforms.kubernetes.rendering.mapping import MAPPING, OF_THE_CLUSTER, OUR_OWN


def markdown() -> str:
    """Fields of hubs, fields of clusters, and hubfleet's own."""
    lines = ["## Fields of a hub", "", "| field | values of the chart | note |", "|---|---|---|"]
    for field, (paths, note) in MAPPING.items():
        lines.append(f"| `{field}` | {_listed(paths) or 'none'} | {note} |")
    lines += ["", "## Fields of a cluster", "", "| field of `kubernetes` | values of the chart |"]
    lines.append("|---|---|")
    lines += [f"| `{field}` | {_listed(paths)} |" for field, paths in OF_THE_CLUSTER.items()]
    lines += ["", "## What hubfleet sets in every hub", "", "| value of the chart | why |"]
    lines.append("|---|---|")
    lines += [f"| `{path}` | {why} |" for path, why in OUR_OWN.items()]
    return "\n".join(lines)


def _listed(paths: tuple[str, ...]) -> str:
    return ", ".join("all" if path == "*" else f"`{path}`" for path in paths)
