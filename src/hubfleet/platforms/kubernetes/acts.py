"""Everything that is done on one cluster, in the process of its own that `nursery` makes for it.

The methods are what the platform asks for by name; arguments and answers are plain values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hubfleet.fleet.fields import PROBE_USER
from hubfleet.fleet.kubernetes import Kubernetes
from hubfleet.fleet.model import HubValues
from hubfleet.fleet.sign_in import people_by_kind, people_by_name
from hubfleet.kit.errors import failure
from hubfleet.planning.observation import Observation
from hubfleet.platforms.kubernetes import closing, going_back, placing, remains
from hubfleet.platforms.kubernetes.api import CLAIMS, PODS, Api, KubernetesApi
from hubfleet.platforms.kubernetes.claims import Claimed, claimed
from hubfleet.platforms.kubernetes.connection import connect
from hubfleet.platforms.kubernetes.database import HUB_POD, PodDatabase
from hubfleet.platforms.kubernetes.doctor import Finding, examine
from hubfleet.platforms.kubernetes.helm import HelmProgram
from hubfleet.platforms.kubernetes.observing import (
    Held,
    observation,
    observed,
    read_all,
    read_one,
)
from hubfleet.platforms.kubernetes.reading_trees import Contents, Reader
from hubfleet.platforms.kubernetes.record import Record
from hubfleet.platforms.kubernetes.setup import Setup
from hubfleet.platforms.kubernetes.shelf import Shelf
from hubfleet.platforms.kubernetes.support.acting import SupportJob, place_chart, seen_charts
from hubfleet.platforms.kubernetes.support.planning import Seen
from hubfleet.platforms.kubernetes.work import Job, Work
from hubfleet.platforms.metering import no_meter_token
from hubfleet.platforms.platform import Door, Outcome, Report, RollbackPreview, SignIn, Snapshot
from hubfleet.platforms.remaining import ClusterRemains


class Acts:
    """Safe for several threads; connects at the first act."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._made: Work | None = None

    def observe(self, clients: Mapping[str, str] = {}) -> Observation:
        """`clients` are the marks of hubs' secrets at the console."""
        work = self._work
        held = read_all(work.api, work.cluster.name, work.fleet)
        seen = (
            observed(one, work.cluster.name, work.drifts(one), work.come_up, clients.get(one.hub))
            for one in held.values()
        )
        return observation(work.cluster.name, seen, self._setup.software)

    def place(self, job: Job, report: Report) -> Outcome:
        return placing.place(self._work, job, report)

    def remove(self, hub: str, report: Report) -> Outcome:
        return placing.remove(self._work, hub, report)

    def snapshot(self, hub: str) -> Snapshot:
        return going_back.snapshot(self._work, hub)

    def discard_snapshots(self, hub: str) -> tuple[Snapshot, ...]:
        record = self._record(hub)
        return Shelf(self._work.shelf, hub).discard(record.revision)

    def preview_rollback(
        self, hub: str, wanted: str, *, put_database_back: bool
    ) -> RollbackPreview:
        return going_back.preview(self._work, hub, wanted, put_database_back=put_database_back)

    def roll_back(
        self, hub: str, wanted: str, report: Report, *, put_database_back: bool
    ) -> Outcome:
        return going_back.go_back(
            self._work, hub, wanted, report, put_database_back=put_database_back
        )

    def door(self, hub: str) -> Door:
        work = self._work
        record = self._record(hub)
        token = work.pins(work.place(hub)).probe_token
        return Door(hub, record.url, _address(work.declared), PROBE_USER, token)

    def office_door(self, hub: str) -> Door:
        """Where the console ends people's access; raises `no-office-token`."""
        token = self._work.pins(self._work.place(hub)).office_token
        if not token:
            raise failure(
                "no-office-token",
                f"{hub} takes no calls from the console yet",
                place=str(self._work.place(hub)),
                why="an earlier hubfleet placed it, without a token for that",
                hint="run `hubfleet apply`, which gives it one",
            )
        return replace(self.door(hub), user="", token=token)

    def meter_door(self, hub: str) -> Door:
        """Where the hub's use is read; raises `no-meter-token`."""
        place = self._work.place(hub)
        token = self._work.pins(place).meter_token
        if not token:
            raise no_meter_token(hub, str(place))
        return replace(self.door(hub), user="", token=token)

    def sign_in(self, hub: str) -> SignIn:
        work = self._work
        values = HubValues.model_validate(self._record(hub).values)
        access = values.access
        by_password = access.sign_in == "shared-password"
        pins = work.pins(work.place(hub))
        return SignIn(
            hub,
            access.sign_in,
            admins=access.admins,
            users=tuple(sorted(people_by_name(values) - {*access.admins})),
            others=people_by_kind(access),
            password=pins.password if by_password else "",
            admin_password=pins.admin_password if by_password else "",
        )

    def logs(self, hub: str, *, lines: int, follow: bool) -> Iterator[str]:
        work = self._work
        namespace = self._held(hub).namespace
        pods = work.api.select(PODS, namespace, labels=HUB_POD)
        newest = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))[-1:]
        for pod in newest:
            yield from work.api.log(
                pod["metadata"]["name"], namespace, container="hub", lines=lines, follow=follow
            )

    def people(self, hub: str) -> tuple[str, ...]:
        """Who has a server there, but for the probe."""
        return closing.people(self._work, hub)

    def close(self, hub: str, seconds: float, report: Report) -> float:
        return closing.close(self._work, hub, seconds, report)

    def reopen(self, hub: str) -> None:
        closing.reopen(self._work.api, self._work.place(hub))

    def examine(self, namespaces: tuple[str, ...]) -> tuple[Finding, ...]:
        """What `hubfleet doctor` finds here."""
        work = self._work
        return tuple(examine(work.api, work.cluster, namespaces))

    def support_seen(self) -> list[Seen]:
        """The releases that stand beside the hubs here."""
        return seen_charts(self._work)

    def support_place(self, job: SupportJob, report: Report) -> bool:
        """Have one of them as it is declared; whether anything had to be done."""
        return place_chart(self._work, job, report)

    def copy_database(self, hub: str) -> bytes | None:
        """A consistent copy; None while there is none yet. Raises `database-elsewhere`."""
        self._held(hub)
        place = self._work.place(hub)
        database = PodDatabase(self._work.api, place)
        if not database.exists():
            raise failure(
                "database-elsewhere",
                f"the database of {hub} is in no volume of its own",
                place=str(place),
                why="its `helm_values` name another database server",
                hint="have that server's copy made by whoever runs it",
            )
        copy = database.copy()
        return copy.data if copy is not None else None

    def claims(self, hub: str) -> Claimed:
        """Whose files are in which of its volumes."""
        namespace = self._held(hub).namespace
        self._reader(hub).clear()
        return claimed(self._work.api.select(CLAIMS, namespace))

    def read_tree(self, hub: str, claim: str, folder: str) -> Iterator[bytes | Contents | None]:
        """The archive of a folder in a volume, as `Reader.read` gives it."""
        return self._reader(hub).read(claim, folder)

    def remains(self, hub: str) -> ClusterRemains:
        """What there is of a hub, removed or not."""
        return remains.look(self._work, hub)

    def _reader(self, hub: str) -> Reader:
        """As whom people's servers run."""
        work = self._work
        record = self._held(hub).record
        values = (record.values if record else {}).get("helm_values") or {}
        people = values.get("singleuser") or {}
        user, group = people.get("uid"), people.get("fsGid")
        return Reader(
            work.api,
            work.place(hub),
            user=user if isinstance(user, int) else 1000,
            group=group if isinstance(group, int) else 100,
            patience=min(work.come_up, 180.0),
        )

    @property
    def _work(self) -> Work:
        if self._made is None:
            self._made = self._connect()
        return self._made

    def _connect(self) -> Work:
        setup = self._setup
        environment = {**setup.environment, "KUBECONFIG": setup.kubeconfig}
        declared = setup.cluster.file.kubernetes or Kubernetes()
        connection = connect(setup.cluster.name, declared, setup.root, environment)
        setup.helm_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        helm = HelmProgram(setup.helm, setup.helm_folder, connection, dict(setup.environment))
        api: Api = KubernetesApi(connection)
        return Work(api, helm, setup.cluster, setup.fleet, setup.shelf)

    def _held(self, hub: str) -> Held:
        work = self._work
        held = read_one(work.api, hub, work.place(hub).namespace)
        if held.history.newest is None:
            raise work.unknown(hub)
        return held

    def _record(self, hub: str) -> Record:
        return going_back.running(self._work, self._held(hub))[0]


def _address(declared: Kubernetes) -> tuple[str, int] | None:
    if declared.ingress.address is None:
        return None
    host, _, port = declared.ingress.address.rpartition(":")
    return host, int(port)
