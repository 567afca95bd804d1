"""`hubfleet render`: a fleet on Kubernetes as plain files for GitOps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubfleet.cli import options, output
from hubfleet.cli.output import counted


def render(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the files go.")],
    fleet: options.Fleet = None,
    only: options.Only = None,
    git: Annotated[
        str | None,
        typer.Option(
            "--git", metavar="URL", help="Where the files will lie in git: writes Argo CD's files."
        ),
    ] = None,
    git_revision: Annotated[
        str, typer.Option("--git-revision", metavar="NAME", help="Branch or tag in it.")
    ] = "main",
    git_path: Annotated[
        str, typer.Option("--git-path", metavar="DIR", help="The folder in it.")
    ] = "",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write values files, a helmfile and Argo CD ApplicationSets; no secret is in them."""
    from hubfleet import wiring
    from hubfleet.cli.choosing import declared_hubs
    from hubfleet.fleet.load import load_fleet
    from hubfleet.kit.errors import failure
    from hubfleet.platforms.kubernetes.rendering.gitops import Git
    from hubfleet.platforms.kubernetes.rendering.writing import write_gitops

    loaded = load_fleet(wiring.fleet_root(fleet))
    wiring.check_charts(loaded)
    chosen = [
        loaded.hubs[name]
        for name in declared_hubs(loaded, only or [])
        if loaded.clusters[loaded.hubs[name].cluster].file.platform == "kubernetes"
    ]
    if not chosen:
        raise failure(
            "nothing-to-render",
            "no hub that was asked for is on Kubernetes",
            place=str(loaded.root),
            why="Hubs on local clusters are processes, without values of a chart.",
            hint="name a cluster with `platform: kubernetes` in a hub's `cluster`",
        )
    place = Git(git, git_revision, git_path) if git else None
    changed = write_gitops(loaded, chosen, to, place)
    if as_json:
        output.print_json({"folder": str(to), "hubs": len(chosen), **changed.as_json()})
    elif not quiet:
        hubs = counted(len(chosen), "hub")
        files = counted(len(changed.written), "file")
        output.say(f"rendered {hubs} into {to}: {files} changed, {len(changed.removed)} removed")
        for name in changed.without_secrets:
            output.tell(f"note: {name}/secrets.yaml is not there yet; see secrets.example.yaml")
