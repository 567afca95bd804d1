"""Faults of every kind in a real fleet of two hubs: found, named, cleared; healthy hubs left alone.

`python -m benchmarks.faults [WORDS]`, such as `python -m benchmarks.faults disk kernel`.
Prints a line for each kind while it goes on, then precision and recall for each cause.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.measure import report
from tests.faults.kinds import FAULTS, missing
from tests.faults.lab import Outcome, open_lab, undergo
from tests.faults.score import pairs_of, scores


def main(words: list[str]) -> None:
    chosen = [one for one in FAULTS if not words or any(word in one.name for word in words)]
    outcomes: list[Outcome] = []
    left_out: dict[str, str] = {}
    # Ctrl-C ends it early, with the numbers of what is done.
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory() as folder,
        open_lab(Path(folder)) as lab,
    ):
        for fault in chosen:
            if why := missing(fault):
                left_out[fault.name] = why
                continue
            began = time.monotonic()
            outcomes.append(undergo(lab, fault))
            _tell(outcomes[-1], time.monotonic() - began)
    found = scores(pairs_of(outcomes))
    report(
        benchmark="faults",
        kinds=len(outcomes),
        detected=sum(one.detected for one in outcomes),
        named=sum(one.named for one in outcomes),
        cleared=sum(not any(seen.cause for seen in one.after.values()) for one in outcomes),
        false_alarms=sum(len(one.false_alarms) for one in outcomes),
        looks_at_healthy_hubs=sum(there == "" for there, _ in pairs_of(outcomes)),
        causes={
            one.cause: {"precision": one.precision, "recall": one.recall, "looks": one.there}
            for one in found
        },
        left_out=left_out,
    )


def _tell(one: Outcome, seconds: float) -> None:
    word = "right" if one.detected and one.named and not one.false_alarms else "WRONG"
    said = {hub: seen.what for hub, seen in (one.during | one.after).items() if seen.cause}
    said |= {hub: seen.what for hub, seen in one.during.items() if seen.cause}
    print(f"{word}  {one.fault.name}  {seconds:.0f} s  {said}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
