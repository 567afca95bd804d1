"""A host name's routes in the shared proxy, when a hub gives the name up.

A hub leaves its routes behind on purpose, so that people's servers can be reached while it
restarts; whoever takes its name away has to take them out.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from hubfleet.platforms.local import answers
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.platforms.local.observing import known
from hubfleet.platforms.local.processes import is_alive
from hubfleet.platforms.local.proxy import proxy_api, proxy_token
from hubfleet.platforms.local.spec import RunRecord


def give_up_domain(state: StateFolder, name: str, domain: str) -> None:
    """Take the routes of `domain` out of the proxy, because hub `name` does not have it any more.

    Where another hub has it now, nothing is taken out: that hub is told to look at its routes, and
    puts right what the first one left. A proxy that is away has no routes, and gets new ones.
    """
    heirs = [
        folder
        for folder in state.known_hubs()
        if folder.name != name and (spec := known(folder)) and spec.domain == domain
    ]
    if not heirs:
        with suppress(OSError):
            answers.drop_routes(proxy_api(state), proxy_token(state), domain)
    for folder in heirs:
        with suppress(OSError, ValueError):
            record = RunRecord.read(folder.run)
            if is_alive(record.pid, record.start_time, record.boot):
                os.kill(record.pid, signal.SIGHUP)
