"""`hubfleet replicate`: take a whole hub along, prove that the copy works, bring one in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences
from hubfleet.cli.output import counted

if TYPE_CHECKING:
    from hubfleet.replicate.adopting import Adopted, Wish
    from hubfleet.replicate.audit import Finding
    from hubfleet.replicate.export import Exported
    from hubfleet.replicate.trial.verify import Verified

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
        typer.Option(
            "--usage",
            metavar="FILE",
            help="Measured use from this file, as `usage --json` writes it, instead of from the "
            "console.",
        ),
    ] = None,
    without_usage: Annotated[
        bool, typer.Option("--without-usage", help="Leave measured use and its cost out.")
    ] = False,
    pin_images: Annotated[
        bool,
        typer.Option(
            "--pin-images/--no-pin-images",
            help="Ask registries which digest each image's tag means now, and write it down. "
            "What does not answer in time is left as it is, and told.",
        ),
    ] = True,
    inside_registry: Annotated[
        list[str] | None,
        typer.Option(
            "--inside-registry",
            metavar="HOST",
            help="A registry inside of this network that may be asked, too: host or host:port.",
        ),
    ] = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a bundle: the hub or community, complete, to run elsewhere with or without hubfleet."""
    from hubfleet import wiring
    from hubfleet.cli.measured_use import use_asked
    from hubfleet.cli.progress import Progress
    from hubfleet.fleet.load import load_fleet
    from hubfleet.replicate.export import Options, hubs_of
    from hubfleet.replicate.export import export as write
    from hubfleet.replicate.images.client import DistributionRegistry

    loaded = load_fleet(wiring.fleet_root(fleet))
    names, folder = hubs_of(loaded, name), wiring.state_folder(state)
    used, untold = use_asked(names, folder, usage, without=without_usage)
    chosen = Options(with_database, with_homes, with_shared, at, used, untold)
    registry = DistributionRegistry(inside_registry or ()) if pin_images else None
    with (
        wiring.data_sources(loaded, folder) as sources,
        Progress("exporting", 0, quiet=quiet) as progress,
    ):
        made = write(loaded, names, to, chosen, folder, progress.listen, sources, registry)
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
    for image in made.images:
        if image.digest is not None:
            output.tell(f"image {image.text}")
    for one in manifest.left_out:
        output.tell(f"left out: {one.what}{f' ({one.why})' if one.why else ''}")
    if made.unread:
        output.print_problems(made.unread)
    for one in manifest.placeholders:
        output.tell(f"to be made anew: {one.what}: {one.cure}")
    output.tell(f"`hubfleet replicate verify {made.target}` proves that it works")


