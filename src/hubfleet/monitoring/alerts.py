"""The alert rules. Selectors are exact; what JupyterHub names differently is asked by version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hubfleet.fleet.responsibilities import BY_SLUG
from hubfleet.monitoring.priorities import PRIORITIES
from hubfleet.monitoring.watched import UNKNOWN_VERSION, WHOSE, Watched, WatchedHub

_BY = f"by ({', '.join(WHOSE)})"
WATCHDOG = "Watchdog"
"""The alert that is always there."""
_FAILED = {UNKNOWN_VERSION: "error|failure"}
"""What `status` is for a server that failed to start; 6 calls `failure` what was refused."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule; `runbook` is the page's name. `labels` are further labels, fixed by us."""

    name: str
    expr: str
    lasting: str
    priority: str
    responsibility: str
    summary: str
    runbook: str
    labels: dict[str, str] = field(default_factory=dict)

    def rule(self, runbooks: str | None) -> dict[str, Any]:
        """As Prometheus reads it."""
        assert self.responsibility in BY_SLUG
        labels = {
            **self.labels,
            "priority": self.priority,
            "severity": PRIORITIES[self.priority],
            "responsibility": self.responsibility,
        }
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expr}
        if self.lasting != "0s":
            rule["for"] = self.lasting
        annotations = {"summary": self.summary, "runbook_url": runbook_url(self.runbook, runbooks)}
        return {**rule, "labels": labels, "annotations": annotations}


def runbook_url(page: str, runbooks: str | None) -> str:
    """Where the page is published, else the file beside the rules."""
    return f"{runbooks.rstrip('/')}/{page}.html" if runbooks else f"runbooks/{page}.md"


def hub_alerts(watched: Watched) -> list[Alert]:
    """What JupyterHub's own numbers, and their absence, say."""
    stages = {hub.stage for hub in watched.hubs}
    alerts = [
        alert
        for stage, priority, lasting in (("production", "P1", "3m"), ("staging", "P3", "15m"))
        if stage in stages
        for alert in _down(stage, priority, lasting)
    ]
    if len(watched.hubs) > 1:
        alerts.append(_CLUSTER_DOWN)
    alerts += _spawns(watched.versions)
    alerts += [_SPAWNS_SLOW, _REQUESTS_FAIL, _SIGN_INS_FAIL, _RESTARTS]
    if watched.console:
        alerts.append(_CONSOLE_DOWN)
    if watched.fleet.service.monitoring.watchdog:
        alerts.append(_WATCHDOG)
    return alerts


def _down(stage: str, priority: str, lasting: str) -> Iterator[Alert]:
    yield Alert(
        "HubDown",
        f'up{{job="hub", stage="{stage}"}} == 0',
        lasting,
        priority,
        "respond-to-incidents",
        "{{ $labels.hub }} does not answer",
        "hub-down",
    )


_CLUSTER_DOWN = Alert(
    "ClusterDown",
    'max by (cluster) (up{job="hub"}) == 0 and count by (cluster) (up{job="hub"}) > 1',
    "3m",
    "P1",
    "operate-cluster",
    "no hub on {{ $labels.cluster }} answers",
    "cluster-down",
)


def _spawns(versions: tuple[str, ...]) -> Iterator[Alert]:
    for version in versions:
        status = _FAILED.get(version, "error" if int_of(version) >= 6 else "failure")
        matcher = f'status=~"{status}"' if "|" in status else f'status="{status}"'
        where = f'job="hub", jupyterhub="{version}", {matcher}'
        count = "jupyterhub_server_spawn_duration_seconds_count"
        yield Alert(
            "ServersDoNotStart",
            # Two: `increase` makes up fractions at the edges.
            f"sum {_BY} (increase({count}{{{where}}}[30m])) > 1.5",
            "0s",
            "P2",
            "respond-to-incidents",
            "servers of {{ $labels.hub }} fail to start",
            "servers-do-not-start",
        )


def int_of(version: str) -> int:
    """The major version; 0 for none."""
    return int(version) if version.isdigit() else 0


