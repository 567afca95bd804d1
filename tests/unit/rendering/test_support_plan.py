"""What stands beside the hubs: the plan, its reasons, and what is refused in a declaration."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubfleet.fleet.support import KNOWN, SupportChart
from hubfleet.fleet.support_checks import support_problems
from hubfleet.fleet.yaml import Document
from hubfleet.platforms.kubernetes.support.planning import Seen, Wanted, support_plan, wanted_of


def wanted(name: str = "traefik", **fields: Any) -> Wanted:
    return wanted_of(name, SupportChart.model_validate({"version": "37.1.1", **fields}))


def seen(one: Wanted, **changed: str) -> Seen:
    said = {"status": "deployed", "version": one.version, "values_digest": one.values_digest}
    said |= {"fingerprint": one.fingerprint, **changed}
    return Seen(one.name, one.namespace, **said)


def test_what_is_known_of_a_chart_fills_in_what_nobody_wrote() -> None:
    one = wanted("cert-manager", version="v1.18.2", values={"crds": {"keep": False}})
    assert (one.repository, one.chart) == ("https://charts.jetstack.io", "cert-manager")
    assert one.namespace == "cert-manager"
    assert one.values == {"crds": {"enabled": True, "keep": False}}


def test_a_chart_that_is_not_there_is_installed() -> None:
    (step,) = support_plan("reef", [wanted()], []).steps
    assert (step.action, [reason.key for reason in step.reasons]) == ("install", ["version"])


def test_another_version_or_other_values_are_a_change_with_reasons() -> None:
    one = wanted()
    (step,) = support_plan("reef", [one], [seen(one, version="36.0.0", fingerprint="x")]).steps
    assert step.action == "upgrade"
    assert [(r.key, r.old, r.new) for r in step.reasons] == [("version", "36.0.0", "37.1.1")]
    (step,) = support_plan("reef", [one], [seen(one, values_digest="x", fingerprint="x")]).steps
    assert [reason.key for reason in step.reasons] == ["values"]


def test_a_release_that_was_cut_off_is_mended() -> None:
    one = wanted()
    (step,) = support_plan("reef", [one], [seen(one, status="pending-upgrade")]).steps
    assert step.action == "mend"
    assert [(r.key, r.old, r.new) for r in step.reasons] == [
        ("state", "pending-upgrade", "deployed")
    ]


def test_nothing_is_removed_and_what_nobody_declares_is_named() -> None:
    plan = support_plan("reef", [], [seen(wanted())])
    assert plan.steps == ()
    assert [one.name for one in plan.left] == ["traefik"]


CHARTS = st.builds(
    wanted,
    st.sampled_from([*KNOWN, "other"]),
    version=st.sampled_from(["1.0.0", "2.0.0"]),
    values=st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2),
)


@given(st.lists(CHARTS, unique_by=lambda one: one.name))
def test_a_plan_against_its_own_result_is_empty(charts: list[Wanted]) -> None:
    plan = support_plan("reef", charts, map(seen, charts))
    assert plan.steps == ()
    assert all(step.reasons for step in support_plan("reef", charts, []).steps)


def test_a_chart_needs_a_version_and_one_that_is_not_known_a_repository() -> None:
    charts = {"traefik": SupportChart(), "certmanager": SupportChart(version="1.0.0")}
    found = [str(problem) for problem in support_problems(charts, Document("clusters/a.yaml", {}))]
    assert found == [
        "error[no-support-version]: nothing says which version of `traefik` there is to be\n"
        "  --> clusters/a.yaml:1:1\n"
        "  why: An unpinned chart would change the cluster when somebody publishes another one.\n"
        "  hint: write `traefik: {version: ...}`",
        "error[unknown-support-chart]: hubfleet does not know a chart `certmanager`\n"
        "  --> clusters/a.yaml:1:1\n"
        "  why: It knows traefik, ingress-nginx, cert-manager, prometheus, nfs, home-nfs.\n"
        "  hint: did you mean `cert-manager`?",
    ]
