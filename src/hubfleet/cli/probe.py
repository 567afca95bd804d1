"""`hubfleet probe`: do the hubs work for a person, and if not, why?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output

if TYPE_CHECKING:
    from hubfleet.probes.verdict import ProbeResult
    from hubfleet.wiring import Installation


def probe(
    hubs: options.HubsArgument = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=64, help="Hubs probed at the same time.")
    ] = 2,
    remote: options.Remote = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Sign in, start a server, run code and save a file, as a person would; ends 1 on failure."""
    from hubfleet import wiring

    if remote:
        from hubfleet.cli import remote_verbs

        remote_verbs.probe(remote, hubs or [], as_json=as_json, quiet=quiet)
        return
    from hubfleet.cli.choosing import declared_hubs

    installation = wiring.open_installation(fleet, state)
    names = declared_hubs(installation.fleet, hubs or [])
    results = probe_with_progress(
        installation, names, at_once=at_once, quiet=quiet or as_json, explain=False
    )
    if as_json:
        output.print_json({"probes": [result.as_json() for result in results]})
    elif not quiet:
        for result in results:
            print_result(result, stages=len(results) == 1)
    if any(result.verdict == "failed" for result in results):
        raise typer.Exit(exits.FAILED)


def probe_with_progress(
    installation: Installation,
    names: Sequence[str],
    *,
    at_once: int,
    quiet: bool,
    explain: bool = True,
) -> list[ProbeResult]:
    """Probe with live progress on stderr; with `explain`, what is not healthy is told there too."""
    from hubfleet.cli.progress import Progress

    if not names:
        return []
    with Progress("probing", len(names), quiet=quiet) as progress:
        for name in names:
            progress.listen(name, "waiting")
        results = installation.probe(
            names,
            at_once,
            lambda result: progress.listen(result.hub, result.verdict, result.seconds),
            progress.listen,
        )
    for result in results if explain else ():
        if result.verdict != "healthy" and not quiet:
            output.tell(f"{result.hub} is {result.verdict}: {result.cause}")
            output.tell(f"  hint: {result.hint}")
    return results


def print_result(result: ProbeResult, *, stages: bool) -> None:
    """One line a hub; all stages when only one hub was probed."""
    output.say(f"{result.verdict:<9} {result.hub}  {result.seconds:.1f} s")
    if stages:
        for stage in result.stages:
            sign = "ok" if stage.ok else "no"
            output.say(f"    {sign}  {stage.name:<8} {stage.seconds:6.2f} s  {stage.detail}")
    if result.verdict != "healthy":
        output.say(f"    cause: {result.cause}")
        output.say(f"    hint: {result.hint}")
