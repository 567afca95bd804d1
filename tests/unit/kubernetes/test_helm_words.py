"""Helm's sentences become ours; the texts are Helm's own, from 4.3 and 3.x."""

from __future__ import annotations

import pytest

from hubfleet.platforms.kubernetes.helm_words import Failure, problem_of, understood

NOT_READY = """level=WARN msg="upgrade failed" name=ant-prod error="resource \
Deployment/ant-prod/hub not ready. status: InProgress, message: Available: 0/1\\ncontext \
deadline exceeded"
Error: UPGRADE FAILED: resource Deployment/ant-prod/hub not ready. status: InProgress, message: \
Available: 0/1
context deadline exceeded"""
CONFLICT = """Error: UPGRADE FAILED: conflict occurred while applying object ant-prod/hub apps/v1, \
Kind=Deployment: Apply failed with 1 conflict: conflict with "kubectl-set" using apps/v1: \
.spec.template.spec.containers[name="hub"].resources.requests.cpu"""
TWO_CONFLICTS = """Error: UPGRADE FAILED: conflict occurred while applying object ant-prod/hub \
apps/v1, Kind=Deployment: Apply failed with 2 conflicts: conflicts with "kubectl-edit" using \
apps/v1:
- .spec.replicas
- .spec.template.spec.nodeSelector"""
TAKEN = """Error: INSTALLATION FAILED: unable to continue with install: PriorityClass \
"ant-prod-default-priority" in namespace "" exists and cannot be imported into the current \
release: invalid ownership metadata; annotation validation error: key \
"meta.helm.sh/release-namespace" must equal "ant-prod2": current value is "ant-prod\""""
SCHEMA = """Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the \
following chart(s):
jupyterhub:
- at '': additional properties 'nonsense' not allowed
- at '/hub/annotations/a': got number, want string
"""
FORBIDDEN = """Error: UPGRADE FAILED: could not get information about the resource: \
secrets is forbidden: User "limited" cannot list resource "secrets" in API group "" in the \
namespace "ant-prod\""""
INVALID = """Error: UPGRADE FAILED: failed to create resource: Ingress.networking.k8s.io \
"jupyterhub" is invalid: spec.rules[0].host: Invalid value: "no host name\""""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NOT_READY, Failure("not-ready", "Deployment/ant-prod/hub", "Available: 0/1")),
        (
            CONFLICT,
            Failure(
                "conflict",
                "Deployment/ant-prod/hub",
                '.spec.template.spec.containers[name="hub"].resources.requests.cpu',
                "kubectl-set",
            ),
        ),
        (
            TWO_CONFLICTS,
            Failure("conflict", "Deployment/ant-prod/hub", ".spec.replicas", "kubectl-edit"),
        ),
        (TAKEN, Failure("taken", "PriorityClass/ant-prod-default-priority", owner="ant-prod")),
        (
            SCHEMA,
            Failure(
                "schema",
                detail="`the values`: additional properties 'nonsense' not allowed; "
                "`hub.annotations.a`: got number, want string",
            ),
        ),
        (FORBIDDEN, Failure("right", detail="list secrets in the namespace ant-prod")),
        (
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            Failure("pending"),
        ),
        (
            "Error: Kubernetes cluster unreachable: the server has asked for the client to provide "
            "credentials",
            Failure(
                "credentials",
                detail="Kubernetes cluster unreachable: the server has asked for the client to "
                "provide credentials",
            ),
        ),
        (
            "Error: Kubernetes cluster unreachable: dial tcp 127.0.0.1:1: connect: "
            "connection refused",
            Failure(
                "unreachable",
                detail="Kubernetes cluster unreachable: dial tcp 127.0.0.1:1: connect: "
                "connection refused",
            ),
        ),
        (
            "Error: UPGRADE FAILED: context deadline exceeded",
            Failure("not-ready", detail="context deadline exceeded"),
        ),
        (
            INVALID,
            Failure(
                "refused",
                detail='failed to create resource: Ingress.networking.k8s.io "jupyterhub" is '
                'invalid: spec.rules[0].host: Invalid value: "no host name"',
            ),
        ),
    ],
)  # fmt: skip
def test_each_way_to_fail_is_told_apart(text: str, expected: Failure) -> None:
    assert understood(text) == expected


def test_the_problem_names_object_events_and_cure() -> None:
    problem = problem_of(
        understood(NOT_READY), "ant/prod", "reef", "reef/ant-prod", "pod hub-1: Pending"
    )
    assert str(problem) == (
        "error[hub-did-not-come-up]: ant/prod did not come up\n"
        "  --> reef/ant-prod\n"
        "  why: Deployment/ant-prod/hub is not ready (Available: 0/1); pod hub-1: Pending\n"
        "  hint: `hubfleet logs ant/prod` shows more; where it only needs longer, raise "
        "`kubernetes.come_up` in clusters/reef.yaml"
    )


def test_words_of_helm_with_braces_are_left_alone() -> None:
    problem = problem_of(Failure("refused", detail="{hub} {0}"), "ant/prod", "reef", "reef/ant")
    assert problem.why == "{hub} {0}"
