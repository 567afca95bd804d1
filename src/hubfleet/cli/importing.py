"""`hubfleet import ...`: what was written for other programs, as files of a fleet.

Each command reads its source and returns a `Source`. What all of them ask (`--into`, `--dry-run`
and so on) stands once, in `_common`; `_importer` adds it to each, and writes and tells.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from hubfleet.replicate.importing.found import Fate, Found
    from hubfleet.replicate.importing.writing import NewCluster

app = typer.Typer(
    help="Bring hubs in that were declared for other programs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

As = Annotated[str, typer.Option("--as", metavar="HUB", help="The new hub: community/hub.")]
Cluster = Annotated[
    str,
    typer.Option(
        "--cluster", metavar="NAME", help="Where it runs; declared, too, if the fleet has it not."
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The tree.")]
SourceFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]


@dataclass
class Source:
    """What an importer found: hubs, clusters for them, and what belongs to no hub."""

    hubs: list[Found]
    clusters: Mapping[str, NewCluster]
    fates: list[Fate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    people: Mapping[str, Any] = field(default_factory=dict)


class _Work:
    """From found hubs to files and words; the same for every source."""

    def __init__(
        self,
        into: Path,
        representatives: list[str] | None,
        replace: bool,
        dry_run: bool,
        full: bool,
        as_json: bool,
        quiet: bool,
    ) -> None:
        from hubfleet import wiring

        self.root = wiring.fleet_root(into)
        self.people = [_person(one) for one in representatives or []]
        self.replace = replace
        self.dry_run = dry_run
        self.full = full
        self.as_json = as_json
        self.quiet = quiet

    def finish(self, source: Source) -> None:
        """Settle, write, load, tell; ends with 1 while the fleet does not validate."""
        from hubfleet.replicate.importing.report import Report
        from hubfleet.replicate.importing.settling import settle
        from hubfleet.replicate.importing.writing import (
            Written,
            declared_clusters,
            files_of,
            refuse_existing,
            write,
        )

        declared = declared_clusters(self.root)
        for one in source.hubs:
            known = declared.get(one.cluster)
            if known is not None:
                one.platform = known.platform
        settled = []
        for one in source.hubs:
            known = declared.get(one.cluster)
            settled.append(settle(one, known.kubernetes if known else None))
        if self.dry_run:
            files = files_of(self.root, settled, source.clusters, self.people)
            refuse_existing(self.root, files, replace=self.replace)
            written = Written(tuple(files))
        else:
            written = write(self.root, settled, source.clusters, self.people, replace=self.replace)
        report = Report(
            tuple(settled),
            tuple(source.fates),
            written.files,
            written.missing,
            tuple(source.notes),
            not self.dry_run,
            source.people,
        )
        self._tell(report)
        if written.missing:
            raise typer.Exit(exits.FAILED)

    def _tell(self, report: Any) -> None:
        if self.as_json:
            output.print_json(report.as_json())
        elif not self.quiet:
            for line in report.lines(full=self.full):
                output.say(line)
        if report.missing and not self.as_json:
            output.tell("\nThe fleet is not complete yet:\n")
            output.print_problems(report.missing)


def _common(
    into: Annotated[
        Path, typer.Option("--into", metavar="FLEET", help="The fleet's folder, with fleet.yaml.")
    ],
    representative: Annotated[
        list[str] | None,
        typer.Option(
            "--representative",
            metavar="PERSON",
            help="Who speaks for new communities: 'Ada Example <ada@example.org>'; at most twice.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite hubs that the fleet has already.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; only tell.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Tell of every key, not only of what is left.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> _Work:
    return _Work(into, representative, replace, dry_run, full, as_json, quiet)


_SHARED = inspect.signature(_common).parameters


def _importer(name: str) -> Callable[[Callable[..., Source]], Callable[..., None]]:
    """Makes a function that reads a source into a command, with the options of all importers."""

    def make(read: Callable[..., Source]) -> Callable[..., None]:
        @wraps(read)
        def command(**said: Any) -> None:
            # Before anything is read: a fleet that is not there is told at once.
            work = _common(**{key: said.pop(key) for key in _SHARED})
            work.finish(read(**said))

        hints = {
            **get_type_hints(_common, include_extras=True),
            **get_type_hints(read, include_extras=True),
        }
        parameters = sorted(
            (
                one.replace(annotation=hints[one.name])
                for one in (*inspect.signature(read).parameters.values(), *_SHARED.values())
            ),
            key=lambda one: one.default is not one.empty,
        )
        command.__annotations__ = hints
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return app.command(name)(command)

    return make


@_importer("z2jh")
def z2jh(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Values files; later ones win.")
    ],
    name: As,
    cluster: Cluster,
    under: Annotated[
        str | None,
        typer.Option(
            "--under",
            metavar="KEY",
            help="Where the chart's values stand in a parent chart's; default: found by name.",
        ),
    ] = None,
    chart_version: Annotated[
        str | None,
        typer.Option("--chart-version", help="The chart's exact version, such as 4.3.3."),
    ] = None,
) -> Source:
    """Zero to JupyterHub: the values files of one release."""
    from hubfleet.replicate.importing.found import Origin
    from hubfleet.replicate.importing.writing import NewCluster
    from hubfleet.replicate.importing.z2jh import from_values

    community, hub = _named(name)
    nested = tuple(under.split(".")) if under else ()
    found = from_values(files, community=community, hub=hub, cluster=cluster, under=nested)
    if chart_version:
        found.give("chart.version", chart_version, Origin("--chart-version"))
    return Source([found], {cluster: NewCluster()})


@_importer("clusters-tree")
def clusters_tree(folder: Folder) -> Source:
    """A tree config/clusters/*/cluster.yaml with layered values files, as 2i2c has."""
    from hubfleet.replicate.importing.clusters_tree import from_tree

    tree = from_tree(folder)
    return Source(tree.hubs, tree.clusters, tree.fates, tree.notes)


@_importer("hubploy")
def hubploy(folder: Folder) -> Source:
    """A tree of hubploy, deployments/*/hubploy.yaml, as UC Berkeley's DataHub has."""
    from hubfleet.replicate.importing.hubploy import from_hubploy

    tree = from_hubploy(folder)
    return Source(tree.hubs, tree.clusters, tree.fates, tree.notes)


