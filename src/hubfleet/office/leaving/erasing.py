"""Deleting what a removed hub left behind: agreed by two people, and looked for afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.accounts.actions import Action
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.leaving import evidence, records, takes
from hubfleet.office.leaving.models import Asset, Ending, Take
from hubfleet.office.ports import desk
from hubfleet.platforms.local import remains
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.rollout.lease import hold


def objections(ending: Ending, today: date, declared: Collection[str]) -> Iterator[Problem]:
    """Why nothing may be deleted yet; `declared` are the names of all hubs of now."""
    hub = ending.hub
    if ending.consent_at is None or ending.confirmed_at is None:
        lacking = "a representative's consent" if ending.consent_at is None else "a second person"
        yield Problem(
            "erase-not-agreed",
            f"it is not agreed that what {hub} left behind is deleted",
            why=f"{lacking} is missing",
            hint=f"`hubfleet hub end {hub} --consent-of LOGIN --reason HOW`, then somebody else: "
            f"`hubfleet hub end {hub} --confirm`",
        )
    if today < ending.removal:
        yield Problem(
            "erase-too-early",
            f"nothing of {hub} may be deleted before {ending.removal}",
            why=f"its people were promised the time to {ending.last_day}",
            hint="wait; files that somebody wants to be rid of now, they delete themselves",
        )
    elif ending.gone_at is None or hub in declared:
        yield Problem(
            "hub-not-gone",
            f"{hub} is still declared or still there",
            why="what it has belongs to a hub that people may be using",
            hint="take it out of the declaration and run `hubfleet apply --allow-removals`",
        )
    if not ending.data:
        yield Problem(
            "data-undecided",
            f"nobody said whether the community has the data of {hub}",
            why="what is deleted here is nowhere else",
            hint="a representative says so on the ending's page, or staff write it down: "
            f"`hubfleet hub evidence {hub} --data exported --consent-of LOGIN --reason HOW`",
        )


def erase(ending: Ending, actor: Actor, *, today: date) -> list[Asset]:
    """Delete everything, look again, and say what was found; the second call goes on.

    Raises the objections, and `rollout-running` while somebody changes the fleet.
    """
    found = tuple(objections(ending, today, desk().reload().hubs))
    if found:
        raise HubfleetError(*found)
    before = {asset.kind: asset for asset in evidence.look(ending)}
    if ending.erase_begun_at is None:
        _remember(before.values())
        ending.erase_begun_at, ending.erased_by = now(), actor.login
        ending.save(update_fields=["erase_begun_at", "erased_by"])
        _note(actor, ending, f"began to delete what {ending.hub} left behind", before)
    state = StateFolder(desk().state)
    with hold(state.apply_lock, "hubfleet hub erase"):
        if ending.platform == "local":
            remains.erase(state, ending.hub)
        else:
            evidence.shelf_of(ending).erase()
    for take in Take.objects.filter(hub=ending.hub, deleted_at=None):
        takes.delete(take, actor, "the hub is deleted")
    records.delete(ending.hub, "delete", _gone_on(ending))
    assets = evidence.look(ending)
    left = [one.kind for one in assets if one.state not in (Asset.State.DELETED, Asset.State.KEPT)]
    what = f"deleted what {ending.hub} left behind"
    what += f"; not shown to be gone: {', '.join(left)}" if left else "; nothing is left"
    _note(actor, ending, what, {one.kind: one for one in assets})
    return assets


def forget_aggregates(ending: Ending) -> None:
    """At the end of the retention: what was kept for a while goes, too."""
    records.delete(ending.hub, "keep-for-a-while", _gone_on(ending))
    evidence.look(ending)
    ending.closed_at = now()
    ending.save(update_fields=["closed_at"])
    record(
        Actor(),
        Action.ERASE_HUB,
        hub=ending.hub,
        what=f"the retention of {ending.hub} is over: aggregates were deleted",
        details={"ending": ending.pk},
    )


def _gone_on(ending: Ending) -> date:
    return ending.gone_at.date() if ending.gone_at else ending.removal


def _remember(assets: Iterable[Asset]) -> None:
    """What there was, for the certificate: afterwards nobody can count it any more."""
    for asset in assets:
        asset.deleted_count, asset.deleted_size = asset.count, asset.size
        asset.save(update_fields=["deleted_count", "deleted_size"])


def _note(actor: Actor, ending: Ending, what: str, assets: dict[str, Asset]) -> None:
    details = {
        "ending": ending.pk,
        "assets": {kind: [str(one.state), one.count, one.size] for kind, one in assets.items()},
    }
    record(actor, Action.ERASE_HUB, hub=ending.hub, what=what, details=details)
