"""Everything that `replicate audit` can find as Markdown, from the list itself."""

from __future__ import annotations

import re

from hubfleet.replicate.audit.kinds import KINDS, LEVELS, Kind

_WORD = re.compile(r"{([a-z]+)}")


def markdown() -> str:
    """One section for each level, one entry for each code."""
    parts = []
    for level in LEVELS:
        parts += [f"## {level}", ""]
        for kind in KINDS.values():
            if kind.levels[0] == level:
                parts += [*_entry(kind), ""]
    return "\n".join(parts)


def _entry(kind: Kind) -> list[str]:
    others = f" (or {', '.join(kind.levels[1:])})" if kind.levels[1:] else ""
    lines = [("what", kind.what), ("why", kind.why), ("hint", kind.cure)]
    said = [_WORD.sub(r"<\1>", f"{word}: {text}") for word, text in lines]
    return [f"### `{kind.code}`{others}", "", "```text", *said, "```"]
