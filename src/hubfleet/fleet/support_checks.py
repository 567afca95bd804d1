"""Rules for `support:` of a cluster: a version for each chart, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubfleet.fleet.support import KNOWN, SupportChart
from hubfleet.fleet.words import nearest
from hubfleet.fleet.yaml import Document
from hubfleet.kit.errors import Problem


def support_problems(charts: Mapping[str, SupportChart], document: Document) -> Iterator[Problem]:
    """What is wrong with one cluster's `support:`."""
    for name, chart in charts.items():
        place = document.place(("kubernetes", "support", name))
        if chart.path is None and chart.version is None:
            yield Problem(
                "no-support-version",
                f"nothing says which version of `{name}` there is to be",
                place,
                "An unpinned chart would change the cluster when somebody publishes another one.",
                f"write `{name}: {{version: ...}}`",
            )
        if chart.path is None and chart.repository is None and name not in KNOWN:
            near = nearest(name, list(KNOWN))
            yield Problem(
                "unknown-support-chart",
                f"hubfleet does not know a chart `{name}`",
                place,
                f"It knows {', '.join(KNOWN)}.",
                f"did you mean `{near}`?" if near else "add its `repository`",
            )
