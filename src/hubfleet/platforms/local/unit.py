"""A systemd user unit for the keeper, for machines where hubs are to come back after a reboot."""

from __future__ import annotations

import sys

from hubfleet.platforms.local.folders import StateFolder

_UNIT = """\
# hubfleet: the keeper of {state}
# To install it:
#   mkdir -p ~/.config/systemd/user
#   save this text as ~/.config/systemd/user/hubfleet.service
#   systemctl --user daemon-reload
#   systemctl --user enable --now hubfleet.service
# So that it runs while nobody is signed in:
#   loginctl enable-linger

[Unit]
Description=hubfleet: JupyterHubs on this machine
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Restart=always
RestartSec=2
# Only the keeper ends with the unit: hubs and people's servers live on, and are adopted again.
KillMode=process
# So that the keeper may limit the memory and CPU of each person's server.
Delegate=yes

[Install]
WantedBy=default.target
"""


def systemd_unit(state: StateFolder, port: int) -> str:
    """The unit's text, with how to install it; it holds no secret."""
    command = [
        *(sys.executable, "-P", "-m", "hubfleet.platforms.local.keeper"),
        *("--state", str(state.path.absolute()), "--port", str(port)),
    ]
    quoted = " ".join(_quoted(word) for word in command)
    return _UNIT.format(state=str(state.path.absolute()).replace("\n", " "), command=quoted)


def _quoted(word: str) -> str:
    """As systemd reads it: `%` and `$` are its own signs, also inside quotes."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.replace("%", "%%").replace("$", "$$")
