"""What happens inside a hub process.

The keeper calls `preload` once, then forks; each child calls `run_hub` with its folder and spec
and never comes back. `config` turns a spec into traitlets, `application` is the JupyterHub that
runs, `sign_in` decides who may come in, `face` is what they see first, `route_proxy` speaks to the
shared proxy, `spawner` starts people's servers within `walls` (that show them the folder `inside`),
`form` shows profiles, `notices` tell why a server ended, `culling` stops what nobody uses.
Nothing of JupyterHub is imported before `preload`: the command line stays quick.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from hubfleet.platforms.local.folders import HubFolder

_EVERYTHING = (
    "sqlite3",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "aiohttp",
    "tornado.web",
    "tornado.simple_httpclient",
    "jupyterhub.app",
    "jupyterhub.apihandlers",
    "jupyterhub.handlers",
    "jupyterhub.metrics",
    "jupyterhub.authenticators.shared",
    "jupyterhub_idle_culler",
    "hubfleet.platforms.local.hub.application",
    "hubfleet.platforms.local.hub.config",
    "hubfleet.platforms.local.hub.sign_in.settings",
)
QUICK_WAITS = {"start_wait": 0.1, "scale_factor": 1.3, "max_wait": 0.3}
"""JupyterHub waits up to 5 random seconds between looks at a server that is long up."""


def preload() -> None:
    """Import everything that a hub needs; starts no thread and opens nothing."""
    # Only event schemas with the format `iri` would need this; its import takes a second.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    for name in _EVERYTHING:
        importlib.import_module(name)
    look_more_often()


def look_more_often() -> None:
    """Put `QUICK_WAITS` in place of the defaults of JupyterHub's `exponential_backoff`.

    Raises RuntimeError when another JupyterHub has other parameters.
    """
    from jupyterhub import utils

    waiting = utils.exponential_backoff
    parameters = inspect.signature(waiting).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    if not set(QUICK_WAITS) <= set(defaults):
        raise RuntimeError(f"exponential_backoff has other parameters: {', '.join(defaults)}")
    waiting.__defaults__ = tuple({**defaults, **QUICK_WAITS}.values())


def run_hub(folder: Path, spec: Mapping[str, Any] | None = None) -> NoReturn:
    """Run the hub of `folder` in this process until it is told to end; then leave the process.

    `spec` is what the caller recorded as running, None for what `spec.json` says at this moment.
    The working folder, standard streams and session are the caller's business.
    """
    code = 1
    try:
        preload()
        os.umask(0o077)
        # What `ps` and `top` show: the kernel keeps 15 letters.
        Path("/proc/self/comm").write_text(f"hub {folder.parent.name}/{folder.name}"[:15])
        from hubfleet.platforms.local.hub.application import run
        from hubfleet.platforms.local.spec import HubSpec

        path = HubFolder(folder).spec
        code = run(folder, HubSpec.read(path) if spec is None else HubSpec.from_json(spec))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        # Not sys.exit: this is a fork, and the parent's clean-up is not ours to run.
        os._exit(code)