@_importer("tljh")
def tljh(file: SourceFile, name: As, cluster: Cluster) -> Source:
    """The Littlest JupyterHub: its config.yaml, as a hub on a local cluster."""
    from hubfleet.replicate.importing.tljh import from_tljh
    from hubfleet.replicate.importing.writing import NewCluster

    community, hub = _named(name)
    found = from_tljh(file, community=community, hub=hub, cluster=cluster)
    return Source([found], {cluster: NewCluster(platform="local")})


@_importer("nebari")
def nebari(file: SourceFile, name: As, cluster: Cluster) -> Source:
    """Nebari: its nebari-config.yaml, as a hub on Kubernetes."""
    from hubfleet.replicate.importing.nebari import from_nebari

    community, hub = _named(name)
    found, new = from_nebari(file, community=community, hub=hub, cluster=cluster)
    return Source([found], {cluster: new})


@_importer("jupyterhub")
def jupyterhub(
    url: Annotated[str, typer.Argument(metavar="URL", help="The hub, such as https://hub.org.")],
    name: As,
    cluster: Cluster,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="A file with an API token; default: $JUPYTERHUB_API_TOKEN.",
        ),
    ] = None,
    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="A cluster that is new is one on Kubernetes.")
    ] = False,
) -> Source:
    """A running JupyterHub, by its API: users, admins, groups, activity."""
    from hubfleet.replicate.importing.running import RunningHub, from_running
    from hubfleet.replicate.importing.writing import NewCluster

    community, hub = _named(name)
    running = RunningHub(url, _token(token_file))
    found, people = from_running(
        running, community=community, hub=hub, cluster=cluster, local=not kubernetes
    )
    new = NewCluster(platform="kubernetes" if kubernetes else "local")
    return Source([found], {cluster: new}, people=people)


def _named(name: str) -> tuple[str, str]:
    from hubfleet.fleet.fields import is_name
    from hubfleet.kit.errors import failure

    community, _, hub = name.partition("/")
    if not is_name(community) or not is_name(hub):
        raise failure(
            "bad-option",
            f"`--as {name}` cannot be right",
            hint="write community/hub, in small letters, digits and `-`",
        )
    return community, hub


def _person(text: str) -> dict[str, str]:
    from hubfleet.kit.errors import failure

    match = re.fullmatch(r"\s*([^<>]+?)\s*<([^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)>\s*", text)
    if match is None:
        raise failure(
            "bad-option",
            f"`--representative {text}` cannot be right",
            hint="write 'Ada Example <ada@example.org>'",
        )
    return {"name": match[1], "email": match[2]}


def _token(file: Path | None) -> str:
    """From a file or the environment: arguments can be read by everybody on the machine."""
    from hubfleet.kit.errors import failure

    variable = "JUPYTERHUB_API_TOKEN"
    try:
        token = file.read_text(encoding="utf-8") if file else os.environ.get(variable, "")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "It is not text"
        raise failure(
            "no-token",
            "the token's file cannot be read",
            place=str(file),
            why=f"{why}.",
            hint="check the path and its permissions",
        ) from None
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise failure(
            "no-token",
            "there is no token to ask the hub with",
            place=str(file) if file else f"${variable}",
            hint="make one on the hub's page Token, and put it into a file for --token-file",
        )
    return token
