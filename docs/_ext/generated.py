"""Reference pages from the code: fields, commands, error codes, the state folder.

A page holds a line such as `<!-- generated: fields -->`; when Sphinx reads it, the line becomes
the Markdown of the function with that name here. Nothing is copied by hand, nothing gets stale.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import api_operations
import audit_kinds
import chart_values
import commands
import error_codes
import features
import fields
import rights
import support_charts

from hubfleet.fleet.responsibilities import RESPONSIBILITIES
from hubfleet.platforms.local.folders import HubFolder, StateFolder

SOURCE = Path(__file__).parents[2] / "src" / "hubfleet"
_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def state_folder() -> str:
    """Every path of the state folder, as the code computes it."""
    state = StateFolder(Path("STATE"))
    hub = HubFolder(Path("STATE/hubs/<community>/<hub>"))
    rows = ["| path | what |", "|---|---|"]
    for owner in (state, hub):
        for name, member in vars(type(owner)).items():
            if not isinstance(member, property):
                continue
            value = getattr(owner, name)
            if isinstance(value, Path):
                what = member.__doc__ or name.replace("_", " ")
                rows.append(f"| `{value}` | {' '.join(what.split())} |")
    return "\n".join(rows)


def responsibilities() -> str:
    """The items of the shared responsibility model and who owns them by default."""
    rows = ["| item | what | default owner |", "|---|---|---|"]
    rows += [f"| `{i.slug}` | {i.sentence} | {i.default_owner} |" for i in RESPONSIBILITIES]
    return "\n".join(rows)


PAGES: dict[str, Callable[[], str]] = {
    "chart_values": chart_values.markdown,
    "support_charts": support_charts.markdown,
    "api": api_operations.markdown,
    "audit": audit_kinds.markdown,
    "fields": fields.markdown,
    "rights": rights.markdown,
    "commands": commands.markdown,
    "errors": lambda: error_codes.markdown(SOURCE),
    "features": features.markdown,
    "responsibilities": responsibilities,
    "state_folder": state_folder,
}


def _fill(_app: Any, _name: str, source: list[str]) -> None:
    source[0] = _MARK.sub(lambda mark: PAGES[mark[1]](), source[0])


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
