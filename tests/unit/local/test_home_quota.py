"""Quotas: the decision, the words, and whether the file system enforces them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.kit.clock import now, timestamp
from hubfleet.platforms.local.homes import admission
from hubfleet.platforms.local.homes.admission import FRESH, check_before_start, trusted
from hubfleet.platforms.local.homes.project_quota import (
    enforce,
    enforcement,
    mount_of,
    project_for,
)
from hubfleet.platforms.local.homes.quota import judge_quota, readable
from hubfleet.platforms.local.homes.usage import HomeUsage, HubUsage, store_usage
from tests.unit.local.homes import make_homes

G = 1024**3


@pytest.mark.parametrize(
    ("used", "state"),
    [(0, "ok"), (899, "ok"), (900, "warn"), (1000, "warn"), (1099, "warn"), (1100, "refuse")],
)
def test_people_are_warned_at_90_percent_and_refused_at_110(used: int, state: str) -> None:
    assert judge_quota(used, 1000).state == state


@given(st.integers(0, 2**60))
def test_without_a_quota_all_is_well(used: int) -> None:
    verdict = judge_quota(used, None)
    assert (verdict.state, verdict.text) == ("ok", "")


@given(st.integers(0, 2**50), st.integers(0, 2**50), st.integers(1, 2**50))
def test_more_files_never_make_a_verdict_better(one: int, other: int, quota: int) -> None:
    order = ["ok", "warn", "refuse"]
    less, more = sorted([one, other])
    states = [order.index(judge_quota(used, quota).state) for used in (less, more)]
    assert states == sorted(states)


def test_a_refusal_says_what_is_used_what_is_allowed_and_what_to_do() -> None:
    verdict = judge_quota(12 * G, 10 * G, ask="help@example.org")
    assert verdict.refused
    assert verdict.text == (
        "Your home is too full to start a server: it holds 12G of 10G (120 %). "
        "Nothing of yours was deleted. "
        "If one of your servers still runs, delete files there until less than 11G is left, "
        "then start again. "
        "Files deleted in JupyterLab stay in the folder .local/share/Trash until you empty it. "
        "If none runs, ask help@example.org to delete files for you or to give you more room."
    )


def test_a_warning_says_what_comes_next() -> None:
    assert judge_quota(int(9.5 * G), 10 * G).text == (
        "Your home is nearly full: it holds 9.5G of 10G (95 %). "
        "From 11G on no new server is started for you. "
        "Delete files that you no longer need. "
        "Files deleted in JupyterLab stay in the folder .local/share/Trash until you empty it. "
        "If you need more room, ask the admins of this hub."
    )


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (1023, "1023"), (1536, "1.5K"), (G, "1G"), (2**50, "1024T")]
)
def test_amounts_are_short(amount: int, text: str) -> None:
    assert readable(amount) == text


def test_a_full_home_is_refused_by_a_fresh_measurement(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"big": b"x" * 200_000}, "bo": {}})
    assert check_before_start(folder, "ada", 100_000).state == "refuse"
    assert check_before_start(folder, "bo", 100_000).state == "ok"
    assert check_before_start(folder, "ada", None).state == "ok"


def test_a_home_with_few_files_is_measured_at_once_and_one_with_many_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_homes(
        tmp_path, {"ada": {str(n): b"x" * 5000 for n in range(30)}, "bo": {"a": ""}}
    )
    apart = []

    def measured_apart(folder: Path, number: int, *, seconds: float) -> HomeUsage:
        apart.append(number)
        return HomeUsage(10**9, 30)

    monkeypatch.setattr(admission, "measure_home_apart", measured_apart)
    monkeypatch.setattr(admission, "QUICK_SECONDS", 60.0)  # whatever else this machine does
    assert check_before_start(folder, "ada", 100_000).state == "refuse"
    assert apart == []
    monkeypatch.setattr(admission, "QUICK_LOOKS", 59)  # each of the 30 is looked at twice
    assert check_before_start(folder, "ada", 10**8).state == "refuse"
    assert check_before_start(folder, "bo", 10**8).state == "ok"
    assert apart == [1]
    monkeypatch.setattr(admission, "QUICK_LOOKS", 60)
    assert check_before_start(folder, "ada", 10**8).state == "ok"
    monkeypatch.setattr(admission, "QUICK_SECONDS", -1.0)
    check_before_start(folder, "ada", 10**8)
    assert apart == [1, 1]


def test_who_deleted_files_is_let_in_although_the_stored_figure_is_high(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"small": "x"}})
    store_usage(folder, HubUsage(timestamp(), {"ada": HomeUsage(10**9, 5)}))
    assert check_before_start(folder, "ada", 100_000).state == "ok"


def test_somebody_new_is_let_in(tmp_path: Path) -> None:
    assert check_before_start(tmp_path, "new", 1).state == "ok"


def test_a_stored_figure_is_believed_when_it_is_young_and_far_from_the_limit() -> None:
    moment = now()
    home = HomeUsage(100, 1)
    assert trusted(HubUsage(timestamp(moment), {}), home, 1000, moment)
    assert not trusted(HubUsage(timestamp(moment - FRESH), {}), home, 1000, moment)
    assert not trusted(HubUsage(timestamp(moment), {}), HomeUsage(800, 1), 1000, moment)
    assert not trusted(HubUsage("rubbish", {}), home, 1000, moment)


def test_a_figure_from_before_the_clock_went_back_is_not_believed() -> None:
    moment = now()
    later = timestamp(moment + timedelta(hours=3))
    assert not trusted(HubUsage(later, {}), HomeUsage(100, 1), 1000, moment)


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 22 254:16 / /srv/hub\\040data rw,noatime - xfs /dev/vdb rw,attr2,prjquota
31 22 0:30 / /srv/other rw - tmpfs tmpfs rw
32 22 254:32 / /data rw - xfs /dev/vdc rw,noquota
"""


