"""`hubfleet init`: begin a fleet."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from hubfleet.cli import output


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")] = Path(),
) -> None:
    """Write a small fleet to start from: one community with a staging and a production hub."""
    from hubfleet.kit.errors import failure

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise failure(
            "folder-not-empty",
            "a fleet is begun in a new or empty folder",
            place=str(folder),
            why="`init` never overwrites anybody's files",
            hint="choose another folder, or copy what you need from a fleet begun elsewhere",
        )
    shutil.copytree(starter(), folder, dirs_exist_ok=True)
    here = folder.resolve()
    output.say(f"A fleet was begun in {here}: look at its files, then run")
    output.say(f"  hubfleet validate --fleet {here}")
    output.say(f"  hubfleet up --fleet {here}")


def starter() -> Path:
    """The starter fleet: inside an installed package, or in the checkout's `examples/`."""
    package = Path(__file__).parent.parent
    installed = package / "starter"
    return installed if installed.is_dir() else package.parent.parent / "examples" / "starter"
