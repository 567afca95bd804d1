"""All files of a rendering, by their paths. Equal declarations give equal files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import yaml

from hubfleet.monitoring.alerts import Alert, hub_alerts, pod_alerts
from hubfleet.monitoring.dashboards import dashboards
from hubfleet.monitoring.objectives import burn_alerts, recordings
from hubfleet.monitoring.routing import alertmanager_config
from hubfleet.monitoring.scraping import prometheus_config, service_discovery
from hubfleet.monitoring.watched import Watched

HEADER = "# Written by `hubfleet monitoring render`; the next rendering replaces it.\n"


def runbooks() -> dict[str, str]:
    """The pages that come with hubfleet, by name."""
    folder = files("hubfleet.monitoring") / "runbooks"
    pages = sorted(folder.iterdir(), key=lambda page: page.name)
    return {
        page.name.removesuffix(".md"): page.read_text(encoding="utf-8")
        for page in pages
        if page.name.endswith(".md")
    }


def rule_files(watched: Watched) -> dict[str, dict[str, Any]]:
    """Rules by the name of the file; those of a cluster go to the Prometheus that runs there."""
    at = watched.fleet.service.monitoring.runbooks
    found = {"hubs": _groups("hubs", hub_alerts(watched), at)}
    if burns := burn_alerts(watched):
        burning = _groups("objectives", burns, at)
        burning["groups"].insert(0, {"name": "objectives-recorded", "rules": recordings(watched)})
        found["objectives"] = burning
    for cluster in sorted({hub.cluster for hub in watched.hubs if hub.namespace}):
        there = [hub for hub in watched.hubs if hub.cluster == cluster]
        alerts = [alert for hub in there for alert in pod_alerts(hub)]
        found[f"cluster-{cluster}"] = _groups(f"cluster-{cluster}", alerts, at)
    return found


def routes_of(watched: Watched) -> dict[str, Any]:
    """Alertmanager's configuration for these rules."""
    rules = [rule for file in rule_files(watched).values() for rule in alerts_in(file)]
    return alertmanager_config(watched.fleet, (rule["labels"]["responsibility"] for rule in rules))


def alerts_in(file: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The alert rules of a file of rules."""
    groups = file.get("groups") or []
    return [rule for group in groups for rule in group.get("rules") or [] if "alert" in rule]


def all_files(watched: Watched) -> dict[str, str]:
    """Paths and their texts."""
    texts = {
        "prometheus.yml": _yaml(prometheus_config(watched)),
        "alertmanager.yml": _yaml(routes_of(watched)),
        "service-discovery/hubs.json": _json(service_discovery(watched)),
    }
    for name, rules in rule_files(watched).items():
        folder = "rules" if not name.startswith("cluster-") else "rules-on-clusters"
        texts[f"{folder}/{name.removeprefix('cluster-')}.yml"] = _yaml(rules)
    texts |= {f"dashboards/{name}.json": _json(one) for name, one in dashboards().items()}
    return texts | {f"runbooks/{name}.md": text for name, text in runbooks().items()}


def _groups(name: str, alerts: list[Alert], runbooks_at: str | None) -> dict[str, Any]:
    return {"groups": [{"name": name, "rules": [alert.rule(runbooks_at) for alert in alerts]}]}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


class _Plain(yaml.SafeDumper):
    """Without anchors: they are hard to read, and some readers do not know them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(value: Any) -> str:
    return HEADER + yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=1000)
