"""`hubfleet environment`: the software that people's notebooks run with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.fleet.software import HubEnvironment
    from hubfleet.wiring import Installation

app = typer.Typer(
    name="environment",
    cls=WholeSentences,
    help="The software that people's notebooks run with: build, look, lock, try out, clean up.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Named = Annotated[
    str,
    typer.Option("--environment", metavar="NAME", help="One of `environments`; else the default."),
]


@app.command("build")
def build(
    hubs: options.HubsArgument = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Build what hubs ask for, without touching any hub."""
    from hubfleet import wiring
    from hubfleet.cli.choosing import declared_hubs
    from hubfleet.cli.progress import Progress

    installation = wiring.open_installation(fleet, state)
    chosen = [
        installation.fleet.hubs[name] for name in declared_hubs(installation.fleet, hubs or ())
    ]
    with (
        installation.lease("hubfleet environment build"),
        Progress("building", len(chosen), quiet=quiet or as_json) as progress,
    ):
        built = installation.local.build_environments(chosen, progress.listen)
    rows = [
        {"hub": hub, "environment": name, "path": str(path)}
        for hub, found in built.items()
        for name, path in found.items()
    ]
    if as_json:
        output.print_json({"environments": rows})
    elif not quiet:
        count = len({row["path"] for row in rows})
        output.say(f"{count} environments for {len(built)} hubs are ready")


@app.command("list")
def list_environments(state: options.State = None, as_json: options.Json = False) -> None:
    """Show every environment on this machine: size, age, and the hubs that need it."""
    from hubfleet import wiring
    from hubfleet.platforms.local.environment_use import in_use
    from hubfleet.platforms.local.environments import EnvironmentStore

    folder = wiring.state_folder(state)
    users = in_use(folder)
    rows: list[dict[str, Any]] = [
        {
            "key": one.path.name.removeprefix("env-"),
            "bytes": one.bytes,
            "built": one.built,
            "python": one.python,
            "hubs": users.get(one.path, []),
            "packages": list(one.packages),
        }
        for one in EnvironmentStore(folder.environments).built()
    ]
    if as_json:
        output.print_json({"environments": rows})
    elif not rows:
        output.tell("no environment was built yet; `hubfleet apply` builds what hubs ask for")
    else:
        _print_environments(rows)


