"""Precision and recall of causes."""

from __future__ import annotations

from tests.faults.score import Score, scores


def test_what_was_there_and_what_was_said_are_counted_apart() -> None:
    found = scores(
        [
            ("hub", "hub"),
            ("hub", "proxy"),
            ("proxy", "proxy"),
            ("", ""),
            ("", "hub"),
            ("kernel", ""),
        ]
    )
    assert found == [
        Score("hub", 2, 2, 1),
        Score("kernel", 1, 0, 0),
        Score("proxy", 1, 2, 1),
    ]
    assert [(one.precision, one.recall) for one in found] == [(0.5, 0.5), (None, 0.0), (0.5, 1.0)]
