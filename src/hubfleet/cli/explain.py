"""`hubfleet explain`: which value holds for a hub, and which file says so?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.fleet.model import Effective


def explain(
    hub: options.HubArgument,
    key: Annotated[str, typer.Argument(help="One key, or the start of some.")] = "",
    fleet: options.Fleet = None,
    of_chart: Annotated[
        bool,
        typer.Option(
            "--values", help="Show the values of the Helm chart that they become (Kubernetes only)."
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show a hub's effective values, each with its layer, file and line."""
    from hubfleet import wiring
    from hubfleet.cli.choosing import declared_hub
    from hubfleet.fleet.load import load_fleet
    from hubfleet.kit.errors import failure

    loaded = load_fleet(wiring.fleet_root(fleet))
    chosen = declared_hub(loaded, hub)
    if of_chart:
        from hubfleet.cli.explain_values import print_values

        print_values(chosen, loaded.clusters[chosen.cluster], key, as_json=as_json)
        return
    found = [
        (name, effective)
        for name, effective in sorted(chosen.effective.items())
        if not key or name == key or name.startswith(f"{key}.")
    ]
    if not found:
        raise failure(
            "unknown-key",
            f"{chosen.name} has no value {key!r}",
            hint=f"run `hubfleet explain {chosen.name}` to see all of them",
        )
    if as_json:
        _print_json(chosen.name, found)
        return
    _print_table(found)
    if loaded.clusters[chosen.cluster].file.platform == "kubernetes" and not key:
        from hubfleet.cli.explain_values import tell_passed

        tell_passed(chosen)


def _print_json(hub: str, found: list[tuple[str, Effective]]) -> None:
    values = [
        {
            "key": name,
            "value": effective.value,
            "layer": effective.layer,
            "place": None if effective.place is None else str(effective.place),
        }
        for name, effective in found
    ]
    output.print_json({"hub": hub, "values": values})


def _print_table(found: list[tuple[str, Effective]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("key", "value", "layer", "place"):
        # What one asks for is the place: the value gives way on a narrow screen.
        table.add_column(column, overflow="fold", no_wrap=column != "value")
    for name, effective in found:
        place = "" if effective.place is None else str(effective.place)
        table.add_row(name, output.in_short(effective.value), effective.layer, place)
    output.stdout_console().print(table)
