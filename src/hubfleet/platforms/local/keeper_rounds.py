"""What the keeper does all day: mind the proxy and the hubs, answer requests, keep logs small.

The children themselves are in `children`, the socket in `keeper_requests`, what is done for
people's data in `keeper_chores`, and the console in `keeper_console`.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hubfleet.kit.errors import failure
from hubfleet.kit.files import make_private_folder
from hubfleet.platforms.local.children import Child, Pace
from hubfleet.platforms.local.children_fork import Program
from hubfleet.platforms.local.control_status import KeeperFacts, LocalStatus
from hubfleet.platforms.local.folders import HubFolder, StateFolder
from hubfleet.platforms.local.keeper_chores import Chores
from hubfleet.platforms.local.keeper_console import ConsoleMinder
from hubfleet.platforms.local.keeper_loop import Loop
from hubfleet.platforms.local.logfiles import rotate_by_copy, rotate_by_rename
from hubfleet.platforms.local.proxy import proxy_answers, proxy_command, run_proxy
from hubfleet.platforms.local.proxy_pages import write_proxy_pages
from hubfleet.platforms.local.spec import HubSpec

log = logging.getLogger("hubfleet.keeper")

RunHub = Callable[[Path, dict[str, Any]], object]
"""Runs the hub of a folder with exactly this spec, which is the one that was recorded."""

_LOOK_FOR_PROXY = 0.1


class Keeper:
    """Minds the children of one state folder."""

    def __init__(
        self,
        state: StateFolder,
        facts: KeeperFacts,
        proxy_program: list[str],
        run_hub: RunHub,
        pace: Pace,
    ) -> None:
        self.state = state
        self.facts = facts
        self.loop = Loop(lambda: self._end(hubs=False))
        self.hubs: dict[str, Child] = {}
        self._run_hub = run_hub
        self._pace = pace
        self._ending = False
        self._ending_all = False
        self._next_log_check = time.monotonic() + pace.log_check
        self._look_for_proxy_at: float | None = None
        self._chores = Chores(state, pace, self.loop)
        self._console = ConsoleMinder(state, pace)
        self.proxy = Child(
            _proxy_child(state, proxy_program, facts.port), pace, self.loop, self._ended
        )

    def take_over_proxy(self) -> None:
        """Adopt or start the proxy; one that runs another command is replaced."""
        write_proxy_pages(self.state)
        self.proxy.take_over()
        self.proxy.start()
        # Whoever started it: adopted hubs may have routes that this proxy has not.
        self._look_for_proxy_at = time.monotonic()

    def take_over_hubs(self) -> None:
        """Adopt or start every hub that should run."""
        for folder in self.state.known_hubs():
            self._hub(folder.name).take_over()

    def run(self, tick_door: Callable[[], None], door_due: Callable[[], float]) -> None:
        """Go round until told to end."""
        while not self._has_ended():
            self.loop.turn(min(self._due(), door_due()) - time.monotonic())
            tick_door()
            for child in self._children():
                child.tick()
            self._tick_logs()
            self._tick_routes()
            if not self._ending:
                self._chores.tick()
                self._console.tick()
        self._console.let_go()

    def answer(self, request: dict[str, Any]) -> Any:
        """What one request is answered with; raises `HubfleetError` for what is refused."""
        match request:
            case {"operation": "facts"}:
                return asdict(self.facts)
            case {"operation": "status"}:
                return self._status().as_json()
            case {"operation": "start", "hub": str(name)}:
                return {"outcome": self._start(name)}
            case {"operation": "stop", "hub": str(name)}:
                return {"outcome": self._known(name).stop()}
            case {"operation": "forget", "hub": str(name)}:
                return {"outcome": self._forget(name)}
            case {"operation": "shutdown", "hubs": bool(hubs)}:
                self._end(hubs=hubs)
                return {"outcome": "ending"}
        raise failure("bad-request", "the keeper knows no such request")

    def _status(self) -> LocalStatus:
        hubs = {name: child.status() for name, child in sorted(self.hubs.items())}
        return LocalStatus(self.facts, self.proxy.status(), hubs)

    def _start(self, name: str) -> str:
        if self._ending:
            raise failure("keeper-is-ending", "the keeper is ending, it starts nothing any more")
        child = self._known(name)
        try:
            outcome = child.start()
        except (OSError, ValueError, TypeError) as error:
            raise failure(
                "spec-not-readable",
                f"{name} cannot be started",
                why=f"what it should run cannot be read: {error}",
                hint="run `hubfleet apply`, which writes it anew",
            ) from error
        write_proxy_pages(self.state)
        return outcome

    def _forget(self, name: str) -> str:
        child = self.hubs.get(name)
        if child is not None and child.up:
            raise failure("hub-is-up", f"{name} cannot be forgotten while it runs")
        self.hubs.pop(name, None)
        write_proxy_pages(self.state)
        return "forgotten"

    def _known(self, name: str) -> Child:
        """A hub that has a folder here; the name comes from outside: looked up, not joined."""
        if name not in self.hubs and not any(
            folder.name == name for folder in self.state.known_hubs()
        ):
            raise failure(
                "no-such-hub",
                f"there is no hub {name!r} in this state folder",
                why="it was never applied here, or it was removed",
                hint="run `hubfleet apply`",
            )
        return self._hub(name)

    def _hub(self, name: str) -> Child:
        if name not in self.hubs:
            program = _hub_child(self.state.hub(name), self._run_hub)
            self.hubs[name] = Child(program, self._pace, self.loop, self._ended)
            # It may run without this keeper knowing, if its folder was brought back.
            self.hubs[name].adopt()
        return self.hubs[name]

    def _children(self) -> list[Child]:
        return [self.proxy, *self.hubs.values()]

    def _ended(self, child: Child) -> None:
        if child is self.proxy and not self._ending:
            self._look_for_proxy_at = time.monotonic()
        if self._ending_all and not any(hub.up for hub in self.hubs.values()):
            # Last, so that people see a page for as long as anything answers.
            self.proxy.end()

    def _end(self, *, hubs: bool) -> None:
        log.info("ending, hubs and proxy %s", "too" if hubs else "live on")
        self._ending = True
        self._chores.end()
        self._ending_all = self._ending_all or hubs
        if hubs:
            for hub in self.hubs.values():
                hub.end()
            if not any(hub.up for hub in self.hubs.values()):
                self.proxy.end()

    def _has_ended(self) -> bool:
        if not self._ending:
            return False
        return not self._ending_all or not any(child.up for child in self._children())

    def _due(self) -> float:
        soonest = min(child.due() for child in self._children())
        looks = (self._next_log_check, self._look_for_proxy_at or float("inf"))
        return min(soonest, self._chores.due(), self._console.due(), *looks)

    def _tick_routes(self) -> None:
        """Once a new proxy answers, have all hubs give it their routes: it begins with none."""
        moment = time.monotonic()
        if self._look_for_proxy_at is None or moment < self._look_for_proxy_at:
            return
        self._look_for_proxy_at = moment + _LOOK_FOR_PROXY
        if self.proxy.up and proxy_answers(self.state):
            self._look_for_proxy_at = None
            for hub in self.hubs.values():
                hub.send(signal.SIGHUP)
            log.info("the proxy answers: hubs were told to send their routes")

    def _tick_logs(self) -> None:
        if time.monotonic() < self._next_log_check:
            return
        self._next_log_check = time.monotonic() + self._pace.log_check
        try:
            self._rotate_logs()
        except OSError as error:
            # A full disk must not end the keeper as well.
            log.error("logs cannot be rotated: %s", error)

    def _rotate_logs(self) -> None:
        size = self._pace.log_size
        for hub in self.hubs.values():
            path = hub.program.log
            # A hub that could not listen yet when its log was set aside is told again.
            if rotate_by_rename(path, size) or (hub.up and not path.exists()):
                hub.send(signal.SIGHUP)
            for server in hub.program.folder.glob("servers/*.log"):
                rotate_by_copy(server, size)
        rotate_by_copy(self.proxy.program.log, size)
        rotate_by_copy(self.state.keeper_log, size)


def _hub_child(folder: HubFolder, run_hub: RunHub) -> Program:
    return Program(
        name=folder.name,
        folder=folder.path,
        log=folder.log,
        lock=folder.path / "hub.lock",
        spec=lambda: asdict(HubSpec.read(folder.spec)),
        run=lambda spec: run_hub(folder.path, spec),
    )


def _proxy_child(state: StateFolder, program: list[str], port: int) -> Program:
    make_private_folder(state.proxy)
    command = proxy_command(state, program, port)
    return Program(
        name="proxy",
        folder=state.proxy,
        log=state.proxy / "proxy.log",
        lock=state.proxy / "proxy.lock",
        spec=lambda: {"command": command},
        run=lambda spec: run_proxy(state, spec["command"]),
        execs=True,
    )
