"""A report as PDF. Its values reach the typesetter as data and never as markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubfleet.kit.errors import failure

TEMPLATE = Path(__file__).parent / "report.typ"


def pdf(value: Mapping[str, Any]) -> bytes:
    """Of `reports.as_value`, always the same bytes; raises `documents-not-installed`."""
    try:
        import typst
    except ModuleNotFoundError:
        raise failure(
            "documents-not-installed",
            "hubfleet cannot make a PDF: typst is missing",
            why="it comes with the extra `documents`",
            hint="install hubfleet with it: pip install 'hubfleet[documents]'",
        ) from None
    # Fonts of the machine would make other bytes on another machine.
    made = typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(value, ensure_ascii=False)},
    )
    assert isinstance(made, bytes)
    return made
