"""One probe (limit: median 3 s), then all 43 hubs two at a time (limit: 70 s).

`python -m benchmarks.probes`
"""

from __future__ import annotations

from benchmarks.measure import SERVICE_43, median, report, running_fleet, timed


def main() -> None:
    with running_fleet() as place:
        names = [row["hub"] for row in place.json("status", fleet=SERVICE_43)["hubs"]]
        alone = [
            place.json("probe", names[0], fleet=SERVICE_43)["probes"][0]["seconds"]
            for _ in range(5)
        ]
        verdicts: list[str] = []

        def all_of_them() -> None:
            answer = place.json("probe", fleet=SERVICE_43)
            verdicts.extend(result["verdict"] for result in answer["probes"])

        seconds = timed(all_of_them)
    report(
        benchmark="probes",
        one_median_seconds=median(alone),
        all_seconds=round(seconds, 1),
        healthy=verdicts.count("healthy"),
        hubs=len(verdicts),
    )


if __name__ == "__main__":
    main()
