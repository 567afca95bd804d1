"""What `hubfleet monitoring check` finds: faults that real services had, planted one by one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hubfleet.kit.errors import Problem
from hubfleet.monitoring.bundle import routes_of, rule_files, runbooks
from hubfleet.monitoring.checking import RuleFile, problems_of
from hubfleet.monitoring.routes import Matcher, matchers_in, receivers_for
from tests.fleets import write_fleet
from tests.unit.monitoring.fleets import watched

HERE = watched("kubernetes")
RULE: dict[str, Any] = {
    "alert": "Mine",
    "expr": 'up{hub="reef-lab/prod"} == 0',
    "labels": {"priority": "P2", "severity": "error"},
    "annotations": {"runbook_url": "runbooks/hub-down.md"},
}


def found(*rules: dict[str, Any], routes: dict[str, Any] | None = None) -> list[str]:
    return [str(problem) for problem in problems(*rules, routes=routes)]


def problems(*rules: dict[str, Any], routes: dict[str, Any] | None = None) -> list[Problem]:
    files = [RuleFile(f"rules/{name}.yml", file) for name, file in rule_files(HERE).items()]
    if rules:
        files.append(RuleFile("mine.yml", {"groups": [{"name": "mine", "rules": list(rules)}]}))
    return problems_of(HERE, files, routes or routes_of(HERE), runbooks())


def changed(**keys: Any) -> dict[str, Any]:
    return {**RULE, **keys}


@pytest.mark.parametrize("example", ["service-43", "kubernetes"])
def test_what_is_rendered_has_no_fault(example: str) -> None:
    there = watched(example)
    files = [RuleFile(name, file) for name, file in rule_files(there).items()]
    assert problems_of(there, files, routes_of(there), runbooks()) == []
    assert found(RULE) == []


def test_alerts_that_reach_nobody(tmp_path: Path) -> None:
    there = watched(write_fleet(tmp_path, {"a/b": {}}))
    files = [RuleFile(name, file) for name, file in rule_files(there).items()]
    assert [str(one) for one in problems_of(there, files, routes_of(there), runbooks())] == [
        "error[nobody-is-told]: alerts reach nobody\n"
        "  --> fleet.yaml\n"
        "  why: Neither a pager nor a mail server nor a webhook is declared.\n"
        "  hint: write `monitoring: {pager_key_file: ...}` or `mail: {server: ...}` under `service`"
    ]


def test_a_priority_that_is_not_in_the_list() -> None:
    labels = {"priority": "P2", "severity": "immediate action needed"}
    assert found(changed(labels=labels)) == [
        "error[wrong-priority]: Mine has the priority `P2` with the severity "
        "`immediate action needed`\n"
        "  --> mine.yml\n"
        "  why: Routes and the pager know one list.\n"
        "  hint: write one of these as labels `priority` and `severity`: "
        "P1 with critical, P2 with error, P3 with warning, P4 with info"
    ]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "Nothing says what to do."),
        ("runbooks/hub-dwon.md", "`runbooks/hub-dwon.md` is not a page that there is."),
    ],
)
def test_a_missing_runbook(url: str, why: str) -> None:
    [told] = found(changed(annotations={"runbook_url": url}))
    assert told.startswith("error[no-runbook]: Mine has no runbook page\n  --> mine.yml\n")
    assert f"  why: {why}\n" in told


@pytest.mark.parametrize(
    ("expr", "matcher"),
    [
        ('up{hub="reef-lab/pord"} == 0', 'hub="reef-lab/pord"'),
        ('kube_pod_info{pod=~"^prox-.*"}', 'pod=~"^prox-.*"'),
        ('kube_pod_info{pod=~"proxy"}', 'pod=~"proxy"'),
        ('kube_pod_info{namespace="reef-lab"}', 'namespace="reef-lab"'),
        ('up{cluster=~"tide{3}"}', 'cluster=~"tide{3}"'),
    ],
)
def test_a_matcher_that_matches_nothing_there_is(expr: str, matcher: str) -> None:
    label = matcher.partition("=")[0]
    [told, *_] = found(changed(expr=expr))
    assert told == (
        f"error[matcher-matches-nothing]: Mine watches {matcher}, and there is no such {label}\n"
        "  --> mine.yml\n"
        "  why: The alert can never be sent.\n"
        "  hint: name a hub, cluster or workload of the fleet, or remove the rule"
    )


def test_a_rule_that_was_copied_and_still_watches_what_the_first_one_watches() -> None:
    """As a real service had it: the rule for its Prometheus asked for pods called `proxy`."""
    pods = 'increase(kube_pod_container_status_restarts_total{pod=~"^proxy.*"}[10m]) >= 1'
    first = {**RULE, "alert": "proxy restarted", "expr": pods}
    second = {**RULE, "alert": "support-prometheus-server restarted", "expr": f" {pods}"}
    assert [str(one) for one in problems(first, second)] == [
        "error[rule-twice]: proxy restarted and support-prometheus-server restarted ask the same\n"
        "  --> mine.yml\n"
        "  why: One trouble is told twice; and what the copy was meant to watch, nobody watches.\n"
        "  hint: mend the expression of support-prometheus-server restarted, or remove it"
    ]
    assert problems(first, {**second, "for": "1h"}) == []


def test_two_thresholds_under_one_name() -> None:
    room = 'kubelet_volume_stats_available_bytes{namespace=~"reef-lab-.*"} < '
    full, nearly = {**RULE, "expr": f"{room}1000"}, {**RULE, "expr": f"{room}100000"}
    assert [str(one) for one in problems(full, nearly)] == [
        "error[one-name-for-two]: two rules are called Mine and tell of the same hub, such as "
        "reef-lab/prod\n"
        "  --> mine.yml\n"
        "  why: An alert of one cannot be told from an alert of the other.\n"
        "  hint: give one of them another name, or another priority"
    ]
    elsewhere = room.replace("reef-lab", "harbour-school")
    assert problems(full, {**RULE, "expr": f"{elsewhere}1000"}) == []


@pytest.mark.parametrize(
    ("name", "limit", "wrong"),
    [
        ("a volume has 10% of space left", "0.01", True),
        ("a volume has 10% of space left", "0.1", False),
        ("a volume is 90 % full", "0.1", False),
        ("a volume is 99.5 % full", "0.005", False),
        ("a volume is 95 % full", "0.1", True),
    ],
)
def test_a_share_in_the_name_that_the_expression_does_not_ask_for(
    name: str, limit: str, wrong: bool
) -> None:
    expr = f'room_share{{namespace="reef-lab-prod"}} < {limit}'
    told = [str(one) for one in problems({**RULE, "alert": name, "expr": expr})]
    share = name.partition("%")[0].split()[-1]
    expected = (
        f"error[wrong-percentage]: the name of {name} says {share} %, and its expression asks "
        "for something else\n"
        "  --> mine.yml\n"
        f"  why: `{expr}` compares with {float(limit):g}.\n"
        "  hint: write the share that the expression asks for"
    )
    assert told == [expected] * wrong


def test_a_label_that_is_not_the_name_alone() -> None:
    """As a real service had it: `cluster` was sometimes `c1` and sometimes `cluster=c1`."""
    cluster = HERE.hubs[0].cluster
    labels = {**RULE["labels"], "cluster": f"cluster={cluster}"}
    told, *_ = (str(one) for one in problems(changed(labels=labels)))
    assert told == (
        f"error[label-names-nothing]: Mine carries cluster=`cluster={cluster}`, and there is no "
        "such cluster\n"
        "  --> mine.yml\n"
        "  why: Routes and whoever is told find whose trouble it is by this label.\n"
        "  hint: write the name of a cluster alone, or leave the label to the series"
    )
    assert problems(changed(labels={**RULE["labels"], "cluster": cluster})) == []


def test_a_broken_expression() -> None:
    codes = [one.code for one in problems(changed(expr='kube_pod_info{pod=~"(hub"}'))]
    assert codes == ["broken-expression"]


def test_a_rule_that_no_route_takes() -> None:
    routes = deepcopy(routes_of(HERE))
    routes["route"]["routes"] = [
        one for one in routes["route"]["routes"] if "P1" not in str(one["matchers"])
    ]
    codes = {(one.code, one.what) for one in problems(RULE, routes=routes)}
    assert ("alert-without-route", "no route takes Mine of reef-lab") in codes


def test_a_route_whose_receiver_tells_nobody() -> None:
    routes = deepcopy(routes_of(HERE))
    for receiver in routes["receivers"]:
        if receiver["name"] == "operator-pager":
            del receiver["pagerduty_configs"]
    assert "alert-without-route" in {one.code for one in problems(RULE, routes=routes)}


def test_a_route_that_no_alert_takes() -> None:
    """As a real service had it: alerts named `stuck in Pending`, a route that asks for `state`."""
    routes = deepcopy(routes_of(HERE))
    idle = {"matchers": ['alertname=~".*stuck in state.*"'], "receiver": "operator"}
    routes["route"]["routes"].insert(0, idle)
    assert found(routes=routes) == [
        'error[route-without-alert]: the route alertname=~".*stuck in state.*" to operator takes '
        "no alert of any rule\n"
        "  --> alertmanager.yml\n"
        "  why: Whoever should be told is not.\n"
        "  hint: mend its matchers, or remove it"
    ]


def owned(kind: str) -> Callable[[Path], dict[str, Any]]:
    def config(root: Path) -> dict[str, Any]:
        write_fleet(root, {"garden/prod": {}})
        file = root / "communities/garden/community.yaml"
        file.write_text(f"{file.read_text()}responsibilities: {{respond-to-incidents: {kind}}}\n")
        service = root / "fleet.yaml"
        settings = (
            "service:\n  mail: {server: 'smtp://mail.example.org'}\n"
            "  monitoring: {pager_key_file: /key}\n"
        )
        service.write_text(service.read_text().replace("service:\n", settings))
        from hubfleet.fleet.load import load_fleet

        return routes_of(watched(load_fleet(root)))

    return config


@pytest.mark.parametrize(
    ("owner", "receivers"),
    [
        ("operator", ["operator-pager"]),
        ("shared", ["community-garden", "operator-pager"]),
        ("community", ["community-garden"]),
    ],
)
def test_an_alert_follows_the_responsibility(
    tmp_path: Path, owner: str, receivers: list[str]
) -> None:
    config = owned(owner)(tmp_path)
    labels = {
        "alertname": "HubDown",
        "community": "garden",
        "responsibility": "respond-to-incidents",
        "priority": "P1",
    }
    assert receivers_for(config["route"], labels) == receivers


def test_matchers_are_found_in_every_selector() -> None:
    expr = 'sum(a{x="1", y!~"b{2}"}) / ignoring(z) c{z=~"d\\\\.e"}'
    assert matchers_in(expr) == [
        Matcher("x", "=", "1"),
        Matcher("y", "!~", "b{2}"),
        Matcher("z", "=~", "d\\.e"),
    ]
