"""Every rule and every cause class has a kind, and every kind has words."""

from __future__ import annotations

import re
from json import dumps
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.kit.errors import HubfleetError
from hubfleet.monitoring import alerts, objectives
from hubfleet.office.incidents import alertmanager
from hubfleet.office.incidents.troubles import OF_ALERT, OF_CAUSE, priority_of
from hubfleet.office.incidents.words import KINDS, PRIORITIES


def test_every_rule_that_we_write_has_a_kind():
    sources = [Path(str(module.__file__)).read_text() for module in (alerts, objectives)]
    rule = re.compile(r'^ *"([A-Z][A-Za-z]+)",$', re.MULTILINE)
    names = {name for text in sources for name in rule.findall(text)}
    assert "HubDown" in names
    assert names <= set(OF_ALERT)
    assert {*OF_ALERT.values(), *OF_CAUSE.values()} <= set(KINDS)


def test_people_who_cannot_work_are_urgent_and_staging_never_wakes_anybody():
    assert priority_of("hub-unreachable", "production") == "P1"
    assert priority_of("home-full", "production") == "P2"
    for kind in KINDS:
        assert priority_of(kind, "staging") in ("P3", "P4")
        assert priority_of(kind, "production") in PRIORITIES


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary() | values.map(lambda v: dumps(v).encode()))
def test_whatever_is_sent_is_read_or_refused_with_a_reason(body):
    try:
        alertmanager.read(body)
    except HubfleetError as error:
        assert error.problems[0].code == "alerts-not-understood"
        assert error.problems[0].why


@given(st.lists(values, max_size=5))
def test_whatever_alerts_are_sent_are_read_or_named(found):
    told = dumps({"version": "4", "alerts": found}).encode()
    try:
        good, wrong = alertmanager.read(told)
    except HubfleetError:
        return
    assert len(good) + len(wrong) == len(found)