def test_project_quotas_are_found_on_the_mount_of_the_folder() -> None:
    mount = mount_of(Path("/srv/hub data/hubs/reef"), MOUNTS)
    assert mount is not None
    assert (mount.place, mount.kind, mount.project_quotas) == ("/srv/hub data", "xfs", True)
    for folder in ("/srv/hub", "/srv/other/x", "/data/x"):
        found = mount_of(Path(folder), MOUNTS)
        assert found is not None
        assert not found.project_quotas


def test_how_quotas_hold_is_said_in_a_sentence() -> None:
    measured = (
        "Quotas are measured, not enforced by the file system: people are warned at 90 %, and "
        "from 110 % on no new server is started."
    )
    assert enforcement(Path("/data"), MOUNTS) == measured
    assert enforcement(Path("/srv/hub data"), MOUNTS, root=True) == (
        "Quotas are enforced by the file system: /srv/hub data (xfs) is mounted with project "
        "quotas. People are warned at 90 % and cannot write beyond 100 %."
    )
    assert enforcement(Path("/srv/hub data"), MOUNTS, root=False) == (
        f"{measured} /srv/hub data (xfs) is mounted with project quotas, but only a hubfleet that "
        "runs as root may set them."
    )


def test_without_project_quotas_homes_are_only_measured(tmp_path: Path) -> None:
    folder = make_homes(tmp_path, {"ada": {"a": "x"}})
    mount = mount_of(folder.resolve(), Path("/proc/self/mountinfo").read_text())
    if mount is not None and mount.project_quotas:
        pytest.skip("the tests' own file system has project quotas")
    assert enforce(folder, 1, 1) == "measured"
    assert (folder / "homes" / "1" / "a").read_text() == "x"


@given(st.integers(1, 2**63), st.integers(1, 2**63))
def test_homes_of_one_file_system_are_different_projects(one: int, other: int) -> None:
    project = project_for(one)
    # Never an operator's own number, and one that the kernel takes.
    assert 2**30 <= project < 2**31
    if one != other and max(one, other) < 2**30:
        assert project != project_for(other)
