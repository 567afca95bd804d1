"""Alertmanager's configuration: by responsibility first, then by priority.

What a community owns goes to the community; what both own goes to both; the rest is the
operator's, by pager for P1 and P2 and by mail for the rest. Secrets are named by their files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hubfleet.fleet.escalation import contacts_of
from hubfleet.fleet.mail import MailServer, mail_server
from hubfleet.fleet.model import Community, Fleet, Owner, Service
from hubfleet.fleet.responsibilities import owner_of
from hubfleet.monitoring.alerts import WATCHDOG

OPERATOR, PAGER, RECORD = "operator", "operator-pager", "record"
_DEAD_MAN = "watchdog"
_WEBHOOK = {"send_resolved": True, "max_alerts": 0}


def alertmanager_config(fleet: Fleet, responsibilities: Iterable[str]) -> dict[str, Any]:
    """`responsibilities` are those that some alert has."""
    service = fleet.service
    mail = mail_server(service.mail)
    owned = _owned(fleet, sorted(set(responsibilities))) if mail else []
    urgent = PAGER if service.monitoring.pager_key_file else OPERATOR
    routes = [
        # Before the record: the watchdog is nobody's trouble.
        *([_WATCHED_OVER] if service.monitoring.watchdog else []),
        *([{"receiver": RECORD, "continue": True}] if service.monitoring.webhook else []),
        *(_route(community, slugs, owner) for community, owner, slugs in owned),
        {"matchers": ['priority=~"P1|P2"'], "receiver": urgent, "group_wait": "10s"},
        {"matchers": ['priority=~"P3|P4"'], "receiver": OPERATOR, "repeat_interval": "24h"},
    ]
    return {
        **({"global": _mail_globals(service, mail)} if mail else {}),
        "route": {
            "receiver": OPERATOR,
            "group_by": ["alertname", "cluster", "community", "hub"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "3h",
            "routes": routes,
        },
        "inhibit_rules": _INHIBITED,
        "receivers": _receivers(fleet, mail, sorted({name for name, _, _ in owned})),
    }


_WATCHED_OVER = {
    "matchers": [f'alertname="{WATCHDOG}"'],
    "receiver": _DEAD_MAN,
    "group_wait": "0s",
    "group_interval": "1m",
    "repeat_interval": "5m",
}

_INHIBITED = [
    # One page for a cluster, not one for each of its hubs.
    {
        "source_matchers": ['alertname="ClusterDown"'],
        "target_matchers": ['alertname=~"HubDown|ObjectiveAtRisk"'],
        "equal": ["cluster"],
    },
    {
        "source_matchers": ['alertname="VolumeFull"'],
        "target_matchers": ['alertname="VolumeFillsUp"'],
        "equal": ["hub", "persistentvolumeclaim"],
    },
]


def _owned(fleet: Fleet, slugs: list[str]) -> list[tuple[str, Owner, list[str]]]:
    """Which of these responsibilities are a community's, alone or shared."""
    found: list[tuple[str, Owner, list[str]]] = []
    for name, community in sorted(fleet.communities.items()):
        for owner in ("community", "shared") if community.hubs else ():
            theirs = [slug for slug in slugs if owner_of(fleet, name, slug) == owner]
            if theirs:
                found.append((name, "shared" if owner == "shared" else "community", theirs))
    return found


def _route(community: str, slugs: list[str], owner: Owner) -> dict[str, Any]:
    one = f'responsibility="{slugs[0]}"'
    several = f'responsibility=~"{"|".join(slugs)}"'
    route: dict[str, Any] = {
        "matchers": [f'community="{community}"', one if len(slugs) == 1 else several],
        "receiver": _name(community),
    }
    return {**route, "continue": True} if owner == "shared" else route


def _name(community: str) -> str:
    return f"community-{community}"


def _mail_globals(service: Service, mail: MailServer) -> dict[str, Any]:
    told: dict[str, Any] = {
        "smtp_smarthost": f"{mail.host}:{mail.port}",
        "smtp_from": service.mail.sender or service.contact,
        # An address that is encrypted from the first byte offers no STARTTLS.
        "smtp_require_tls": not (mail.plain or mail.wrapped),
    }
    if service.mail.user:
        told["smtp_auth_username"] = service.mail.user
        if service.monitoring.mail_password_file:
            told["smtp_auth_password_file"] = service.monitoring.mail_password_file
    return told


def _receivers(
    fleet: Fleet, mail: MailServer | None, communities: list[str]
) -> list[dict[str, Any]]:
    monitoring = fleet.service.monitoring
    operator: dict[str, Any] = {"name": OPERATOR}
    if mail:
        operator["email_configs"] = [_mail(fleet.service.contact)]
    pager = {
        "routing_key_file": monitoring.pager_key_file,
        "severity": "{{ .CommonLabels.severity }}",
        "component": "{{ .CommonLabels.hub }}",
        "group": "{{ .CommonLabels.community }}",
        "class": "{{ .CommonLabels.alertname }}",
    }
    if monitoring.pager_key_file and not mail:
        # Without mail the pager is the only way: less urgent alerts must not end in silence.
        operator["pagerduty_configs"] = [pager]
    receivers = [operator]
    if monitoring.pager_key_file:
        receivers.append({"name": PAGER, "pagerduty_configs": [pager]})
    if monitoring.webhook:
        receivers.append({"name": RECORD, "webhook_configs": [_webhook(fleet.service)]})
    if monitoring.watchdog:
        # Only its presence is news: an end is never sent.
        beat = {"url": monitoring.watchdog, "send_resolved": False}
        receivers.append({"name": _DEAD_MAN, "webhook_configs": [beat]})
    for name in communities:
        to = ", ".join(people_of(fleet.communities[name]))
        receivers.append({"name": _name(name), "email_configs": [_mail(to)]})
    return receivers


def people_of(community: Community) -> list[str]:
    """Whom alerts of a community reach: its technical contacts, else its representatives."""
    return list(contacts_of(community))


def _mail(to: str) -> dict[str, Any]:
    return {"to": to, "send_resolved": True}


def _webhook(service: Service) -> dict[str, Any]:
    monitoring = service.monitoring
    told: dict[str, Any] = {"url": monitoring.webhook, **_WEBHOOK}
    if monitoring.webhook_token_file:
        bearer = {"type": "Bearer", "credentials_file": monitoring.webhook_token_file}
        told["http_config"] = {"authorization": bearer}
    return told
