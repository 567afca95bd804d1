"""The judgement: what makes a hub healthy, and the exact words when it is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.probes.target import Target, TimeLimits
from hubfleet.probes.verdict import NOT_REACHED, SLOW, STAGES, Judgement, Stage, judge, result

GOOD = tuple(Stage(name, True, 0.1) for name in STAGES)

stage = st.builds(Stage, st.sampled_from(STAGES), st.booleans(), st.floats() | st.just(0.1))


def but(name: str, **changes) -> list[Stage]:
    """All stages good but one."""
    return [
        Stage(one.name, **{"ok": True, "seconds": 0.1, **changes}) if one.name == name else one
        for one in GOOD
    ]


def test_all_stages_in_order_and_quick_is_healthy():
    assert judge(GOOD) == Judgement("healthy")


@given(st.lists(stage, max_size=14))
def test_healthy_only_when_each_stage_happened_once_and_worked_in_time(stages):
    if judge(stages).verdict == "healthy":
        assert [one.name for one in stages] == list(STAGES)
        assert all(one.ok and 0 <= one.seconds <= SLOW[one.name] for one in stages)


@given(st.sets(st.sampled_from(range(len(STAGES))), min_size=1))
def test_a_missing_stage_is_never_healthy(missing):
    stages = [one for place, one in enumerate(GOOD) if place not in missing]
    judgement = judge(stages)
    assert judgement.verdict != "healthy"
    assert judgement.cause and judgement.hint
    assert len(result("reef/prod", 1, stages).stages) == len(STAGES)


@given(st.permutations(GOOD))
def test_stages_out_of_order_are_not_healthy(stages):
    assert (judge(stages).verdict == "healthy") == (tuple(stages) == GOOD)


@pytest.mark.parametrize("name", STAGES[:-1])
def test_a_failed_stage_of_a_persons_path_fails_the_hub(name):
    assert judge(but(name, ok=False)).verdict == "failed"


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("seconds", [1000.0, math.nan, math.inf])
def test_a_slow_stage_makes_the_hub_degraded(name, seconds):
    assert judge(but(name, seconds=seconds)).verdict == "degraded"


def test_what_is_wrong_beside_the_hub_does_not_fail_it():
    away = but("sign-in", ok=True, detail="away", cause="console")
    assert judge(away).verdict == "degraded"
    assert judge([*away[:4], Stage("spawn", False, 1), *away[5:]]).verdict == "failed"


MESSAGES = [
    (
        but("spawn", ok=False, detail="Spawn failed: Timeout"),
        "spawner: the hub could not give a person a running server (Spawn failed: Timeout)",
        "Read the hub's log (`hubfleet logs`) at the time of the probe: the server's own output "
        "is there.",
    ),
    (
        but("spawn", ok=False, detail="Too many users", cause="capacity"),
        "capacity: there is no room for another person (Too many users)",
        "Look at memory, CPU and the hub's limits on servers; try again when it is quieter.",
    ),
    (
        [one for one in GOOD if one.name != "home"],
        "storage: people's files cannot be written and read back (home did not happen)",
        "Check that the disk is not full, that the home folder is writable and its owner is right.",
    ),
    (
        but("cleanup", ok=False, detail="the server did not stop within 30 s"),
        "the probe could not clean up after itself (the server did not stop within 30 s)",
        "The probe's own server may still run: stop it in the hub's admin page and read the "
        "hub's log.",
    ),
    (
        but("kernel", seconds=12.34),
        "capacity: kernel took 12.3 s (more than 10 s is too long for people)",
        "Look at memory, CPU and the hub's limits on servers; try again when it is quieter.",
    ),
    (
        but("sign-in", ok=True, detail="the console does not answer the hub", cause="console"),
        "console: nobody new can sign in; whoever is signed in can work "
        "(the console does not answer the hub)",
        "`hubfleet up` starts the console; `hubfleet logs console` tells why it ended.",
    ),
    (
        but("name", ok=False, detail="x.example does not resolve"),
        "network: the hub's name or machine cannot be reached (x.example does not resolve)",
        "Check the DNS record of the hub's domain, and that this machine can reach the other.",
    ),
]


@pytest.mark.parametrize(("stages", "cause", "hint"), MESSAGES)
def test_cause_and_hint_in_plain_words(stages, cause, hint):
    judgement = judge(stages)
    assert (judgement.cause, judgement.hint) == (cause, hint)


def test_the_result_has_the_promised_shape():
    found = result("reef/prod", 1.23456, [Stage("name", False, 0.1234567, "x")]).as_json()
    assert list(found) == ["hub", "verdict", "seconds", "stages", "cause", "hint"]
    assert found["stages"][0] == {"name": "name", "ok": False, "seconds": 0.123, "detail": "x"}
    assert found["stages"][1]["detail"] == NOT_REACHED
    assert found["seconds"] == 1.235


def test_a_target_does_not_show_its_token():
    assert "s3cret" not in repr(Target("a/b", "http://x/", None, "hubfleet-probe", "s3cret"))


def test_every_stage_has_a_time_limit_beyond_what_counts_as_slow():
    for name in STAGES:
        assert TimeLimits().of(name) > SLOW[name]
