"""Making one hub run as declared: write what should run, ask the keeper, wait for its answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hubfleet.fleet.console_clients import ClientKeys
from hubfleet.fleet.model import Hub
from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import revealed
from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.planning.plan import OF_THE_ROLLOUT
from hubfleet.platforms.local import answers, logfiles
from hubfleet.platforms.local.closing import reopen
from hubfleet.platforms.local.control import KeeperClient
from hubfleet.platforms.local.environment_scripts import kernels_of
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.observing import (
    COME_UP,
    answers_itself,
    is_long_up,
    known,
    living,
    software,
)
from hubfleet.platforms.local.ports import allocate_port
from hubfleet.platforms.local.proxy import proxy_api, proxy_token
from hubfleet.platforms.local.routes import give_up_domain
from hubfleet.platforms.local.sandbox import waive_isolation
from hubfleet.platforms.local.spec import HubSecrets, HubSpec
from hubfleet.platforms.local.stopping import wait_until_down
from hubfleet.platforms.platform import Outcome, Report

_PATIENCE = 10.0
"""Seconds in which a hub that is long up must answer before it counts as hanging."""

_FIRST_LOOK, _LONGEST_PAUSE = 0.05, 0.4


def place(
    state: StateFolder,
    hub: Hub,
    environments: Mapping[str, Path],
    proxy_port: int,
    report: Report,
    *,
    without_isolation: bool = False,
) -> Outcome:
    """Bring the hub to exactly its declared values; nothing is done when it runs them already.

    `environments` are its finished environments by name, the default one's is empty.
    """
    folder = state.hub(hub.name)
    _make_folders(folder)
    reopen(folder.path)
    other_token = _make_secrets(state, folder)
    _fill_in_declared_secrets(folder, hub)
    renew_console_secret(state, folder, signs_in=hub.console is not None)
    _copy_logo(folder, hub)
    waive_isolation(folder.path, waived=without_isolation)
    wanted = _spec(state, hub, environments, proxy_port)
    before = living(folder)
    runs = before and not other_token and _same(before, wanted)
    if before and runs and answers.hub_answers_people(proxy_port, hub.domain):
        return Outcome(changed=False, revision=before.revision, url=before.url)
    previous = known(folder)
    revision = 1 if previous is None else previous.revision + (not _same(previous, wanted))
    wanted = replace(wanted, revision=revision)
    log_before = folder.log.stat().st_size if folder.log.exists() else 0
    wanted.write(folder.spec)
    report("starting" if before is None else "restarting")
    client = KeeperClient(state)
    if client.start(hub.name) == "unchanged" and (other_token or _hangs(folder, wanted)):
        report("stopping the hub")
        client.stop(hub.name)
        wait_until_down(state, [hub.name])
        client.start(hub.name)
    wait_until_up(client, folder, wanted, log_before, report)
    if before and before.domain != wanted.domain:
        give_up_domain(state, hub.name, before.domain)
    return Outcome(changed=True, revision=revision, url=wanted.url)


def _spec(
    state: StateFolder, hub: Hub, environments: Mapping[str, Path], proxy_port: int
) -> HubSpec:
    flat = hub.flat()
    further = {name: path for name, path in environments.items() if name}
    kernels = kernels_of(state.environments, further)
    return HubSpec(
        name=hub.name,
        cluster=hub.cluster,
        revision=0,
        domain=hub.domain,
        title=flat["title"],
        url=f"http://{hub.domain}:{proxy_port}/",
        port=allocate_port(state, hub.name),
        proxy_api=proxy_api(state),
        proxy_port=proxy_port,
        flat=flat,
        values=hub.values.model_dump(mode="json"),
        software=software(),
        environment=str(environments[""]) if "" in environments else None,
        environments={name: str(path) for name, path in further.items()},
        kernels=None if kernels is None else str(kernels),
        timezone=hub.timezone,
        logo=None if hub.logo is None else hub.logo.name,
        console=None if hub.console is None else hub.console.address,
        console_nearby=None if hub.console is None else hub.console.nearby,
    )


def _same(one: HubSpec, other: HubSpec) -> bool:
    """Whether a hub process would not notice the difference."""
    return _what_counts(one) == _what_counts(other)


def _what_counts(spec: HubSpec) -> HubSpec:
    flat, values = (
        {key: value for key, value in mapping.items() if key not in OF_THE_ROLLOUT}
        for mapping in (spec.flat, spec.values)
    )
    return replace(spec, revision=0, flat=flat, values=values)


def _hangs(folder: HubFolder, wanted: HubSpec) -> bool:
    """Whether the hub, which runs what it should, is up for long enough and still silent."""
    if not is_long_up(folder):
        return False
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if answers_itself(folder, wanted):
            return False
        time.sleep(_LONGEST_PAUSE)
    return True


def _make_folders(folder: HubFolder) -> None:
    make_private_folder(folder.path.parent)
    for path in (folder.path, folder.homes, folder.shared, folder.servers):
        make_private_folder(path)


def _make_secrets(state: StateFolder, folder: HubFolder) -> bool:
    """Once for the hub's life: people keep their password and their session over every change.

    Only the proxy's token is not the hub's own. True where the hub had another one until now, or
    none for the office or for Prometheus.
    """
    token = proxy_token(state)
    if not folder.secrets.exists():
        HubSecrets(
            cookie_secret=secrets.token_hex(32),
            password=_easy_to_type(16),
            admin_password=_easy_to_type(40),
            probe_token=secrets.token_hex(32),
            culler_token=secrets.token_hex(32),
            proxy_token=token,
            office_token=secrets.token_hex(32),
            metrics_token=secrets.token_hex(32),
            meter_token=secrets.token_hex(32),
        ).write(folder.secrets)
    kept = HubSecrets.read(folder.secrets)
    # Hubs of earlier versions have no token for the office, Prometheus or the meter yet.
    wanted = replace(
        kept,
        proxy_token=token,
        office_token=kept.office_token or secrets.token_hex(32),
        metrics_token=kept.metrics_token or secrets.token_hex(32),
        meter_token=kept.meter_token or secrets.token_hex(32),
    )
    if wanted != kept:
        wanted.write(folder.secrets)
    # Prometheus reads a file of its own, and none of the hub's other secrets.
    write_atomically(folder.metrics_token, wanted.metrics_token)
    return wanted != kept


def renew_console_secret(state: StateFolder, folder: HubFolder, *, signs_in: bool) -> None:
    """Give the hub its secret of now as the console's client; none where it is no client."""
    kept = HubSecrets.read(folder.secrets)
    wanted = ClientKeys(state.console).secret(folder.name) if signs_in else ""
    if kept.console_secret != wanted:
        replace(kept, console_secret=wanted).write(folder.secrets)


