"""A small program in the place of a hub: says that it began, listens, reopens its log on SIGHUP.

Its own folder tells it how to behave: a file `dies` makes it raise, `stubborn` ignore SIGTERM,
`writes` write numbered lines as fast as it can.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def preload() -> None:
    """Nothing to import."""


def run_hub(folder: Path, spec: dict[str, Any]) -> None:
    hangups = []
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if (folder / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def reopen(*_: object) -> None:
        hangups.append(1)
        log = os.open(folder / "hub.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.write(1, f"reopened {len(hangups)}\n".encode())

    signal.signal(signal.SIGHUP, reopen)
    with (folder / "begun").open("a") as begun:
        begun.write(f"{os.getpid()} {spec['revision']}\n")
    if (folder / "dies").exists():
        raise ValueError("the stand-in was told to die")
    if (folder / "writes").exists():
        for number in range(200_000):
            os.write(1, f"line {number:06}\n".encode())
            if number % 100 == 0:
                time.sleep(0.0005)
        (folder / "written").touch()
    while True:
        signal.pause()
