"""What a person's server does otherwise than Jupyter's own: classes that its arguments name.

Jupyter shows a kernel that was killed for want of memory as one that "appears to have died". The
machine's kernel counts such ends for each control group; when the count has risen during a cell
whose kernel died, the cell says what happened.
"""

# mypy: allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.web import HTTPError

_GIGABYTE = 1024**3


def memory_kills() -> int:
    """How many of this person's processes were killed for want of memory; 0 if not counted."""
    try:
        lines = Path(os.environ["MEM_EVENTS"]).read_text().splitlines()
    except (KeyError, OSError):
        return 0
    counts = dict(line.split(" ", 1) for line in lines)
    return int(counts.get("oom_kill", 0))


def out_of_memory() -> str:
    """What the person reads below the cell."""
    limit = os.environ.get("MEM_LIMIT", "")
    amount = f" {int(limit) / _GIGABYTE:.3g} GB" if limit.isdigit() else " limit"
    return (
        f"This kernel was stopped because your server used more than its{amount} of memory. "
        "Its variables are lost, files are not. Load less at a time, shut down other kernels, "
        "or start your server with more memory if this hub offers it."
    )


class TellingConnection(ZMQChannelsWebsocketConnection):
    """One page's connection to a kernel."""

    _cell: Any = None
    _kills = 0

    def _limit_rate(self, channel: str, msg: dict[str, Any], msg_list: list[Any]) -> Any:
        limited = super()._limit_rate(channel, msg, msg_list)
        if channel == "iopub":
            header = self.get_part("header", msg["header"], msg_list)
            if header["msg_type"] == "execute_input":
                self._cell = self.get_part("parent_header", msg["parent_header"], msg_list)
                self._kills = memory_kills()
        return limited

    def on_kernel_restarted(self) -> None:
        """The kernel died; Jupyter is about to start another."""
        if self._cell is not None and memory_kills() > self._kills:
            # Before the page hears of the restart, after which it drops what comes for old cells.
            self.write_stderr(out_of_memory(), self._cell)
            self._kills = memory_kills()
        super().on_kernel_restarted()


class ImagesOnly(AuthenticatedFileHandler):
    """Serves raw files only where notebooks show them."""

    def get(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """Images in notes and notebooks are asked for in the same way as downloads."""
        kind, _ = mimetypes.guess_type(path)
        if not (kind or "").startswith("image/"):
            raise HTTPError(403, "This hub does not offer downloads.")
        return super().get(path, *args, **kwargs)
