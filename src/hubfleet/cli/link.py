"""`hubfleet link`: what do I send to people, so that they get a repository?"""

from __future__ import annotations

from typing import Annotated

import typer

from hubfleet.cli import options, output


def link(
    hub: options.HubArgument,
    repository: Annotated[
        str, typer.Argument(metavar="REPOSITORY_URL", help="An https address of a git repository.")
    ],
    branch: Annotated[
        str | None, typer.Option("--branch", "-b", help="Default: the repository's own.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", help="A file or folder of the repository to open.")
    ] = None,
    interface: Annotated[
        str | None,
        typer.Option(
            "--interface", help="lab, notebook, rstudio or a URL path; default: the hub's."
        ),
    ] = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Print a link that copies a repository into a person's home and opens it (nbgitpuller)."""
    from hubfleet import wiring
    from hubfleet.fleet.link import pull_link
    from hubfleet.platforms.local.homes.people import find_hub
    from hubfleet.platforms.local.spec import HubSpec

    spec = HubSpec.read(find_hub(wiring.state_folder(state), hub).spec)
    chosen = interface or spec.values.get("interface") or "lab"
    url = pull_link(spec.url, repository, branch=branch, path=path, interface=chosen)
    if as_json:
        output.print_json({"hub": hub, "link": url})
    else:
        output.say(url)