@app.command("audit")
def audit(
    name: Name,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what could not be taken along: MUST, SHOULD and MAY findings, each with a cure."""
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet
    from hubfleet.platforms.local.environments import EnvironmentStore
    from hubfleet.replicate.audit import audit as findings_of
    from hubfleet.replicate.data.licences import licences_known
    from hubfleet.replicate.export import hubs_of

    loaded = load_fleet(wiring.fleet_root(fleet))
    names = hubs_of(loaded, name)
    store = EnvironmentStore(wiring.state_folder(state).environments)
    licences = {name: licences_known(loaded.hubs[name], store) for name in names}
    findings = findings_of(loaded, names, licences)
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
    in_hubs = counted(hubs, "hub")
    if findings:
        told = counted(len(findings), "finding")
        output.tell(f"{told} in {in_hubs}; {must} of them stand in the way")
    else:
        output.tell(f"nothing stands in the way of {in_hubs}")


@app.command("import")
def import_(
    bundle: BundlePath,
    into: Annotated[
        Path, typer.Option("--into", metavar="FLEET", help="The fleet's folder, with fleet.yaml.")
    ],
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            metavar="NAME",
            help="Where it runs; declared, too, if the fleet has it not.",
        ),
    ],
    named: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Another name: community/hub, or community for several."
        ),
    ] = None,
    people: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OLD=NEW", help="Somebody who has another name here."),
    ] = None,
    restore_data: Annotated[
        bool,
        typer.Option(
            "--restore-data", help="Put homes, shared folders and people where the hub will be."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; only tell.")] = False,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Take a bundle into a fleet: its declaration, and its data where that is asked for."""
    from hubfleet import wiring
    from hubfleet.cli.progress import Progress
    from hubfleet.replicate.adopting import Wish, adopt

    wish = Wish(
        wiring.fleet_root(into),
        cluster,
        named,
        _renamed(people or []),
        wiring.state_folder(state) if restore_data else None,
        dry_run,
    )
    with Progress("importing", 0, quiet=quiet or as_json) as progress:
        adopted = adopt(bundle, wish, progress.listen)
    if as_json:
        output.print_json(_adopted_json(adopted, wish.dry_run))
    elif not quiet:
        _tell_adopted(adopted, wish)
    if adopted.missing:
        raise typer.Exit(exits.FAILED)


def _renamed(pairs: list[str]) -> dict[str, str]:
    from hubfleet.kit.errors import failure

    found = {}
    for pair in pairs:
        old, separator, new = pair.partition("=")
        if not separator or not old or not new:
            raise failure(
                "bad-option",
                f"`--map {pair}` cannot be right",
                hint="write OLD=NEW, the name in the bundle first",
            )
        found[old] = new.lower()
    return found


def _adopted_json(adopted: Adopted, dry_run: bool) -> dict[str, Any]:
    return {
        "written": not dry_run,
        "hubs": sorted(adopted.hubs.values()),
        "files": adopted.files,
        "restored": [asdict(one) for one in adopted.restored],
        "placeholders": adopted.placeholders,
        "from_other_layers": adopted.changed,
        "missing": [problem.as_json() for problem in adopted.missing],
    }


def _tell_adopted(adopted: Adopted, wish: Wish) -> None:
    said = "would be" if wish.dry_run else "is"
    for name in adopted.hubs.values():
        output.say(f"{name} {said} in {wish.root}, on the cluster {wish.cluster}")
    for file in adopted.files:
        output.say(f"  {file}")
    for one in adopted.restored:
        homes = counted(len(one.homes), "home")
        people = counted(one.people_added, "person", "people")
        output.say(f"restored for {one.hub}: {homes}; {people} added, {one.people_there} there")
        for person in one.strangers:
            output.tell(f"note: nobody called {person} may come in; their home is kept")
    for line in adopted.changed:
        output.tell(f"note: {line}")
    for line in adopted.placeholders:
        output.tell(f"to be made anew: {line}")
    if adopted.holds_data and wish.state is None:
        output.tell("note: its data was left in the bundle; --restore-data puts it in place")
    if adopted.missing:
        output.tell("\nThe fleet is not complete yet:\n")
        output.print_problems(adopted.missing)
    elif not wish.dry_run:
        output.tell("see the difference with `hubfleet plan`, and have it carried out by `apply`")


@app.command("verify")
def verify(
    bundle: BundlePath,
    how: Annotated[
        str,
        typer.Option(
            "--with", metavar="HOW", help="`hubfleet`, or `plain`: stock JupyterHub without it."
        ),
    ] = "hubfleet",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the copy's folder; nothing of it runs.")
    ] = False,
    without_isolation: options.WithoutIsolation = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Prove that a bundle works: stand it up on this machine, try and compare it, take it away."""
    from hubfleet.cli.progress import Progress
    from hubfleet.kit.errors import failure
    from hubfleet.replicate.trial.verify import verify as try_out

    if how not in ("hubfleet", "plain"):
        raise failure(
            "bad-option", f"`--with {how}` cannot be right", hint="write hubfleet, or plain"
        )
    with Progress("verifying", 0, quiet=quiet or as_json) as progress:
        found = try_out(
            bundle,
            progress.listen,
            how="plain" if how == "plain" else "hubfleet",
            keep=keep,
            without_isolation=without_isolation,
        )
    if as_json:
        output.print_json(found.as_json())
    elif not quiet:
        _tell_verified(found)
    if not found.ok:
        raise typer.Exit(exits.FAILED)


def _tell_verified(found: Verified) -> None:
    for trial in found.trials:
        output.say(f"{trial.hub}: {'as promised' if trial.ok else 'NOT as promised'}")
        for check in trial.checks:
            output.say(
                f"  {check.name}: {check.outcome}{f' ({check.detail})' if check.detail else ''}"
            )
    if found.kept is not None:
        output.tell(f"the copy is in {found.kept}")
