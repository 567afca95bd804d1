"""The matrix of rights as Markdown, from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable

from hubfleet.office.accounts.actions import COMMUNITY_SIDE, RULES, STAFF, Grant, Role

_LETTERS = {
    Grant.ALWAYS: "yes",
    Grant.DRIVEN: "by item",
    Grant.APPROVAL: "with approval",
    Grant.REQUEST: "ask",
}
_TITLES = {"service": "The service", "community": "A community", "hub": "A hub"}


def markdown() -> str:
    """For each level two tables: the community's side and the operator's."""
    parts: list[str] = []
    for where, title in _TITLES.items():
        parts += [f"## {title}", ""]
        sides: list[tuple[str, Iterable[Role]]] = [("Staff", STAFF)]
        if where != "service":
            sides.insert(0, ("People of the community", COMMUNITY_SIDE))
        for side, roles in sides:
            parts += [f"### {side}: {title.lower()}", "", *_table(where, tuple(roles)), ""]
    return "\n".join(parts)


def _table(where: str, roles: tuple[Role, ...]) -> list[str]:
    shown = [role.value.replace("-", " ") for role in roles]
    rows = [f"| act | driven by | {' | '.join(shown)} |", f"|---|---|{'---|' * len(roles)}"]
    for action, rule in RULES.items():
        if rule.where == where:
            cells = [_LETTERS.get(rule.grants.get(role), "-") for role in roles]  # type: ignore[arg-type]
            item = f"`{rule.item}`" if rule.item else ""
            rows.append(f"| `{action.value}` | {item} | {' | '.join(cells)} |")
    return rows