_STARTED = 'jupyterhub_server_spawn_duration_seconds_{}{{job="hub", status="success"}}[30m]'
_BY_AND_LE = f"by ({', '.join(('le', *WHOSE))})"
_SPAWNS_SLOW = Alert(
    "ServersStartSlowly",
    f"histogram_quantile(0.95, sum {_BY_AND_LE} (rate({_STARTED.format('bucket')}))) > 120 "
    f"and sum {_BY} (increase({_STARTED.format('count')})) > 2.5",
    "0s",
    "P3",
    "respond-to-incidents",
    "servers of {{ $labels.hub }} take more than two minutes to start",
    "servers-start-slowly",
)

_ASKED = "jupyterhub_request_duration_seconds_count"
_REQUESTS_FAIL = Alert(
    "RequestsFail",
    f'sum {_BY} (rate({_ASKED}{{job="hub", code=~"5.."}}[15m])) / '
    f'sum {_BY} (rate({_ASKED}{{job="hub"}}[15m])) > 0.1 '
    f'and sum {_BY} (increase({_ASKED}{{job="hub", code=~"5.."}}[15m])) > 9.5',
    "5m",
    "P2",
    "respond-to-incidents",
    "more than a tenth of the requests to {{ $labels.hub }} fail",
    "requests-fail",
)

_LOGIN = 'jupyterhub_login_duration_seconds_count{{job="hub", status="{}"}}[30m]'
_SIGN_INS_FAIL = Alert(
    "NobodySignsIn",
    f"sum {_BY} (increase({_LOGIN.format('failure')})) > 9.5 "
    f"unless sum {_BY} (increase({_LOGIN.format('success')})) > 0.5",
    "0s",
    "P2",
    "respond-to-incidents",
    "ten people or more failed to sign in to {{ $labels.hub }}, and nobody succeeded",
    "nobody-signs-in",
)

_RESTARTS = Alert(
    "HubRestartsOften",
    'changes(process_start_time_seconds{job="hub"}[30m]) > 2',
    "0s",
    "P2",
    "respond-to-incidents",
    "{{ $labels.hub }} restarted three times or more within half an hour",
    "hub-restarts-often",
)

_CONSOLE_DOWN = Alert(
    "ConsoleDown",
    'up{job="console"} == 0',
    "5m",
    "P2",
    "respond-to-incidents",
    "the console does not answer: nobody new can sign in to hubs that use it",
    "console-down",
)


_WATCHDOG = Alert(
    WATCHDOG,
    "vector(1)",
    "0s",
    "P4",
    "respond-to-incidents",
    "alerting works; this alert is always there, and its absence is the alarm",
    "watchdog",
)


def pod_alerts(hub: WatchedHub) -> list[Alert]:
    """What the cluster says of one hub's namespace; needs kube-state-metrics and the kubelet."""
    space = f'namespace="{hub.namespace}"'
    room = f"kubelet_volume_stats_available_bytes{{{space}}} / "
    room += f"kubelet_volume_stats_capacity_bytes{{{space}}}"
    restarts = f'kube_pod_container_status_restarts_total{{{space}, pod=~"(hub|proxy)-.+"}}'
    pending = f'kube_pod_status_phase{{{space}, phase="Pending"}}'
    urgent = hub.stage == "production"
    told: tuple[tuple[str, str, str, str, str, str, str], ...] = (
        (
            "PodRestarts",
            f"increase({restarts}[15m]) > 0.5",
            "0s",
            "P2" if urgent else "P4",
            "respond-to-incidents",
            f"{{{{ $labels.pod }}}} of {hub.name} restarted",
            "pod-restarts",
        ),
        (
            "PodPending",
            f"{pending} == 1",
            "30m",
            "P2" if urgent else "P4",
            "operate-cluster",
            f"{{{{ $labels.pod }}}} of {hub.name} has found no place for half an hour",
            "pod-pending",
        ),
        (
            "VolumeFillsUp",
            f"{room} < 0.1",
            "5m",
            "P2" if urgent else "P4",
            "manage-data",
            f"a volume of {hub.name} is 90 % full",
            "volume-fills-up",
        ),
        (
            "VolumeFull",
            f"{room} < 0.01",
            "1m",
            "P1" if urgent else "P3",
            "respond-to-incidents",
            f"a volume of {hub.name} is full",
            "volume-full",
        ),
    )
    return [Alert(*one, labels=hub.whose) for one in told]
