"""What `hubfleet explain` says of hubs on Kubernetes: the chart's values, what passes through."""

from __future__ import annotations

from hubfleet.cli import output
from hubfleet.fleet.model import Cluster, Hub
from hubfleet.kit.errors import failure

_WIDEST = 60


def print_values(hub: Hub, cluster: Cluster, key: str, *, as_json: bool) -> None:
    """The chart's values at and below `key`, each with the declared field that it comes from."""
    if cluster.file.platform != "kubernetes":
        raise failure(
            "no-chart-values",
            f"{hub.name} is not made of a Helm chart",
            place=str(cluster.place),
            why=f"{cluster.name} is a local cluster.",
            hint="leave out --values",
        )
    from hubfleet.platforms.kubernetes.rendering.explaining import chart_values

    found = [
        one
        for one in chart_values(hub, cluster)
        if not key or one.path == key or one.path.startswith(f"{key}.")
    ]
    if not found:
        raise failure(
            "unknown-key",
            f"the chart of {hub.name} is given no value {key!r}",
            hint=f"run `hubfleet explain {hub.name} --values` to see all of them",
        )
    if as_json:
        output.print_json({"hub": hub.name, "values": [one.as_json() for one in found]})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("value of the chart", "value", "from", "place"):
        table.add_column(column, overflow="fold", no_wrap=column != "value")
    for one in found:
        origin = "passed through" if one.passed else one.field or "hubfleet"
        if one.passed and one.instead_of is not None:
            origin += f", instead of {_short(one.instead_of)}"
        place = "" if one.place is None else str(one.place)
        table.add_row(one.path, _short(one.value), origin, place)
    output.stdout_console().print(table)


def tell_passed(hub: Hub) -> None:
    """What wins over everything, and what is declared in vain."""
    from hubfleet.platforms.kubernetes.rendering.fitting import notes

    passed = sorted(key for key in hub.effective if key.startswith("helm_values."))
    if passed:
        number = output.counted(len(passed), "value")
        output.tell(
            f"note: {number} below `helm_values` go through to the chart unchanged, winning "
            f"over what hubfleet renders; `hubfleet explain {hub.name} --values` shows the result"
        )
    for note in notes(hub):
        output.tell(f"note: {note}")


def _short(value: object) -> str:
    text = output.in_short(value).replace("\n", " ")
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
