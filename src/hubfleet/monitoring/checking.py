"""What is wrong with rules and routes, for the fleet as it is declared. Pure.

Works on ours and on anybody's: a rule that nobody is told of, a route that no rule reaches, a
matcher that matches nothing there is, a priority that is not one of the list, a missing runbook.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubfleet.kit.errors import Problem
from hubfleet.monitoring.bundle import alerts_in
from hubfleet.monitoring.look_alikes import look_alikes, wrong_percentages
from hubfleet.monitoring.priorities import PRIORITIES
from hubfleet.monitoring.routes import (
    Matcher,
    accepts,
    children_of,
    leaves_for,
    matchers_in,
    matchers_of,
)
from hubfleet.monitoring.watched import WHOSE, Watched

WORKLOADS = (
    "hub-6d9f7c5b8-x2x4z",
    "proxy-7b9d8c6f5-q8w2e",
    "user-scheduler-5f6d7c8b9-a1b2c",
    "user-placeholder-0",
    "continuous-image-puller-k3j4h",
    "jupyter-ada",
)
"""What the pods of a hub's namespace are called."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules as it was read; `name` is told in problems."""

    name: str
    content: Mapping[str, Any]


def problems_of(
    watched: Watched,
    rule_files: Sequence[RuleFile],
    routes: Mapping[str, Any],
    pages: Collection[str],
) -> list[Problem]:
    """Everything, in the order of the files. `pages` are the runbooks that there are."""
    found: list[Problem] = []
    alerts: list[tuple[str, dict[str, Any]]] = []
    for file in rule_files:
        for rule in alerts_in(file.content):
            alerts.append((file.name, rule))
            found += _of_rule(file.name, rule, pages)
            found += _idle_matchers(watched, file.name, rule)
            found += _idle_labels(watched, file.name, rule)
    found += look_alikes(watched, alerts)
    if not any(_is_served(one) for one in routes.get("receivers") or []):
        return [*found, _NOBODY]
    cases = [(file, rule, labels) for file, rule in alerts for labels in _labels_of(watched, rule)]
    found += _unrouted(cases, routes)
    found += _idle_routes([labels for _, _, labels in cases], routes)
    return list(dict.fromkeys(found))


_NOBODY = Problem(
    "nobody-is-told",
    "alerts reach nobody",
    "fleet.yaml",
    "Neither a pager nor a mail server nor a webhook is declared.",
    "write `monitoring: {pager_key_file: ...}` or `mail: {server: ...}` under `service`",
)


def _of_rule(file: str, rule: Mapping[str, Any], pages: Collection[str]) -> Iterator[Problem]:
    name, labels = rule["alert"], rule.get("labels") or {}
    priority, severity = labels.get("priority"), labels.get("severity")
    if PRIORITIES.get(str(priority)) != severity:
        told = ", ".join(f"{one} with {PRIORITIES[one]}" for one in PRIORITIES)
        yield Problem(
            "wrong-priority",
            f"{name} has the priority `{priority}` with the severity `{severity}`",
            file,
            "Routes and the pager know one list.",
            f"write one of these as labels `priority` and `severity`: {told}",
        )
    url = str((rule.get("annotations") or {}).get("runbook_url") or "")
    page = re.sub(r"(\.html|\.md)?(#.*)?$", "", url.rpartition("/")[2])
    ours = url.startswith("runbooks/") or page in pages
    if not url or (not ours and not url.startswith("https://")) or (ours and page not in pages):
        yield Problem(
            "no-runbook",
            f"{name} has no runbook page",
            file,
            f"`{url}` is not a page that there is." if url else "Nothing says what to do.",
            "write the annotation `runbook_url` with a page of hubfleet's or an https address",
        )

    yield from wrong_percentages(file, rule)


def _idle_labels(watched: Watched, file: str, rule: Mapping[str, Any]) -> Iterator[Problem]:
    """Labels that the rule itself gives, such as `cluster: cluster=reef`, and that nobody has."""
    known = watched.known_labels
    for label, value in (rule.get("labels") or {}).items():
        if label in WHOSE and known.get(label) and value not in known[label]:
            yield Problem(
                "label-names-nothing",
                f"{rule['alert']} carries {label}=`{value}`, and there is no such {label}",
                file,
                "Routes and whoever is told find whose trouble it is by this label.",
                f"write the name of a {label} alone, or leave the label to the series",
            )


