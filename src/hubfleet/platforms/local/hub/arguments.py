"""The declared values as arguments of people's servers. What is said here, nobody's own
configuration file can change: Jupyter gives arguments the last word.
"""

from __future__ import annotations

from importlib.util import find_spec

from hubfleet.fleet.model import HubValues
from hubfleet.kit.units import parse_duration

_LONGEST_LOOK = 300

SERVER_BELIEVES = 20
"""Seconds; the hub itself asks the console again after `console.REFRESH` more."""

_FOR_EVERYBODY, _NO_DOWNLOADS = "for-everybody", "without-downloads"


def lab_settings(values: HubValues) -> list[str]:
    """The folders beside the launcher with what JupyterLab is to do otherwise on this hub.

    `for-everybody` switches off the question whether one wants news of the Jupyter project: the
    arguments below only make it useless.
    """
    return [_FOR_EVERYBODY] if values.downloads else [_NO_DOWNLOADS, _FOR_EVERYBODY]


def server_arguments(values: HubValues) -> list[str]:
    """Arguments for the single-user server."""
    arguments = [
        # Over TCP any process of the machine could listen to a kernel.
        "--KernelManager.transport=ipc",
        "--ServerApp.kernel_websocket_connection_class=person_server.TellingConnection",
        # A hub speaks for its community: JupyterLab asks nobody else for news and updates.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if values.access.sign_in == "console":
        # How long a server believes what its hub said of a browser: part of the minute in which
        # access ends when nobody can stop the server.
        arguments.append(f"--HubOAuth.cache_max_age={SERVER_BELIEVES}")
    if idle := parse_duration(values.culling.kernels):
        look = min(_LONGEST_LOOK, max(1, idle // 2))
        arguments += [
            f"--MappingKernelManager.cull_idle_timeout={idle}",
            f"--MappingKernelManager.cull_interval={look}",
        ]
    if not values.terminals:
        arguments.append("--ServerApp.terminals_enabled=False")
    if not values.downloads:
        arguments.append("--FileContentsManager.files_handler_class=person_server.ImagesOnly")
    if not values.collaboration and has_collaboration():
        arguments.append("--YDocExtension.disable_rtc=True")
    return arguments


def has_collaboration() -> bool:
    """Whether jupyter-collaboration is installed where people's servers run."""
    return find_spec("jupyter_server_ydoc") is not None
