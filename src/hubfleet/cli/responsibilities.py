"""`hubfleet responsibilities`: who does what for a community?"""

from __future__ import annotations

from typing import Annotated

import typer

from hubfleet.cli import options, output

CommunityArgument = Annotated[str, typer.Argument(metavar="COMMUNITY", help="Its name.")]


def responsibilities(
    community: CommunityArgument,
    fleet: options.Fleet = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Only what differs from the default, or has a note.")
    ] = False,
    remote: options.Remote = None,
    as_json: options.Json = False,
) -> None:
    """Show who owns each item of the shared responsibility model."""
    if remote:
        from hubfleet.cli import remote_verbs

        remote_verbs.responsibilities(remote, community, diff=diff, as_json=as_json)
        return
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet
    from hubfleet.fleet.responsibilities import split_of

    declared = load_fleet(wiring.fleet_root(fleet))
    if community not in declared.communities:
        raise unknown_community(community, sorted(declared.communities))
    rows = [one for one in split_of(declared, community) if one.differs or not diff]
    if as_json:
        shown = [
            {
                "number": one.item.number,
                "slug": one.item.slug,
                "sentence": one.item.sentence,
                "owner": one.owner,
                "default": one.item.default_owner,
                "note": one.note,
            }
            for one in rows
        ]
        output.print_json({"community": community, "responsibilities": shown})
        return
    if not rows:
        output.say("Everything is as by default.")
    width = max((len(one.item.slug) for one in rows), default=0)
    for one in rows:
        default = "" if one.owner == one.item.default_owner else f" (not {one.item.default_owner})"
        line = f"{one.item.number:>3}  {one.item.slug:<{width}}  {one.owner}{default}"
        output.say(f"{line}\n     {one.note}" if one.note else line)


def unknown_community(name: str, known: list[str]) -> Exception:
    """The error for a community that nobody declares."""
    from hubfleet.fleet.words import nearest
    from hubfleet.kit.errors import failure

    near = nearest(name, known)
    return failure(
        "unknown-community",
        f"there is no community '{name}'",
        hint=f"did you mean {near}?" if near else f"declared: {', '.join(known) or 'none'}",
    )
