"""Whose server it is: another probe's, or one that a crashed probe left."""

from __future__ import annotations

import subprocess

import pytest

from hubfleet.probes.mark import begin_mark, end_mark, is_left_over


def test_a_running_probes_mark_is_respected_until_it_ends():
    mark = begin_mark(60)
    assert not is_left_over(mark)
    end_mark(mark)
    assert is_left_over(mark)


def test_a_mark_older_than_a_whole_probe_is_left_over():
    mark = begin_mark(-10)
    assert is_left_over(mark)
    end_mark(mark)


def test_a_mark_of_a_process_that_is_gone_is_left_over():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert is_left_over(begin_mark(60) | {"pid": gone.pid})


def test_a_mark_of_another_machine_is_respected():
    assert not is_left_over(begin_mark(60) | {"machine": "another", "pid": 1})


@pytest.mark.parametrize("mark", [None, "x", {}, 7])
def test_a_server_without_a_probes_mark_is_left_over(mark):
    assert is_left_over(mark)