def _fill_in_declared_secrets(folder: HubFolder, hub: Hub) -> None:
    """What the declaration's marks stand for, so that the hub starts again without an age key."""
    declared = revealed(hub.values.model_dump(), Identity())
    kept = HubSecrets.read(folder.secrets)
    if kept.declared != declared:
        replace(kept, declared=declared).write(folder.secrets)


def _copy_logo(folder: HubFolder, hub: Hub) -> None:
    """Named by its content, so that a hub that goes back to an older logo finds that one."""
    if hub.logo is not None and not (folder.page / hub.logo.name).exists():
        make_private_folder(folder.page)
        write_atomically(folder.page / hub.logo.name, hub.logo.path.read_bytes())


def _easy_to_type(length: int) -> str:
    """Without letters that look alike; 16 of them are 79 bits, JupyterHub wants 32 for admins."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(length))


def wait_until_up(
    client: KeeperClient, folder: HubFolder, wanted: HubSpec, log_before: int, report: Report
) -> None:
    """Until the hub answers by itself and through the proxy; raises what its log says else."""
    deadline = time.monotonic() + COME_UP
    pause = _FIRST_LOOK
    alone = False
    while time.monotonic() < deadline:
        if not alone and living(folder) == wanted and answers_itself(folder, wanted):
            alone = True
            report("waiting for the proxy")
        if alone and answers.hub_answers_people(wanted.proxy_port, wanted.domain):
            return
        child = client.status().hubs[folder.name]
        if child.state == "crashed":
            ended = f"it ended by itself ({child.last_exit})" if child.last_exit else "it ended"
            raise did_not_come_up(folder, log_before, ended)
        time.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_PAUSE)
    missing = "it does not answer through the proxy" if alone else "it does not answer"
    raise did_not_come_up(folder, log_before, f"{missing} after {COME_UP:.0f} s")


def did_not_come_up(folder: HubFolder, log_before: int, why: str) -> HubfleetError:
    """The error, with the line of the hub's log that shows why."""
    found = logfiles.explain_failure(folder.log, log_before)
    place, said = str(folder.log), ""
    if found:
        place, said = f"{folder.log}:{found[0]}", f": {found[1]}"
    return failure(
        "hub-did-not-come-up",
        f"{folder.name} did not come up",
        place=place,
        why=f"{why}{said}",
        hint=f"`hubfleet logs {folder.name}` shows more; mend the declaration and apply again",
    )
