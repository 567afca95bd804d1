"""`apply` with nothing to do on 43 hubs; limit: 1.5 s, and no process touched.

`python -m benchmarks.no_change`
"""

from __future__ import annotations

from benchmarks.measure import SERVICE_43, median, processes_of, report, running_fleet, timed


def main() -> None:
    with running_fleet() as place:
        before = sorted(processes_of(place))
        seconds = [
            timed(lambda: place.run("apply", "--yes", "--quiet", fleet=SERVICE_43))
            for _ in range(5)
        ]
        untouched = sorted(processes_of(place)) == before
    report(benchmark="no_change", median_seconds=median(seconds), processes_untouched=untouched)


if __name__ == "__main__":
    main()
