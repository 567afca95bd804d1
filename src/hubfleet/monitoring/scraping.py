"""Prometheus' own configuration: one job for each hub, because each hub has a token of its own."""

from __future__ import annotations

from typing import Any

from hubfleet.monitoring.watched import Watched, WatchedHub

PATH = "/hub/metrics"
ALERTMANAGER = "127.0.0.1:9093"


def prometheus_config(watched: Watched) -> dict[str, Any]:
    """`prometheus.yml`. Tokens are named by their files."""
    jobs = [_hub_job(hub) for hub in watched.hubs]
    if watched.console:
        target = {"targets": [watched.console], "labels": {"job": "console"}}
        jobs.append({"job_name": "console", "static_configs": [target]})
    return {
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"},
        "rule_files": ["rules/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [ALERTMANAGER]}]}]},
        "scrape_configs": jobs,
    }


def service_discovery(watched: Watched) -> list[dict[str, Any]]:
    """The hubs in the format of Prometheus' file and HTTP service discovery."""
    return [
        {
            "targets": [hub.host],
            "labels": {
                **hub.labels,
                "__scheme__": hub.scheme,
                "__metrics_path__": PATH,
                # For a prober of addresses, such as the blackbox exporter: it needs no token.
                "__meta_hubfleet_health": f"{hub.scheme}://{hub.host}/hub/health",
                "__meta_hubfleet_platform": "kubernetes" if hub.namespace else "local",
            },
        }
        for hub in watched.hubs
    ]


def _hub_job(hub: WatchedHub) -> dict[str, Any]:
    job: dict[str, Any] = {
        "job_name": f"hub {hub.name}",
        "scheme": hub.scheme,
        "metrics_path": PATH,
    }
    if hub.proxy:
        # Only browsers resolve names such as `prod-garden.localhost`: the hubs' own proxy is asked
        # for them as an HTTP proxy is.
        job["proxy_url"] = hub.proxy
    if hub.token_file:
        job["authorization"] = {"type": "Bearer", "credentials_file": hub.token_file}
    job["static_configs"] = [{"targets": [hub.host], "labels": hub.labels}]
    return job
