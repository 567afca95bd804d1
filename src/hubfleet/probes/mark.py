"""The mark that a probe leaves on its server, so that probes do not confuse each other."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

MARK = "hubfleet_probe"
"""The key in the server's user options; spawners ignore options that they do not know."""

_running: set[str] = set()


def begin_mark(seconds: float) -> dict[str, Any]:
    """A new mark of this process; after `seconds` it counts as left over in any case."""
    identity = secrets.token_hex(8)
    _running.add(identity)
    return {
        "id": identity,
        "until": int(time.time() + seconds) + 1,
        "machine": _machine(),
        "pid": os.getpid(),
    }


def end_mark(mark: dict[str, Any]) -> None:
    """The probe is over, whatever became of its server."""
    _running.discard(mark["id"])


def is_left_over(mark: Any) -> bool:
    """Whether nobody is at work on the server any more: its probe crashed, or it never had one."""
    if not isinstance(mark, dict):
        return True
    if time.time() > float(mark.get("until") or 0):
        return True
    if mark.get("machine") != _machine():
        return False
    if mark.get("pid") == os.getpid():
        return mark.get("id") not in _running
    return not Path(f"/proc/{mark.get('pid')}").exists()


def _machine() -> str:
    """Another one on each machine and after each boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
