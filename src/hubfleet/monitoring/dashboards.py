"""Two Grafana dashboards: the fleet at a glance, and one hub."""

from __future__ import annotations

from typing import Any

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_SPAWNS = "jupyterhub_server_spawn_duration_seconds"
_ASKED = "jupyterhub_request_duration_seconds_count"
_ALL = 'job="hub", community=~"$community"'
_ONE = 'job="hub", hub="$hub"'

Panel = tuple[str, str, str, list[tuple[str, str]]]
"""Title, kind, unit, and queries with their legends."""

_FLEET: list[Panel] = [
    ("Hubs that answer", "stat", "none", [(f"sum(up{{{_ALL}}})", "answer")]),
    ("Hubs that do not", "stat", "none", [(f"sum(1 - up{{{_ALL}}})", "do not answer")]),
    ("Servers that run", "stat", "none", [(f"sum(jupyterhub_running_servers{{{_ALL}}})", "run")]),
    ("Answers", "state-timeline", "none", [(f"up{{{_ALL}}}", "{{hub}}")]),
    (
        "Servers by community",
        "timeseries",
        "none",
        [(f"sum by (community) (jupyterhub_running_servers{{{_ALL}}})", "{{community}}")],
    ),
    (
        "People active within a day",
        "timeseries",
        "none",
        [(f'sum by (hub) (jupyterhub_active_users{{{_ALL}, period="24h"}})', "{{hub}}")],
    ),
    (
        "Servers that failed to start",
        "timeseries",
        "none",
        [
            (
                f'sum by (hub) (increase({_SPAWNS}_count{{{_ALL}, status!="success"}}[1h]))',
                "{{hub}}",
            )
        ],
    ),
]

_HUB: list[Panel] = [
    ("Answers", "state-timeline", "none", [(f"up{{{_ONE}}}", "answers")]),
    ("Servers that run", "timeseries", "none", [(f"jupyterhub_running_servers{{{_ONE}}}", "run")]),
    (
        "People active",
        "timeseries",
        "none",
        [(f"jupyterhub_active_users{{{_ONE}}}", "within {{period}}")],
    ),
    (
        "Time until a server has started",
        "timeseries",
        "s",
        [
            (
                f"histogram_quantile({share}, sum by (le) "
                f'(rate({_SPAWNS}_bucket{{{_ONE}, status="success"}}[30m])))',
                name,
            )
            for share, name in ((0.5, "half"), (0.95, "95 %"))
        ],
    ),
    (
        "Starts",
        "timeseries",
        "none",
        [(f"sum by (status) (increase({_SPAWNS}_count{{{_ONE}}}[1h]))", "{{status}}")],
    ),
    (
        "Requests",
        "timeseries",
        "reqps",
        [(f"sum by (code) (rate({_ASKED}{{{_ONE}}}[5m]))", "{{code}}")],
    ),
    (
        "Memory of the hub",
        "timeseries",
        "bytes",
        [(f"process_resident_memory_bytes{{{_ONE}}}", "memory")],
    ),
]


def dashboards() -> dict[str, dict[str, Any]]:
    """By the name of the file."""
    every = _variable("community", 'label_values(up{job="hub"}, community)', many=True)
    one = _variable("hub", 'label_values(up{job="hub"}, hub)', many=False)
    return {
        "fleet": _dashboard("hubfleet-fleet", "Hubs: the fleet", every, _FLEET),
        "hub": _dashboard("hubfleet-hub", "Hubs: one hub", one, _HUB),
    }


def queries() -> list[str]:
    """Every expression of every dashboard."""
    return [expr for panels in (_FLEET, _HUB) for *_, asked in panels for expr, _ in asked]


def _dashboard(
    uid: str, title: str, variable: dict[str, Any], panels: list[Panel]
) -> dict[str, Any]:
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "hide": 0}
    return {
        "uid": uid,
        "title": title,
        "tags": ["hubfleet"],
        "schemaVersion": 39,
        "editable": True,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [source, variable]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _variable(name: str, query: str, *, many: bool) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": query,
        "refresh": 2,
        "includeAll": many,
        "multi": many,
        **({"allValue": ".*"} if many else {}),
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    title, kind, unit, asked = panel
    targets = [
        {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend}
        for index, (expr, legend) in enumerate(asked)
    ]
    return {
        "id": number + 1,
        "title": title,
        "type": kind,
        "datasource": _SOURCE,
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": targets,
    }