def _print_environments(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    names = ("key", "MB", "built", "python", "hubs", "packages")
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        size = f"{row['bytes'] / 1_000_000:.0f}"
        hubs = ", ".join(row["hubs"]) or "-"
        packages = ", ".join(row["packages"]) or "-"
        table.add_row(row["key"][:12], size, row["built"], row["python"], hubs, packages)
    output.stdout_console().print(table)


@app.command("show")
def show(
    hub: options.HubArgument,
    environment: Named = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Show what is installed in a hub's environment, and from where that was asked for."""
    from hubfleet import wiring
    from hubfleet.platforms.local.environments import installed

    installation = wiring.open_installation(fleet, state)
    wanted = _wanted(installation.fleet, hub, environment)
    path = _built(installation, hub, wanted)
    packages = installed(path)
    if as_json:
        value = {"hub": hub, "environment": environment, "path": str(path), "packages": packages}
        output.print_json({**value, "place": str(wanted.place), "locked": wanted.lock is not None})
        return
    locked = f"locked by {wanted.lock_file}" if wanted.lock else "not locked in the fleet"
    output.tell(f"{path}\nasked for at {wanted.place}, {locked}")
    for name, version in packages.items():
        output.say(f"{name}=={version}")


@app.command("lock")
def lock(
    hub: options.HubArgument,
    environment: Named = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Write exact versions beside the declaration, to be reviewed with it."""
    _write_lock(hub, environment, fleet, state, as_json=as_json, keep=True)


@app.command("update")
def update(
    hub: options.HubArgument,
    environment: Named = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Raise the lock to what the package index has now, and show what changes."""
    _write_lock(hub, environment, fleet, state, as_json=as_json, keep=False)


def _write_lock(
    hub: str,
    environment: str,
    fleet: Path | None,
    state: Path | None,
    *,
    as_json: bool,
    keep: bool,
) -> None:
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet
    from hubfleet.platforms.local.environment_locking import raise_lock
    from hubfleet.platforms.local.environments import EnvironmentStore

    # A lock that does not fit any more is the very reason to be here.
    loaded = load_fleet(wiring.fleet_root(fleet), with_locks=False)
    wanted = _wanted(loaded, hub, environment)
    verb = "lock" if keep else "update"
    changed = raise_lock(
        EnvironmentStore(wiring.state_folder(state).environments),
        loaded.root,
        wanted,
        output.tell if not as_json else lambda _: None,
        command=f"hubfleet environment {verb} {hub}",
        keep=keep,
    )
    if as_json:
        rows = [{"name": name, "old": old, "new": new} for name, old, new in changed]
        output.print_json({"hub": hub, "lock": wanted.lock_file, "changes": rows})
        return
    for name, old, new in changed:
        output.say(f"  {name} {old or '-'} -> {new or '-'}")
    said = f"{len(changed)} packages changed" if changed else "nothing changed"
    output.say(f"{wanted.lock_file}: {said}")
    output.tell("Review the file, then run `hubfleet plan`.")


@app.command("test")
def test(
    hub: options.HubArgument,
    notebooks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NOTEBOOK]...", help="Of the repository; default: all."),
    ] = None,
    environment: Named = "",
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Run the repository's notebooks in the environment, or import its packages."""
    from hubfleet import wiring
    from hubfleet.platforms.local.environment_trial import try_environment

    installation = wiring.open_installation(fleet, state)
    wanted = _wanted(installation.fleet, hub, environment)
    store = installation.local.environments
    installation.make_state_folder()
    path = store.build(wanted, output.tell)
    known, recipe = store.known(wanted, output.tell)
    trials = try_environment(store, known, recipe, path, notebooks or ())
    if as_json:
        rows = [{"name": one.name, "passed": one.passed, "why": one.why} for one in trials]
        output.print_json({"hub": hub, "environment": environment, "trials": rows})
    else:
        for one in trials:
            output.say(f"{'pass' if one.passed else 'FAIL'}  {one.name}  {one.why}".rstrip())
    if not all(one.passed for one in trials):
        raise typer.Exit(exits.FAILED)


@app.command("gc")
def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
    state: options.State = None,
    as_json: options.Json = False,
) -> None:
    """Delete environments that no hub, no running server and no revision needs, and their logs."""
    from hubfleet import wiring
    from hubfleet.platforms.local.environment_use import collect
    from hubfleet.platforms.local.environments import EnvironmentStore
    from hubfleet.rollout.lease import hold

    folder = wiring.state_folder(state)
    removed: list[Path] = []
    if folder.environments.is_dir():
        with hold(folder.apply_lock, "hubfleet environment gc"):
            store = EnvironmentStore(folder.environments)
            removed = collect(folder, store, dry_run=dry_run)
    names = [path.relative_to(folder.environments).as_posix() for path in removed]
    keys = [name.removeprefix("env-") for name in names if name.startswith("env-")]
    others = [name for name in names if not name.startswith("env-")]
    if as_json:
        output.print_json({"dry_run": dry_run, "removed": keys, "others": others})
        return
    for name in names:
        output.say(f"{'would delete' if dry_run else 'deleted'} {name}")
    if not removed:
        output.say("nothing to delete")


def _wanted(fleet: Fleet, hub: str, environment: str) -> HubEnvironment:
    """Raises `no-such-environment` with those that there are."""
    from hubfleet.cli.choosing import declared_hub
    from hubfleet.kit.errors import failure

    declared = declared_hub(fleet, hub)
    found = {one.name: one for one in declared.environments}
    if environment in found:
        return found[environment]
    names = ", ".join(name or "(the default)" for name in found)
    what = f"no environment {environment!r}" if environment else "no environment of its own"
    raise failure(
        "no-such-environment",
        f"{hub} has {what}",
        place=declared.place,
        hint=f"it has: {names}" if names else "declare `environment` with packages or a repository",
    )


def _built(installation: Installation, hub: str, wanted: HubEnvironment) -> Path:
    from hubfleet.kit.errors import failure

    path = installation.local.environments.existing(wanted)
    if path is None:
        raise failure(
            "environment-not-built",
            f"the environment of {hub} was not built yet",
            place=wanted.place,
            hint=f"run `hubfleet environment build {hub}`",
        )
    return path
