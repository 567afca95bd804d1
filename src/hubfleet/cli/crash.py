"""What is left behind when hubfleet itself fails: a log to put into a bug report."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback

from hubfleet import __version__
from hubfleet.cli import exits
from hubfleet.cli.output import print_problems, tell
from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import Problem

_SYSTEM_ERRORS = {
    errno.ENOSPC: ("disk-full", "the disk is full", "make room, then run the command again"),
    errno.EDQUOT: ("disk-full", "your quota is used up", "make room, then run the command again"),
    errno.EACCES: ("no-permission", "a file may not be used", "mend its owner or mode"),
    errno.EROFS: ("read-only", "the disk is read-only", "mount it for writing, or use another"),
}


def explain_system_error(error: OSError) -> int:
    """The exit code; what the system refuses is the machine's matter, anything else is a bug."""
    known = _SYSTEM_ERRORS.get(error.errno or 0)
    if known is None:
        write_crash_log(error)
        return exits.BUG
    code, what, hint = known
    print_problems([Problem(code, what, error.filename, error.strerror or "", hint)])
    return exits.FAILED


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
