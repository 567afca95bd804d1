"""Taking a hub away: its processes end, its folder is kept aside with people's files."""

from __future__ import annotations

from pathlib import Path

from hubfleet.fleet.console_clients import ClientKeys
from hubfleet.kit.clock import now
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.local.control import KeeperClient
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.observing import known
from hubfleet.platforms.local.ports import release_port
from hubfleet.platforms.local.routes import give_up_domain
from hubfleet.platforms.local.servers import stop_servers
from hubfleet.platforms.local.stopping import wait_until_down
from hubfleet.platforms.platform import Outcome, Report


def remove(state: StateFolder, name: str, report: Report) -> Outcome:
    """Stop people's servers and the hub, then move its folder; a missing hub is no error."""
    folder = state.hub(name)
    if not folder.spec.exists():
        return Outcome(changed=False, revision=0, url="")
    spec = known(folder)
    client = KeeperClient(state)
    report("stopping the hub")
    client.stop(name)
    wait_until_down(state, [name])
    report("stopping people's servers")
    stop_servers(folder.path)
    if spec is not None:
        give_up_domain(state, name, spec.domain)
    # Before the folder goes: whoever is killed in between finds the hub and does it all again.
    client.forget(name)
    release_port(state, name)
    kept = _set_aside(state, name, folder.path)
    client.forget(name)
    if spec is not None and spec.console is not None:
        # Whoever kept a copy of the hub's secret has nothing: not even if the hub comes back.
        ClientKeys(state.console).rotate(name)
    revision = 0 if spec is None else spec.revision
    return Outcome(True, revision, "", note=f"{name}: people's files are kept in {kept}")


def _set_aside(state: StateFolder, name: str, path: Path) -> Path:
    moment = now().strftime("%Y%m%dT%H%M%SZ")
    target = state.removed / f"{name}-{moment}"
    make_private_folder(target.parent)
    path.rename(target)
    return target
