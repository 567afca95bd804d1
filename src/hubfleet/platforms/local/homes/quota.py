"""Whether a home is small enough, and what its owner is told.

The quota is a wish that the file system may enforce (see `project_quota`); where it does not, the
last measurement decides when a server starts: warned from 90 %, refused from 110 %.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

WARN = 0.9
REFUSE = 1.1

State = Literal["ok", "warn", "refuse"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a home's size. `text` is for its owner, empty when all is well."""

    state: State
    used: int
    quota: int | None
    text: str = ""

    @property
    def refused(self) -> bool:
        """Whether no new server may be started."""
        return self.state == "refuse"

    def as_json(self) -> dict[str, object]:
        """All fields."""
        return asdict(self)


def judge_quota(used: int, quota: int | None, *, ask: str = "the admins of this hub") -> Verdict:
    """Judge `used` bytes against `quota` (None: there is none); `ask` is who may give more."""
    if quota is None or used < quota * WARN:
        return Verdict("ok", used, quota)
    share = f"{readable(used)} of {readable(quota)} ({used * 100 // quota} %)"
    if used < quota * REFUSE:
        return Verdict("warn", used, quota, _warning(share, quota, ask))
    return Verdict("refuse", used, quota, _refusal(share, quota, ask))


def _warning(share: str, quota: int, ask: str) -> str:
    return (
        f"Your home is nearly full: it holds {share}. "
        f"From {readable(int(quota * REFUSE))} on no new server is started for you. "
        f"{_CLEAN} If you need more room, ask {ask}."
    )


def _refusal(share: str, quota: int, ask: str) -> str:
    return (
        f"Your home is too full to start a server: it holds {share}. "
        "Nothing of yours was deleted. "
        f"If one of your servers still runs, delete files there until less than "
        f"{readable(int(quota * REFUSE))} is left, then start again. {_TRASH} "
        f"If none runs, ask {ask} to delete files for you or to give you more room."
    )


_TRASH = "Files deleted in JupyterLab stay in the folder .local/share/Trash until you empty it."
_CLEAN = f"Delete files that you no longer need. {_TRASH}"


def readable(amount: int) -> str:
    """Bytes in short, in the units of the declaration: `9.2G`, `512M`, `0`."""
    for unit, size in (("T", 1024**4), ("G", 1024**3), ("M", 1024**2), ("K", 1024)):
        if amount >= size:
            return f"{amount / size:.1f}".removesuffix(".0") + unit
    return str(amount)
