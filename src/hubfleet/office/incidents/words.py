"""The closed lists of this room, each with its words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hubfleet.monitoring.priorities import PRIORITIES as SEVERITIES

PRIORITIES: Mapping[str, str] = {
    "P1": "now, at any hour",
    "P2": "the same day",
    "P3": "this week",
    "P4": "when work is planned",
}
assert list(PRIORITIES) == list(SEVERITIES)

KINDS: Mapping[str, str] = {
    "hub-unreachable": "the address does not answer",
    "sign-in-fails": "people who may use the hub cannot sign in",
    "servers-do-not-start": "servers do not start, or run no code",
    "home-full": "homes or volumes are full",
    "reduced-performance": "the hub works, but badly",
    "infrastructure": "something below the hubs is broken",
    "other": "something else",
}
"""The six kinds of outage, and whatever is none of them."""

STATES: Mapping[str, str] = {
    "triggered": "nobody has taken it yet",
    "acknowledged": "somebody is on it",
    "active": "officially under way",
    "mitigated": "people can work again",
    "resolved": "over",
}
"""In this order; an incident moves forward, and back to `triggered` or `acknowledged` when it
returns."""

ENTRY_KINDS: Mapping[str, str] = {
    "observed": "what was seen",
    "hypothesis": "what may be the cause",
    "action": "what was done",
    "communication": "what was told",
    "decision": "what was decided",
}

ROLES: Mapping[str, str] = {
    "responder": "leads the response",
    "communications": "tells people",
    "expert": "knows the subject",
}

UPDATES: Mapping[str, str] = {
    "investigating": "we are looking into it",
    "identified": "the cause is known",
    "monitoring": "it is mended and we are watching",
    "resolved": "it is over",
}
"""The words of well-known status pages for a public update."""

ACTION_KINDS: Mapping[str, str] = {
    "prevent": "so that it does not happen again",
    "detect": "so that we see it sooner",
    "mitigate": "so that it hurts less",
    "process": "so that we work better together",
}

REPORT_STATES: Mapping[str, str] = {
    "draft": "being written",
    "reviewed": "read by another person",
    "closed": "every action has an owner and a link",
    "published": "on the status page",
}

SECTIONS: Mapping[str, str] = {
    "summary": "Summary",
    "impact": "Impact",
    "detection": "Detection",
    "response": "Response",
    "contributing": "Contributing factors",
    "went_well": "What went well",
    "went_wrong": "What went wrong",
    "lucky": "Where we were lucky",
}
"""The written parts of a report, in the order in which people read them."""

TO_WRITE = ("contributing", "went_well", "went_wrong", "lucky")
"""Those that no record can answer; a report without the first of them is not reviewed."""


def more_urgent(one: str, other: str) -> bool:
    """P1 before P2."""
    return one < other
