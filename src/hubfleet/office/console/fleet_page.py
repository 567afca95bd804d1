"""The fleet page: every hub, filtered, grouped by cluster; what is waiting; what needs a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from hubfleet.fleet.model import Fleet
from hubfleet.kit.clock import now
from hubfleet.office.accounts.asking import require
from hubfleet.office.accounts.rights import Action
from hubfleet.office.console import objective_pages
from hubfleet.office.console.glance import STATES, Glance, Row, glance
from hubfleet.office.console.seeing import signed_in
from hubfleet.office.leaving.ending import open_endings
from hubfleet.office.ports import desk

CHECKED = ("down", "degraded")
"""States that the checks know, beside those that the platform shows."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the visitor asked for; empty for everything."""

    words: str = ""
    cluster: str = ""
    state: str = ""
    stage: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Filter:
        said = {name: request.GET.get(name, "")[:100].strip() for name in ("q", "cluster")}
        return cls(
            said["q"].lower(),
            said["cluster"],
            request.GET.get("state", "")[:20],
            request.GET.get("stage", "")[:20],
        )

    def takes(self, row: Row) -> bool:
        text = f"{row.hub} {row.title} {row.community_title} {row.url} {row.note}".lower()
        return (
            all(word in text for word in self.words.split())
            and self.cluster in ("", row.cluster)
            and self.stage in ("", row.stage)
            and (not self.state or _is(row, self.state))
        )


def _is(row: Row, state: str) -> bool:
    if state == "attention":
        return row.ails
    if state == "waiting":
        return bool(row.waiting)
    if state in CHECKED:
        return row.checked == state
    return row.state == state


@dataclass(frozen=True, slots=True)
class Group:
    """The hubs of one cluster or community."""

    name: str
    about: str
    rows: tuple[Row, ...]

    @property
    def people(self) -> int:
        return sum(row.users for row in self.rows)


@signed_in
def fleet(request: HttpRequest) -> HttpResponse:
    """`/fleet/`."""
    require(request, Action.SEE_FLEET)
    declared, seen, wanted = desk().fleet(), glance(), Filter.of(request)
    parts = prepared(seen, wanted, declared)
    values = {"glance": seen, "numbers": parts.numbers, "form": parts.form, "table": parts.table}
    return render(request, "console/fleet.html", values)


def tally(rows: Sequence[Row]) -> dict[str, int]:
    """The numbers at the top."""
    return {
        "hubs": len(rows),
        "running": sum(row.state == "running" for row in rows),
        "down": sum(row.checked == "down" for row in rows),
        "ailing": sum(row.ails for row in rows),
        "people": sum(row.users for row in rows),
    }


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page is made of, as HTML: the same for all who see it."""

    numbers: str
    form: str
    table: str


_prepared: dict[tuple[Filter, int], Parts] = {}


def prepared(seen: Glance, wanted: Filter, declared: Fleet) -> Parts:
    """The parts of the page, made once for each filter and state of the fleet."""
    key = (wanted, seen.version)
    known = _prepared.get(key)
    if known is None:
        if len(_prepared) > 50 or any(version != seen.version for _, version in list(_prepared)):
            _prepared.clear()
        known = _prepared[key] = _made(seen, wanted, declared)
    return known


def _made(seen: Glance, wanted: Filter, declared: Fleet) -> Parts:
    states = [
        *((name, name) for name in CHECKED),
        *((name, words) for name, (_, words) in STATES.items() if name != "unseen"),
    ]
    numbers = {
        "fleet": declared,
        "tally": tally(seen.rows),
        "objectives": objective_pages.of_fleet(declared),
        "endings": open_endings(),
    }
    groups = grouped([row for row in seen.rows if wanted.takes(row)], declared)
    return Parts(
        _html("fleet_numbers", numbers),
        _html("fleet_form", {"fleet": declared, "wanted": wanted, "states": states}),
        _html(
            "hub_table",
            {"groups": [(group, rendered(group.rows)) for group in groups], "all": seen.rows},
        ),
    )


def _html(part: str, values: dict[str, Any]) -> str:
    return str(get_template(f"console/parts/{part}.html").render(values))


def grouped(rows: Sequence[Row], declared: Fleet) -> list[Group]:
    """By cluster."""
    names = sorted({row.cluster for row in rows})
    groups = []
    for name in names:
        cluster = declared.clusters.get(name)
        about = (
            [cluster.file.platform, cluster.file.region, cluster.file.tenancy] if cluster else []
        )
        words = ", ".join(str(word) for word in about if word) or "not declared"
        groups.append(Group(name, words, tuple(row for row in rows if row.cluster == name)))
    return groups


def rendered(rows: Sequence[Row]) -> SafeString:
    """Table rows; those that did not change since the last time are not made again."""
    minute = now().replace(second=0, microsecond=0).isoformat()
    return mark_safe("".join(_row(row, minute) for row in rows))  # noqa: S308, templates escaped it


@lru_cache(maxsize=3000)
def _row(row: Row, _minute: str) -> str:
    """`_minute` makes ages in words follow the clock."""
    return str(get_template("console/parts/hub_row.html").render({"row": row}))
