"""`hubfleet who-can`: who may do something, and who would have to ask?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import options, output

if TYPE_CHECKING:
    from hubfleet.fleet.model import Fleet
    from hubfleet.office.accounts.actions import Action

ActionArgument = Annotated[
    str, typer.Argument(metavar="ACTION", help="An act, such as roll-back or manage-users.")
]
TargetArgument = Annotated[
    str | None,
    typer.Argument(metavar="HUB", help="community/hub, or a community; none: the service."),
]


def who_can(
    action: ActionArgument,
    target: TargetArgument = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    remote: options.Remote = None,
    as_json: options.Json = False,
) -> None:
    """Show who may do an act, by what the declaration says and by the accounts here."""
    if remote:
        from hubfleet.cli import remote_verbs

        remote_verbs.who_can(remote, action, target or "", as_json=as_json)
        return
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet
    from hubfleet.office.accounts.rights import level, who_could

    declared = load_fleet(wiring.fleet_root(fleet))
    act = _action(action)
    at = level(act, _target(act, target or "", declared))
    could = list(who_could(act, at, declared))
    people = _people(act, at, declared, wiring.state_folder(state).path)
    if as_json:
        shown = {"action": act.value, "target": at, **_item(act, at, declared)}
        output.print_json({**shown, "who_could": could, "people": people})
        return
    _print(act, at, declared, could, people)


def _print(
    act: Action, at: str, declared: Fleet, could: list[str], people: list[dict[str, str]]
) -> None:
    from hubfleet.office.accounts.actions import RULES

    where = f" at {at}" if at else ""
    output.say(f"Who may {RULES[act].words}{where}:")
    for one in could or ["nobody"]:
        output.say(f"  {one}")
    item = _item(act, at, declared)
    if item["item"] and at:
        output.say(f"because `{item['item']}` is owned by: {item['owner']}")
    if people:
        output.say("Accounts here:")
    for person in people:
        name = f" ({person['name']})" if person["name"] else ""
        output.say(f"  {person['answer']:<14}{person['login']}{name}")


def _item(act: Action, at: str, declared: Fleet) -> dict[str, Any]:
    """The responsibility that drives the act, and who owns it there."""
    from hubfleet.fleet.responsibilities import owner_of
    from hubfleet.office.accounts.actions import RULES

    item = RULES[act].item
    owner = owner_of(declared, at.partition("/")[0], item) if item and at else None
    return {"item": item, "owner": owner}


def _action(name: str) -> Action:
    from hubfleet.fleet.words import nearest
    from hubfleet.kit.errors import failure
    from hubfleet.office.accounts.actions import Action

    known = [one.value for one in Action]
    if name in known:
        return Action(name)
    near = nearest(name, known)
    raise failure(
        "unknown-action",
        f"there is no act '{name}'",
        hint=f"did you mean {near}?" if near else f"known: {', '.join(known)}",
    )


def _target(act: Action, target: str, declared: Fleet) -> str:
    from hubfleet.cli.responsibilities import unknown_community
    from hubfleet.kit.errors import failure
    from hubfleet.office.accounts.actions import RULES

    community, slash, _ = target.partition("/")
    if target and community not in declared.communities:
        raise unknown_community(community, sorted(declared.communities))
    if slash and target not in declared.hubs:
        known = declared.communities[community].hubs
        raise failure(
            "unknown-hub",
            f"there is no hub '{target}'",
            hint=f"declared for {community}: {', '.join(known) or 'none'}",
        )
    if not target and RULES[act].where != "service":
        raise failure(
            "act-without-target",
            f"`{act.value}` is done to a {RULES[act].where}",
            hint=f"write hubfleet who-can {act.value} community/hub",
        )
    return target


def _people(act: Action, at: str, declared: Fleet, state: Path) -> list[dict[str, str]]:
    """Accounts of this place that may do it or ask for it; Django starts only if there are any."""
    import os

    from hubfleet import __version__
    from hubfleet.cli.office_file import accounts_in

    url = os.environ.get("HUBFLEET_DATABASE")
    if not url and not accounts_in(state / "office.sqlite"):
        return []
    from hubfleet.office.site.launch import Launch, start

    start(Launch(state, "http://localhost", __version__, database=url))
    from hubfleet.office.accounts import people
    from hubfleet.office.accounts.rights import who_can as all_who_can

    found = all_who_can(act, at, people.everybody(), declared, people.day_of(declared))
    return [
        {"login": facts.login, "name": facts.name, "answer": decision.answer}
        for facts, decision in found
    ]
