"""What is left behind when hubfleet itself fails: a log to put into a bug report."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback

from hubfleet import __version__
from hubfleet.cli.output import tell
from hubfleet.kit.clock import timestamp


def write_crash_log(error: Exception) -> None:
    """Write versions and traceback to a new private file and name it on stderr.

    The command's arguments are left out: they may name people. No variable's value is written.
    """
    descriptor, path = tempfile.mkstemp(prefix="hubfleet-crash-", suffix=".log")
    with os.fdopen(descriptor, "w") as log:
        log.write(f"hubfleet {__version__}, Python {platform.python_version()}, {timestamp()}\n")
        log.write(f"{platform.platform()}\n\n")
        log.writelines(traceback.format_exception(error))
    tell(f"error[unexpected]: hubfleet failed in a way it does not know: {type(error).__name__}")
    tell(f"  --> {path}")
    tell("  hint: this is a bug; please report it with the file above")
    if os.environ.get("HUBFLEET_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
