"""A bundle on the local platform, in a state folder, on a port and with a keeper of its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hubfleet.fleet.fields import is_name
from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.model import Fleet, Hub
from hubfleet.fleet.yaml import read_yaml
from hubfleet.kit.errors import HubfleetError
from hubfleet.kit.units import counted
from hubfleet.planning.steps import CreateHub, Reason
from hubfleet.platforms.archives.tree import TreeArchive
from hubfleet.platforms.local.environments import installed
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.homes.people import numbers_of
from hubfleet.platforms.local.platform import LocalPlatform
from hubfleet.platforms.local.proxy import proxy_socket
from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target
from hubfleet.replicate.bundle.container import opened
from hubfleet.replicate.bundle.manifest import Manifest, Promise, not_a_bundle
from hubfleet.replicate.data.databases import everybody
from hubfleet.replicate.data.restoring import places, restore
from hubfleet.replicate.describing.declaring import trial_fleet
from hubfleet.replicate.importing.writing import yaml_text
from hubfleet.replicate.trial.comparing import (
    Trial,
    compare_behaviour,
    compare_packages,
    compare_people,
)
from hubfleet.replicate.trial.signing_in import fault_of_sign_in

Report = Callable[[str, str], None]
VISITOR = "verify"
"""A person whom a trial lets in beside those that the bundle promises."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def try_with_hubfleet(
    bundle: Path, manifest: Manifest, folder: Path, report: Report, *, without_isolation: bool
) -> list[Trial]:
    """Every hub of a bundle that was checked; nothing of it runs when this returns."""
    state = StateFolder(folder / "state")
    _write_fleet(bundle, manifest, folder / "fleet")
    fleet = load_fleet(folder / "fleet")
    names = {short: f"{manifest.community}/{short}" for short in manifest.hubs}
    trials = {short: Trial(name) for short, name in names.items()}
    if any(_holds_data(promise) for promise in manifest.hubs.values()):
        with places(state, manifest, names, {}) as found, opened(bundle) as again:
            restore(again, found, report)
        for short, trial in trials.items():
            _compare_data(trial, manifest, short, state)
    with _standing(state, fleet, report, without_isolation=without_isolation) as platform:
        for short, trial in trials.items():
            _try_one(platform, fleet.hubs[names[short]], manifest.hubs[short], trial, report)
    return list(trials.values())


def _holds_data(promise: Promise) -> bool:
    return bool(promise.database or promise.homes or promise.shared)


def _write_fleet(bundle: Path, manifest: Manifest, root: Path) -> None:
    """The bundle's own fleet, changed so far that it stands on any machine by itself."""
    root.mkdir(parents=True)
    declared: dict[str, Any] = {}
    with opened(bundle) as again:
        for path, reading in again.parts():
            if not path.startswith("fleet/") or reading.part.archive is not None:
                continue
            target = root / path.removeprefix("fleet/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(reading.whole())
            target.chmod(reading.part.mode)
            if path.endswith(".yaml") and path.split("/")[3:4] in (
                [],
                ["hubs"],
                ["community.yaml"],
            ):
                declared[path.removeprefix("fleet/")] = None
    for file in declared:
        document = read_yaml(root / file, file)
        if document.problems or not isinstance(document.value, dict):
            raise (
                HubfleetError(*document.problems)
                if document.problems
                else not_a_bundle(file, "It is no declaration.")
            )
        declared[file] = document.value
    for file, value in trial_fleet(declared, VISITOR).items():
        parts = file.split("/")
        short = parts[3].removesuffix(".yaml") if parts[2:3] == ["hubs"] else ""
        promise = manifest.hubs.get(short)
        (root / file).write_text(
            yaml_text(_with_promised_people(value, promise) if promise else value)
        )


def _with_promised_people(value: dict[str, Any], promise: Promise) -> dict[str, Any]:
    """Sign-in is by password here; whoever was promised must come in by it."""
    admins = set(promise.admins)
    return {
        **value,
        "access": {
            "sign_in": "shared-password",
            "admins": promise.admins,
            "allow": {"users": [*(name for name in promise.users if name not in admins), VISITOR]},
        },
        "groups": {name: who for name, who in promise.groups.items() if is_name(name)},
    }


def _compare_data(trial: Trial, manifest: Manifest, short: str, state: StateFolder) -> None:
    """What was put in place, archived once more: equal trees have equal archives."""
    promise, folder = manifest.hubs[short], state.hub(trial.hub)
    numbers = numbers_of(folder.path)
    differing = []
    for person, index in promise.homes.items():
        tree = folder.homes / str(numbers.get(person, 0))
        wanted = manifest.files[f"hubs/{short}/homes/{index}.tar"].sha256
        if not tree.is_dir() or digest_of(tree) != wanted:
            differing.append(f"the home of {person}")
    for name in ("shared", "shared-readwrite"):
        part = manifest.files.get(f"hubs/{short}/{name}.tar")
        if part is not None and digest_of(folder.path / name) != part.sha256:
            differing.append(name)
    if promise.homes or promise.shared:
        trial.add("data", differing, counted(len(promise.homes), "home"))


class _Digest:
    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes, /) -> None:
        self.hash.update(data)


