"""A keeper that lacks processes or descriptors for a moment goes on when it has them again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubfleet.platforms.local.children import Child, Pace
from hubfleet.platforms.local.children_fork import Program, fork
from hubfleet.platforms.local.folders import HubFolder
from hubfleet.platforms.local.keeper_loop import Loop
from hubfleet.platforms.local.keeper_rounds import _hub_child
from hubfleet.platforms.local.spec import RunRecord
from tests.places import until


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(
        "x", tmp_path, tmp_path / "log", tmp_path / "lock", lambda: {"a": 1}, lambda _: wait()
    )


def wait() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pause()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop(lambda: None)
    yield made
    made._selector.close()
    made._wake.close()
    made._woken.close()


def test_signals_reach_the_keeper_after_a_fork_that_failed(program, monkeypatch):
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", full)
    with pytest.raises(BlockingIOError):
        fork(program, {}, lambda: None)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_a_child_for_which_no_descriptor_was_free_is_adopted_by_the_next_try(
    program, loop, monkeypatch
):
    def full(_: int) -> int:
        raise OSError(24, "Too many open files")

    child = Child(program, Pace(first_wait=0.01), loop, lambda _: None)
    with monkeypatch.context() as poor:
        poor.setattr(os, "pidfd_open", full)
        assert child.start() == "started"
    assert not child.up
    until(program.record.exists, "the child's own record")
    pid = RunRecord.read(program.record).pid

    def tried() -> bool:
        child.tick()
        return child.up

    until(tried, "the next try")
    assert child.status().pid == pid
    child.end()

    def ended() -> bool:
        loop.turn(0.05)
        return not child.up

    until(ended, "its end")


def test_a_hub_is_given_the_very_spec_that_was_recorded(tmp_path):
    got: list[object] = []
    child = _hub_child(HubFolder(tmp_path), lambda *given: got.append(given))
    child.run({"title": "As it was recorded"})
    assert got == [(tmp_path, {"title": "As it was recorded"})]
