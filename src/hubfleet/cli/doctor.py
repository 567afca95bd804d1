"""`hubfleet doctor`: is everything there that clusters on Kubernetes need?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.doctor import Finding
    from hubfleet.wiring import Installation


def doctor(
    cluster: Annotated[
        str | None, typer.Argument(metavar="CLUSTER", help="Default: all on Kubernetes.")
    ] = None,
    rbac: Annotated[
        bool, typer.Option("--rbac", help="Print the rights that hubfleet needs, as a manifest.")
    ] = False,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Check programs, reach, rights, storage and entrance of clusters; each finding has a cure."""
    from hubfleet import wiring

    installation = wiring.open_installation(fleet, state)
    if rbac:
        sys.stdout.write(_manifest(installation, cluster))
        return
    found = _examined(installation, cluster)
    if as_json:
        output.print_json(
            {name: [asdict(one) for one in findings] for name, findings in found.items()}
        )
    else:
        _print(found)
    if any(not one.is_well for findings in found.values() for one in findings):
        raise typer.Exit(exits.FAILED)


def _print(found: dict[str, list[Finding]]) -> None:
    if not found:
        output.say("No cluster of this fleet is on Kubernetes: there is nothing to check.")
    for name, findings in found.items():
        output.say(name or "this machine")
        for one in findings:
            output.say(f"  {'ok ' if one.is_well else 'BAD'}  {one.check:<8}  {one.told}")
            if one.cure:
                output.say(f"       {'':<8}  cure: {one.cure}")


def _examined(installation: Installation, cluster: str | None) -> dict[str, list[Finding]]:
    """By cluster; `""` is this machine. Empty without Kubernetes."""
    kubernetes = installation.kubernetes
    if kubernetes is None:
        return {}
    from hubfleet.platforms.kubernetes.doctor import here

    names = [cluster] if cluster else list(kubernetes.names())
    hubs = [hub for hub in installation.fleet.hubs.values() if hub.cluster in names]
    found = {"": here(hubs, installation.state.path / "kubernetes")}
    return {**found, **{name: list(kubernetes.examine(name)) for name in names}}


def _manifest(installation: Installation, cluster: str | None) -> str:
    """The rights on one cluster: where others make namespaces they end at the hubs'."""
    import yaml

    from hubfleet.kit.errors import failure

    kubernetes = installation.kubernetes
    names = kubernetes.names() if kubernetes else ()
    if kubernetes is None or (cluster is None and len(names) != 1):
        raise failure(
            "which-cluster",
            "nothing says for which cluster the rights are",
            place=str(installation.fleet.root),
            hint=f"name one of {', '.join(names)}" if names else "no cluster is on Kubernetes",
        )
    return yaml.safe_dump_all(kubernetes.rights(cluster or names[0]), sort_keys=False)