def _idle_matchers(watched: Watched, file: str, rule: Mapping[str, Any]) -> Iterator[Problem]:
    known = watched.known_labels
    for matcher in matchers_in(str(rule.get("expr") or "")):
        values: Collection[str] = known.get(matcher.label, ())
        if matcher.label == "pod":
            values = WORKLOADS
        try:
            idle = bool(values) and matcher.positive and not any(map(matcher.accepts, values))
            # A namespace in a fleet without Kubernetes, too, is one that does not exist.
            idle = idle or (matcher.label == "namespace" and not values and matcher.positive)
        except re.error as error:
            yield _broken(file, str(rule["alert"]), matcher, str(error))
            continue
        if idle:
            yield Problem(
                "matcher-matches-nothing",
                f"{rule['alert']} watches {matcher}, and there is no such {matcher.label}",
                file,
                "The alert can never be sent.",
                "name a hub, cluster or workload of the fleet, or remove the rule",
            )


def _broken(file: str, name: str, matcher: Matcher, why: str) -> Problem:
    return Problem(
        "broken-expression",
        f"{name}: {matcher} is not a regular expression",
        file,
        why,
        "mend the expression",
    )


def _labels_of(watched: Watched, rule: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """What alerts of the rule are labelled with: of every hub that its selectors leave in."""
    own = {key: str(value) for key, value in (rule.get("labels") or {}).items()}
    fixed = {"alertname": str(rule["alert"]), **own}
    asked = [one for one in matchers_in(str(rule.get("expr") or "")) if one.label in WHOSE]
    if "hub" in own or not watched.hubs or not _tells_hubs(str(rule.get("expr") or "")):
        yield fixed
        return
    seen = set()
    for hub in watched.hubs:
        labels = hub.whose
        fits = _fits(asked, labels)
        key = (hub.community, hub.stage, hub.cluster)
        if fits and key not in seen:
            seen.add(key)
            yield {**labels, **fixed}


def _tells_hubs(expr: str) -> bool:
    """Whether the series that are left have the label `hub`."""
    if 'job="console"' in expr or "{" not in expr:
        return False
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expr)
    return not grouped or any("hub" in re.findall(r"\w+", group) for group in grouped)


def _fits(asked: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    try:
        return all(one.accepts(labels[one.label]) for one in asked)
    except re.error:
        return False


def _unrouted(
    cases: Sequence[tuple[str, dict[str, Any], dict[str, str]]], routes: Mapping[str, Any]
) -> Iterator[Problem]:
    root = routes.get("route") or {}
    served = {str(one["name"]) for one in routes.get("receivers") or [] if _is_served(one)}
    told: set[str] = set()
    for file, rule, labels in cases:
        # A copy for a record is not somebody who is told.
        leaves = [leaf for leaf in leaves_for(root, labels) if matchers_of(leaf)]
        if any(str(leaf.get("receiver")) in served for leaf in leaves) or rule["alert"] in told:
            continue
        told.add(rule["alert"])
        whose = f" of {labels['community']}" if "community" in labels else ""
        yield Problem(
            "alert-without-route",
            f"no route takes {rule['alert']}{whose}",
            file,
            "It falls through to the default receiver, or to one that tells nobody.",
            "give the rule a priority that a route asks for, or add a route",
        )


def _is_served(receiver: Mapping[str, Any]) -> bool:
    return any(key.endswith("_configs") and value for key, value in receiver.items())


def _idle_routes(alerts: Sequence[dict[str, str]], routes: Mapping[str, Any]) -> Iterator[Problem]:
    for path in children_of(routes.get("route") or {}):
        if any(all(accepts(route, labels) for route in path) for labels in alerts):
            continue
        asked = ", ".join(map(str, matchers_of(path[-1])))
        yield Problem(
            "route-without-alert",
            f"the route {asked} to {path[-1].get('receiver')} takes no alert of any rule",
            "alertmanager.yml",
            "Whoever should be told is not.",
            "mend its matchers, or remove it",
        )
