"""`hubfleet replicate`: take a whole hub along, prove that the copy works, bring one in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences
from hubfleet.cli.output import counted

if TYPE_CHECKING:
    from hubfleet.replicate.audit import Finding
    from hubfleet.replicate.export import Exported

app = typer.Typer(
    cls=WholeSentences,
    help="Take a whole hub along, prove that the copy works, bring one in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="HUB|COMMUNITY", help="community/hub, or community.")]
BundlePath = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="The folder, .tar or .tar.zst of an export.")
]


@app.command("export")
def export(
    name: Name,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="DIR|FILE", help="A new folder, or a .tar or .tar.zst file."),
    ],
    with_database: Annotated[
        bool, typer.Option("--with-database", help="JupyterHub's database, without secrets.")
    ] = False,
    with_homes: Annotated[bool, typer.Option("--with-homes", help="People's homes.")] = False,
    with_shared: Annotated[bool, typer.Option("--with-shared", help="Shared folders.")] = False,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="When it was made, for its manifest; default: not said."
        ),
    ] = None,
    usage: Annotated[
        Path | None,
        typer.Option("--usage", metavar="FILE", help="Measured use and cost as JSON, taken along."),
    ] = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a bundle: the hub or community, complete, to run elsewhere with or without hubfleet."""
    from hubfleet import wiring
    from hubfleet.cli.progress import Progress
    from hubfleet.fleet.load import load_fleet
    from hubfleet.replicate.export import Options, hubs_of, usage_of
    from hubfleet.replicate.export import export as write

    loaded = load_fleet(wiring.fleet_root(fleet))
    chosen = Options(
        database=with_database,
        homes=with_homes,
        shared=with_shared,
        at=at,
        usage=usage_of(usage) if usage else None,
    )
    names = hubs_of(loaded, name)
    with Progress("exporting", 0, quiet=quiet or as_json) as progress:
        made = write(loaded, names, to, chosen, wiring.state_folder(state), progress.listen)
    if as_json:
        output.print_json(made.as_json())
    elif not quiet:
        _tell_exported(made)


def _tell_exported(made: Exported) -> None:
    manifest = made.manifest
    files = counted(len(manifest.files), "part")
    output.say(f"exported {counted(len(manifest.hubs), 'hub')} to {made.target}: {files}")
    if made.resumed:
        output.tell(f"{counted(made.resumed, 'part')} were there from an export that was cut off")
    for one in manifest.left_out:
        output.tell(f"left out: {one.what}{f' ({one.why})' if one.why else ''}")
    for one in manifest.placeholders:
        output.tell(f"to be made anew: {one.what}: {one.cure}")
    output.tell(f"`hubfleet replicate verify {made.target}` proves that it works")


@app.command("audit")
def audit(
    name: Name,
    fleet: options.Fleet = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what could not be taken along: MUST, SHOULD and MAY findings, each with a cure."""
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet
    from hubfleet.replicate.audit import audit as findings_of
    from hubfleet.replicate.export import hubs_of

    loaded = load_fleet(wiring.fleet_root(fleet))
    names = hubs_of(loaded, name)
    findings = findings_of(loaded, names)
    if as_json:
        output.print_json(
            {"hubs": list(names), "findings": [finding.as_json() for finding in findings]}
        )
    elif not quiet:
        _tell_findings(findings, len(names))
    if any(finding.level == "MUST" for finding in findings):
        raise typer.Exit(exits.FAILED)


def _tell_findings(findings: tuple[Finding, ...], hubs: int) -> None:
    for one in findings:
        output.say(f"{one.level} {one.hub}: {one.what} [{one.code}]")
        if one.place is not None:
            output.say(f"  --> {one.place}")
        output.say(f"  why: {one.why}")
        output.say(f"  hint: {one.cure}")
    must = sum(one.level == "MUST" for one in findings)
    said = f"{counted(len(findings), 'finding')} in {counted(hubs, 'hub')}"
    output.tell(
        f"{said}; {must} of them stand in the way" if findings else f"nothing in {said[11:]}"
    )
