"""`replicate verify`: check, stand up, try, compare, take away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hubfleet.kit.errors import failure
from hubfleet.platforms.local.homes.quota import readable
from hubfleet.replicate.bundle.container import check, room_for
from hubfleet.replicate.bundle.manifest import Manifest
from hubfleet.replicate.trial.comparing import Trial
from hubfleet.replicate.trial.with_hubfleet import try_with_hubfleet
from hubfleet.replicate.trial.with_plain import try_with_plain

With = Literal["hubfleet", "plain"]
_RESERVE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found; `kept` is the folder where the copy was left, None when it is gone."""

    manifest: Manifest
    trials: list[Trial]
    kept: Path | None

    @property
    def ok(self) -> bool:
        """Whether the copy is what its manifest promises."""
        return all(trial.ok for trial in self.trials)

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "ok": self.ok,
            "hubs": [
                {
                    "hub": trial.hub,
                    "ok": trial.ok,
                    "checks": [one.as_json() for one in trial.checks],
                }
                for trial in self.trials
            ],
            "kept": None if self.kept is None else str(self.kept),
        }


def verify(
    bundle: Path,
    report: Callable[[str, str], None] = lambda _what, _phase: None,
    *,
    how: With = "hubfleet",
    keep: bool = False,
    without_isolation: bool = False,
) -> Verified:
    """Raises what is wrong with the bundle itself, or with standing it up; differences are in the
    answer. Whatever happens, nothing of the copy goes on running.
    """
    report("the bundle", "being checked")
    manifest = check(bundle)
    _room(manifest)
    report("the bundle", "done")
    folder = Path(tempfile.mkdtemp(prefix="hubfleet-verify-"))
    try:
        if how == "plain":
            trials = try_with_plain(bundle, manifest, folder, report)
        else:
            trials = try_with_hubfleet(
                bundle, manifest, folder, report, without_isolation=without_isolation
            )
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return Verified(manifest, trials, folder if keep else None)


def _room(manifest: Manifest) -> None:
    place = Path(tempfile.gettempdir())
    wanted, free = 2 * room_for(manifest) + _RESERVE, shutil.disk_usage(place).free
    if wanted > free:
        raise failure(
            "no-room-for-bundle",
            "there is no room to stand the bundle up",
            place=str(place),
            why=f"It may need {readable(wanted)}, and {readable(free)} are free.",
            hint="make room, or name another place with $TMPDIR; nothing was written",
        )
