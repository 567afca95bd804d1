"""Looking for what a hub leaves behind: a row for each kind of data, with what was found.

A kind is `deleted` only when it was looked for and not found, once the hub is gone. What hubfleet
cannot look at (a name in somebody's DNS, backups elsewhere, a cluster that is away) stays `present`
until a person writes down how they know.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from hubfleet.kit.clock import now
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.office.accounts.actions import Action
from hubfleet.office.audit.record import Actor, record
from hubfleet.office.leaving import records, takes
from hubfleet.office.leaving.models import Asset, Ending, Take
from hubfleet.office.ports import desk
from hubfleet.platforms.kubernetes.shelf import Shelf
from hubfleet.platforms.local import remains
from hubfleet.platforms.local.folders import StateFolder

DNS, BACKUPS, CLUSTER, VOLUMES = "dns", "backups", "kubernetes-objects", "volumes"
BUNDLES = "bundles"
_MOST_NAMES = 8

TITLES: Mapping[str, str] = {
    remains.HOMES: "Home directories",
    remains.HOME_SNAPSHOTS: "Snapshots of homes",
    remains.SHARED: "Shared folders",
    remains.DATABASE: "Hub database (users, groups, tokens)",
    remains.SNAPSHOTS: "Snapshots of earlier revisions",
    remains.SERVERS: "Records and logs of people's servers",
    remains.LOGS: "Logs of the hub",
    remains.IDENTITIES: "Identities of people at sign-in providers",
    remains.SECRETS: "Secrets of the hub",
    remains.RECORD: "Other records of the hub",
    remains.ENVIRONMENTS: "Environments and repositories of this hub alone",
    remains.PORTS: "Ports on the machine",
    records.ACCESS: "Who may use the hub",
    records.CLIENT: "Sign-in client with codes and tokens",
    records.SEEN: "Observations and probes",
    records.USE: "Hashes of people who used the hub",
    records.AGGREGATES: "Aggregates without people",
    records.OPERATORS: "The operator's record of acts",
    BUNDLES: "Bundles that were made in the console",
    DNS: "Host name",
    CLUSTER: "Objects on the cluster",
    VOLUMES: "Volumes on the cluster",
    BACKUPS: "Backups outside of hubfleet",
}
"""Every kind, in the order in which people read them."""

BY_HAND = (DNS, CLUSTER, VOLUMES, BACKUPS)

Resolve = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found of one kind."""

    count: int
    size: int
    places: tuple[str, ...]
    words: str
    kept: bool = False
    unknown: bool = False
    """Nobody can look; a person must say."""
    unseen: bool = False
    """Nobody could look now: what an earlier look found gone stays gone."""


