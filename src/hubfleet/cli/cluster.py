"""`hubfleet cluster new|outputs|support`: clusters and what stands beside the hubs on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hubfleet.cli import cluster_support, options, output

if TYPE_CHECKING:
    from hubfleet.platforms.kubernetes.bootstrap.new import NewCluster

app = typer.Typer(
    help="Clusters and what stands beside the hubs on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(cluster_support.app, name="support")

Name = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's name.")]


@app.command("new")
def new(
    name: Name,
    provider: Annotated[
        Literal["gcp", "aws", "azure", "openstack"],
        typer.Option("--provider", help="Who runs the machines."),
    ],
    account: Annotated[
        str,
        typer.Option(
            "--account", help="The project, account or subscription that pays.", metavar="ID"
        ),
    ],
    region: Annotated[str, typer.Option("--region", help="In the provider's words.")],
    dedicated: Annotated[bool, typer.Option("--dedicated", help="For one community only.")] = False,
    fleet: options.Fleet = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a cluster file, and a module of OpenTofu or Terraform for its machines."""
    from hubfleet import wiring
    from hubfleet.platforms.kubernetes.bootstrap.new import NewCluster, new_files

    root = wiring.fleet_root(fleet)
    tenancy: Literal["shared", "dedicated"] = "dedicated" if dedicated else "shared"
    asked = NewCluster(name, provider, account, region, tenancy)
    files = new_files(asked)
    _refuse(asked, root, list(files))
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    if not quiet:
        output.say(f"wrote {asked.file} and {asked.folder}/")
        output.say("hubfleet creates nothing in a cloud. Next:")
        output.say(f"  1. look through {asked.folder}/terraform.tfvars")
        output.say(
            f"  2. in {asked.folder}: tofu init, tofu apply, tofu output -json > outputs.json"
        )
        output.say(f"  3. hubfleet cluster outputs {name} --from {asked.folder}/outputs.json")


def _refuse(asked: NewCluster, root: Path, files: list[str]) -> None:
    from hubfleet.fleet.fields import is_name
    from hubfleet.kit.errors import failure

    if not is_name(asked.name):
        raise failure(
            "bad-name",
            f"`{asked.name}` cannot name a cluster",
            place=asked.file,
            hint="use at most 30 lower-case letters, digits and `-`, such as reef",
        )
    for key, value in (("account", asked.account), ("region", asked.region)):
        if not value or any(sign in value for sign in '"\\\n${}:#'):
            raise failure(
                "bad-option",
                f"`--{key} {value}` cannot be right",
                hint="write it as the provider shows it",
            )
    there = next((path for path in files if (root / path).exists()), None)
    if there is not None:
        raise failure(
            "cluster-exists",
            f"there is something called `{asked.name}` already",
            place=there,
            why="Nothing is overwritten.",
            hint="choose another name, or move it away",
        )


@app.command("outputs")
def outputs(
    name: Name,
    source: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="What `tofu output -json` printed.")
    ],
    fleet: options.Fleet = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Read what the module made back into the cluster file; comments stay."""
    from hubfleet import wiring
    from hubfleet.kit.errors import failure
    from hubfleet.platforms.kubernetes.bootstrap.outputs import outputs_of, read_back

    root = wiring.fleet_root(fleet)
    file = root / f"clusters/{name}.yaml"
    if not file.is_file():
        raise failure(
            "unknown-cluster",
            f"there is no cluster `{name}`",
            place=f"clusters/{name}.yaml",
            hint=f"run `hubfleet cluster new {name}` first",
        )
    before = file.read_text(encoding="utf-8")
    result = read_back(name, before, outputs_of(_read(source), str(source)))
    changed = [path for path, text in result.files.items() if _write(root / path, text)]
    if as_json:
        output.print_json({"changed": changed, "notes": list(result.notes)})
    elif not quiet:
        output.say(f"changed {' and '.join(changed)}" if changed else "nothing to change")
        for note in result.notes:
            output.tell(f"note: {note}")


def _read(source: Path) -> Any:
    from hubfleet.kit.errors import failure

    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or str(error)
        raise failure(
            "bad-outputs",
            "the outputs cannot be read",
            place=str(source),
            why=f"{why}.",
            hint="write them with `tofu output -json > outputs.json`",
        ) from None
    except ValueError as error:
        raise failure(
            "bad-outputs",
            "the outputs are not JSON",
            place=str(source),
            why=f"{error}.",
            hint="write them with `tofu output -json > outputs.json`",
        ) from None


def _write(path: Path, text: str) -> bool:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
