"""`hubfleet systemd-unit`: keep the hubs running after a reboot."""

from __future__ import annotations

import sys

from hubfleet.cli import options


def systemd_unit(state: options.State = None, port: options.Port = None) -> None:
    """Print a systemd unit for the keeper; its first lines say how to install it."""
    from hubfleet import wiring

    sys.stdout.write(wiring.local_platform(state, port=port).systemd_unit())
