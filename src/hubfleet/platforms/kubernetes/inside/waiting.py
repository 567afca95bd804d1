"""What the pod itself runs while others read in it: nothing, and it ends when nobody does any more.

Whoever made the pod may be killed, and then cannot remove it. The arguments are how many seconds
pass between two looks, and where processes are listed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

LOOKS = 4


def alone(processes: Path) -> bool:
    """Whether this is the only process of the pod."""
    return len([path for path in processes.iterdir() if path.name.isdigit()]) <= 1


def main(seconds: float, processes: Path) -> None:
    quiet = 0
    while quiet < LOOKS:
        time.sleep(seconds)
        quiet = quiet + 1 if alone(processes) else 0


main(float(sys.argv[1]), Path(sys.argv[2]))
