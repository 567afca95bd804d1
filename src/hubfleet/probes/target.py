"""Where and as whom a probe acts, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubfleet.probes.verdict import StageName


@dataclass(frozen=True, slots=True)
class Target:
    """One hub to probe.

    `url` is the public address, with a trailing slash. `connect_to` is the host and port to open
    when the name in `url` is one that only browsers resolve (`*.localhost`). `token` is a secret:
    `repr` leaves it out.

    The token needs `servers!user=<user>` and `access:servers!user=<user>`; and
    `admin:users!user=<user>` only where the hub's configuration does not make the user itself.

    `console` is the address of the console, for a hub whose people sign in there: while it is away
    the hub works for whoever is signed in, and for nobody new.
    """

    hub: str
    url: str
    connect_to: tuple[str, int] | None
    user: str
    token: str = field(repr=False)
    console: str | None = None


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """The most seconds that a stage may take before it counts as failed.

    `spawn` leaves room for JupyterHub's own limit (60 s), so that the hub's own message is seen.
    `whole` bounds the probe from the first stage to the end of the clean-up.
    """

    name: float = 5
    proxy: float = 5
    hub: float = 10
    sign_in: float = 10
    spawn: float = 90
    server: float = 10
    kernel: float = 30
    code: float = 15
    home: float = 15
    cleanup: float = 30
    whole: float = 180

    def of(self, stage: StageName) -> float:
        """The limit of one stage."""
        limit: float = getattr(self, stage.replace("-", "_"))
        return limit
