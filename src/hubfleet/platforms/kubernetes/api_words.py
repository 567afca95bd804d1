"""What the Kubernetes API refuses, in our words, with the cure."""

from __future__ import annotations

import re

from hubfleet.kit.errors import HubfleetError, Problem, TransientError, failure

_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)


def unreachable(cluster: str, server: str, why: str) -> TransientError:
    """Nobody answers at the API's address."""
    return TransientError(
        Problem(
            "cluster-unreachable",
            f"the cluster `{cluster}` does not answer",
            server,
            why or "no answer came in time",
            "check the network and the address; the other clusters go on, and the same command "
            "can be run again",
        )
    )


def no_credentials(cluster: str, server: str, why: str) -> HubfleetError:
    """The API does not know us, or the program that prints credentials failed."""
    return failure(
        "credentials-refused",
        f"the cluster `{cluster}` does not accept our credentials",
        place=server,
        why=why,
        hint="they may have expired: sign in again with the provider's program, or have the "
        f"kubeconfig of `{cluster}` written anew, then run the same command again",
    )


def refused(cluster: str, server: str, status: int, message: str) -> HubfleetError:
    """Any other answer than the one that was hoped for."""
    if status == 401:
        return no_credentials(cluster, server, "it says that nobody is signed in")
    if status == 403 and (missing := missing_right(message)):
        return right_missing(cluster, server, missing)
    if status in (429, 500, 502, 503, 504):
        return TransientError(
            Problem(
                "cluster-busy",
                f"the cluster `{cluster}` could not answer",
                server,
                message,
                "run the same command again; if it stays, look at the cluster's control plane",
            )
        )
    return failure(
        "refused-by-cluster",
        f"the cluster `{cluster}` refused what was asked",
        place=server,
        why=message,
        hint=f"`hubfleet doctor {cluster}` checks what hubfleet needs there",
    )


def missing_right(message: str) -> str:
    """`create secrets in the namespace ant-prod`; empty where the text is of something else."""
    found = _FORBIDDEN.search(message)
    if found is None:
        return ""
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    where = f"in the namespace {found['namespace']}" if found["namespace"] else "in the cluster"
    return f"{found['verb']} {resource} {where}"


def right_missing(cluster: str, server: str, right: str) -> HubfleetError:
    """Our account lacks a right; the generated manifest grants it."""
    return failure(
        "right-missing",
        f"our account on the cluster `{cluster}` may not {right}",
        place=server,
        hint=f"have an administrator of the cluster apply what `hubfleet doctor {cluster} --rbac` "
        "prints, then run the same command again",
    )