def digest_of(tree: Path) -> str:
    """The SHA-256 of a folder's archive."""
    sink = _Digest()
    root = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        TreeArchive(sink).write(root)
    finally:
        os.close(root)
    return sink.hash.hexdigest()


@contextmanager
def _standing(
    state: StateFolder, fleet: Fleet, report: Report, *, without_isolation: bool
) -> Iterator[LocalPlatform]:
    platform = LocalPlatform(state, port=free_port(), without_isolation=without_isolation)
    hubs = list(fleet.hubs.values())
    problems = platform.objections(hubs)
    if problems:
        raise HubfleetError(*problems)
    try:
        platform.prepare(hubs, report)
        for hub in hubs:
            report(hub.name, "starting")
            reason = Reason("hub", None, "a trial")
            platform.perform(CreateHub(hub, (reason,)), partial(report, hub.name))
        yield platform
    finally:
        if state.path.exists():
            report("the copy", "being stopped")
            platform.stop_all(keep_hubs=False)
            # Where the path is too long for a socket, it has a folder elsewhere.
            socket_folder = proxy_socket(state).parent
            if socket_folder != state.proxy.absolute():
                shutil.rmtree(socket_folder, ignore_errors=True)


def _try_one(
    platform: LocalPlatform, hub: Hub, promise: Promise, trial: Trial, report: Report
) -> None:
    door, sign_in = platform.door(hub.name), platform.sign_in(hub.name)
    target = Target(hub.name, door.url, door.connect_to, door.user, door.token)
    report(hub.name, "being tried as a person would")
    probed = asyncio.run(probe_hub(target))
    trial.add("probe", [] if probed.verdict != "failed" else [probed_words(probed)])
    users = [name for name in promise.users if name not in promise.admins]
    person = users[0] if users else VISITOR
    fault = asyncio.run(fault_of_sign_in(target, person, sign_in.password))
    trial.add("sign-in", [fault] if fault else [], f"{person} came in")
    if promise.sign_in != "shared-password":
        trial.leave(
            f"sign-in by {promise.sign_in}", "a copy has no client there; a password took its place"
        )
    folder = platform.state.hub(hub.name)
    compare_people(trial, promise, everybody(folder.database))
    _packages(platform, hub, promise, trial)
    compare_behaviour(trial, promise, hub.values.interface, hub.values.named_servers)


def _packages(platform: LocalPlatform, hub: Hub, promise: Promise, trial: Trial) -> None:
    built: Mapping[str, Path] = {
        wanted.name: path
        for wanted in hub.environments
        if (path := platform.environments.existing(wanted)) is not None
    }
    for name, promised in promise.packages.items():
        if name in built:
            compare_packages(trial, promised, installed(built[name]), name)
        else:
            trial.leave(f"packages of {name or 'the hub'}", "they come as an image elsewhere")


def probed_words(probed: Any) -> str:
    """The stage that failed, and what it said."""
    failed = next((stage for stage in probed.stages if not stage.ok), None)
    return f"{failed.name}: {failed.detail}" if failed else probed.verdict
