"""`hubfleet validate`: is the declaration right?"""

from __future__ import annotations

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.output import counted


def validate(
    fleet: options.Fleet = None,
    state: options.State = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check the whole fleet and print every problem with its place and cure."""
    from hubfleet import wiring
    from hubfleet.fleet.load import FleetErrors, load_fleet
    from hubfleet.fleet.oncall_notes import oncall_notes
    from hubfleet.fleet.sign_in import ended_notes
    from hubfleet.kit.clock import now, today
    from hubfleet.platforms.local.environment_findings import check_fetched_repositories

    try:
        loaded = load_fleet(wiring.fleet_root(fleet))
        wiring.check_charts(loaded)
        unread = check_fetched_repositories(loaded, wiring.state_folder(state))
    except FleetErrors as error:
        if not as_json:
            raise
        output.print_json(
            {
                "ok": False,
                "hubs": error.hubs,
                "clusters": error.clusters,
                "communities": error.communities,
                "problems": [problem.as_json() for problem in error.problems],
            }
        )
        raise typer.Exit(exits.FAILED) from None
    hubs, clusters = len(loaded.hubs), len(loaded.clusters)
    communities = len(loaded.communities)
    notes = [*ended_notes(loaded, today(loaded.service.timezone)), *unread]
    notes += oncall_notes(loaded, now())
    if as_json:
        counts = {"hubs": hubs, "clusters": clusters, "communities": communities}
        output.print_json({"ok": True, **counts, "problems": [], "notes": notes})
    elif not quiet:
        output.say(
            f"{loaded.service.name}: {counted(hubs, 'hub')} on {counted(clusters, 'cluster')} "
            f"for {counted(communities, 'community', 'communities')}, no problem found"
        )
        for note in notes:
            output.tell(f"note: {note}")
