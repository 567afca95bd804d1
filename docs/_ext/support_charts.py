"""The charts beside the hubs that hubfleet knows, from the code."""

from __future__ import annotations

from hubfleet.fleet.support import KNOWN


def markdown() -> str:
    """One line for each."""
    lines = ["| key | what | chart | from | namespace |", "|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | {one.what} | `{one.chart}` | `{one.repository}` | `{one.namespace}` |"
        for name, one in KNOWN.items()
    ]
    return "\n".join(lines)
