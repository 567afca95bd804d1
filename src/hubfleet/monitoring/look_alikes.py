"""Rules that mislead: copied without care, or named for what they do not ask. Pure.

All three were seen in the rules of a real service: a rule for one workload that watches another,
two thresholds under one name, and a share in the name that is not the share in the expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubfleet.kit.errors import Problem
from hubfleet.monitoring.routes import matchers_in
from hubfleet.monitoring.watched import Watched, WatchedHub

Rule = Mapping[str, Any]

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
_NUMBER = re.compile(r"(?<![\w.\"\[])(\d+(?:\.\d+)?(?:e-?\d+)?)(?![\w.\]])")


def look_alikes(watched: Watched, alerts: Sequence[tuple[str, Rule]]) -> Iterator[Problem]:
    """`alerts` are rules with the names of their files; the second of two is told."""
    expressions: dict[tuple[str, str], str] = {}
    names: dict[str, list[tuple[Rule, frozenset[str]]]] = {}
    for file, rule in alerts:
        name = str(rule["alert"])
        expr = " ".join(str(rule.get("expr") or "").split())
        # The same for a longer time is an escalation, and meant.
        lasting = str(rule.get("for") or "0s")
        if (expr, lasting) in expressions:
            yield _twice(file, expressions[expr, lasting], name)
            continue
        expressions[expr, lasting] = name
        hubs = _hubs(watched, rule)
        for other, theirs in names.get(name, []):
            if hubs & theirs and _told(other) == _told(rule):
                yield _one_name(file, name, sorted(hubs & theirs))
                break
        names.setdefault(name, []).append((rule, hubs))


def _told(rule: Rule) -> dict[str, str]:
    """By what an alert of the rule is told from others beside its name."""
    return {key: str(value) for key, value in (rule.get("labels") or {}).items()}


def _twice(file: str, first: str, second: str) -> Problem:
    both = f"{first} and {second}" if first != second else f"two rules {first}"
    return Problem(
        "rule-twice",
        f"{both} ask the same",
        file,
        "One trouble is told twice; and what the copy was meant to watch, nobody watches.",
        f"mend the expression of {second}, or remove it",
    )


def _one_name(file: str, name: str, hubs: Sequence[str]) -> Problem:
    return Problem(
        "one-name-for-two",
        f"two rules are called {name} and tell of the same hub, such as {hubs[0]}",
        file,
        "An alert of one cannot be told from an alert of the other.",
        "give one of them another name, or another priority",
    )


def _hubs(watched: Watched, rule: Rule) -> frozenset[str]:
    """Those that the selectors leave in; all where they say nothing of hubs."""
    asked = matchers_in(str(rule.get("expr") or ""))
    try:
        return frozenset(
            hub.name
            for hub in watched.hubs
            if all(
                one.accepts(labels[one.label])
                for labels in (_labels(hub),)
                for one in asked
                if one.label in labels
            )
        )
    except re.error:
        # Told elsewhere.
        return frozenset()


def _labels(hub: WatchedHub) -> dict[str, str]:
    space = {"namespace": hub.namespace} if hub.namespace else {}
    # A rule about the console asks for another job, and so for no hub.
    return {**hub.labels, **space}


def wrong_percentages(file: str, rule: Rule) -> Iterator[Problem]:
    """A share that people read in the name or summary and that the expression does not ask for."""
    expr = str(rule.get("expr") or "")
    numbers = [float(number) for number in _NUMBER.findall(expr)]
    summary = str((rule.get("annotations") or {}).get("summary") or "")
    for where, text in (("name", str(rule["alert"])), ("summary", summary)):
        for share in _SHARE.findall(text):
            if numbers and not any(_means(float(share), number) for number in numbers):
                yield Problem(
                    "wrong-percentage",
                    f"the {where} of {rule['alert']} says {share} %, and its expression asks for "
                    "something else",
                    file,
                    f"`{expr}` compares with {', '.join(f'{number:g}' for number in numbers)}.",
                    "write the share that the expression asks for",
                )


def _means(share: float, number: float) -> bool:
    """90 % is 90, 0.9, and what is left of it: 10 or 0.1."""
    same = (share, share / 100, 100 - share, 1 - share / 100)
    return any(abs(number - one) < 1e-6 for one in same)