def addresses_of(domain: str) -> Sequence[str]:
    """What a name leads to; nothing for one that no DNS knows."""
    try:
        found = socket.getaddrinfo(domain, 443, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return sorted({str(one[4][0]) for one in found})


def look(ending: Ending, resolve: Resolve = addresses_of) -> list[Asset]:
    """Bring every row up to date; they come in reading order."""
    known = {asset.kind: asset for asset in ending.assets.all()}
    if ending.settled_at is not None and ending.hub in desk().fleet().hubs:
        # A new hub has the name now: what it has says nothing about the one that ended.
        return [known[kind] for kind in TITLES if kind in known]
    found = _seen(ending, known, resolve)
    with transaction.atomic():
        for kind in TITLES:
            if kind not in found:
                continue
            asset = known.get(kind) or Asset(ending=ending, kind=kind)
            _write(asset, found[kind], ending)
            asset.save()
            known[kind] = asset
        _settle(ending, known)
    return [known[kind] for kind in TITLES if kind in known]


def _seen(ending: Ending, known: Mapping[str, Asset], resolve: Resolve) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    if ending.platform == "local":
        found |= _on_this_machine(ending, known)
    else:
        found |= _on_the_cluster(ending)
        found[remains.SNAPSHOTS] = _snapshots(ending)
    found |= _in_the_office(ending)
    found[BUNDLES] = _bundles(ending.hub)
    found[DNS] = _name(ending.domain, resolve)
    words = "copies of the state folder, and snapshots and backups of volumes, kept elsewhere"
    found[BACKUPS] = Seen(1, 0, (), words, unknown=True)
    return found


def _on_this_machine(ending: Ending, known: Mapping[str, Asset]) -> dict[str, Seen]:
    earlier = known.get(remains.ENVIRONMENTS)
    state = StateFolder(desk().state)
    seen = remains.look(state, ending.hub, earlier.places if earlier else ())
    return {
        kind: Seen(one.count, one.size, one.places, _counted(one.count, one.places, "file"))
        for kind, one in seen.found.items()
    }


def _on_the_cluster(ending: Ending) -> dict[str, Seen]:
    """Objects and volumes, as the cluster itself tells of them."""
    try:
        found = desk().remains(ending.hub, ending.cluster)
    except HubfleetError as error:
        words = f"nobody could look on {ending.cluster}: {error.problems[0].what}"
        away = Seen(1, 0, (ending.cluster,), words, unknown=True, unseen=True)
        return {CLUSTER: away, VOLUMES: away}
    volumes = _named(found.volumes, found.asked, "volume")
    if found.unseen and not found.volumes:
        words = f"no claim found, and nobody could look for volumes: {found.unseen}"
        volumes = Seen(1, 0, found.asked, words, unknown=True, unseen=True)
    return {CLUSTER: _named(found.objects, found.asked, "object"), VOLUMES: volumes}


def _named(names: Sequence[str], asked: Sequence[str], word: str) -> Seen:
    """Those that are there by name: a person has to find them."""
    words = _counted(len(names), asked, word)
    if names:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        words += f": {', '.join(names[:_MOST_NAMES])}{more}"
    return Seen(len(names), 0, tuple(asked), words)


def shelf_of(ending: Ending) -> Shelf:
    """The snapshots of a hub on a cluster, which are files here."""
    return Shelf(desk().state / "kubernetes" / "snapshots" / ending.cluster, ending.hub)


def _snapshots(ending: Ending) -> Seen:
    count, size = shelf_of(ending).remains()
    places = (f"kubernetes/snapshots/{ending.cluster}/{ending.hub}",)
    return Seen(count, size, places, _counted(count, places, "file"))


def _in_the_office(ending: Ending) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for kind, tables in records.counted(ending.hub).items():
        count = sum(tables.values())
        words = _counted(count, tuple(tables), "row")
        kept = records.FATES[kind] != "delete" and count > 0
        if kept and records.FATES[kind] == "keep":
            words += "; append-only: it names staff, admins and acts, and holds no files"
        elif kept:
            words += f"; deleted on {ending.retention_end}"
        found[kind] = Seen(count, 0, tuple(tables), words, kept)
    return found


def _bundles(hub: str) -> Seen:
    """Files of bundles; one that is being made counts before it is there."""
    made = Take.objects.filter(hub=hub, deleted_at=None)
    folders = [takes.folder_of(one) for one in made]
    sizes = [sum(one.stat().st_size for one in path.glob("*")) for path in folders]
    places = ("console/takes",)
    return Seen(len(sizes), sum(sizes), places, _counted(len(sizes), places, "bundle"))


def _name(domain: str, resolve: Resolve) -> Seen:
    if domain == "localhost" or domain.endswith(".localhost"):
        return Seen(0, 0, (domain,), f"{domain}: names below localhost are in no DNS")
    addresses = resolve(domain)
    if not addresses:
        return Seen(0, 0, (domain,), f"{domain} leads nowhere")
    words = f"{domain} leads to {', '.join(addresses[:4])}"
    return Seen(1, 0, (domain,), words, unknown=True)


def _counted(count: int, places: Sequence[str], word: str) -> str:
    where = ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
    amount = "nothing" if count == 0 else f"1 {word}" if count == 1 else f"{count} {word}s"
    return f"{amount} found" + (f" (looked at {where})" if where else "")


def _write(asset: Asset, seen: Seen, ending: Ending) -> None:
    asset.looked_at = now()
    if seen.unknown and asset.state == Asset.State.DELETED and (asset.by_hand or seen.unseen):
        return
    asset.count, asset.size, asset.places = seen.count, seen.size, list(seen.places)
    asset.evidence, asset.by_hand = seen.words, ""
    if seen.kept:
        asset.state = Asset.State.KEPT
    elif seen.count == 0 and ending.gone_at is not None:
        asset.state = Asset.State.DELETED
    elif asset.kind in remains.PEOPLES_DATA and ending.data:
        asset.state = Asset.State(ending.data)
    else:
        asset.state = Asset.State.PRESENT


def _settle(ending: Ending, known: Mapping[str, Asset]) -> None:
    """Nothing is left, or something is again: a look may find what an earlier one did not."""
    done = {Asset.State.DELETED, Asset.State.KEPT}
    settled = ending.gone_at is not None and all(one.state in done for one in known.values())
    if settled and ending.settled_at is None:
        ending.settled_at = now()
    elif not settled and ending.closed_at is None:
        ending.settled_at = None
    ending.save(update_fields=["settled_at"])


def write_down(ending: Ending, kind: str, words: str, actor: Actor) -> None:
    """A person says how they know that nothing is left of a kind. Raises `not-by-hand`."""
    asset = ending.assets.filter(kind=kind).first()
    looked = kind in (CLUSTER, VOLUMES) and not _on_the_cluster(ending)[kind].unknown
    if kind not in BY_HAND or asset is None or looked:
        raise failure(
            "not-by-hand",
            f"evidence for `{kind}` is not written down by hand",
            why="hubfleet looks itself" if kind in TITLES else "there is no such kind of data",
            hint=f"by hand: {', '.join(BY_HAND)}",
        )
    if ending.gone_at is None or not words.strip():
        raise failure(
            "no-evidence",
            f"it cannot be written down that nothing is left of {ending.hub}'s {kind}",
            why="the hub is still there" if ending.gone_at is None else "nothing is said",
            hint="look once the hub is removed, and say what was seen where",
        )
    with transaction.atomic():
        asset.state, asset.by_hand = Asset.State.DELETED, actor.login
        asset.count = asset.size = 0
        asset.evidence, asset.looked_at = words.strip()[:2000], now()
        asset.save()
        _settle(ending, {one.kind: one for one in ending.assets.all()})
        what = f"wrote down that nothing is left of {kind}: {asset.evidence}"
        details = {"ending": ending.pk, "kind": kind}
        record(actor, Action.ERASE_HUB, hub=ending.hub, what=what, details=details)


def as_json(ending: Ending, assets: Sequence[Asset]) -> list[dict[str, object]]:
    """The ledger of one ending, for `--json` and the certificate."""
    return [
        {
            "kind": one.kind,
            "title": TITLES.get(one.kind, one.kind),
            "state": str(one.state),
            "count": one.count,
            "bytes": one.size,
            "deleted_count": one.deleted_count,
            "deleted_bytes": one.deleted_size,
            "evidence": one.evidence,
            "by_hand": one.by_hand,
            "looked_at": one.looked_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for one in assets
    ]
