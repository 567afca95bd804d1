"""What the operator says about measuring use: `service.use`."""

from __future__ import annotations

from hubfleet.fleet.declared import Declared
from hubfleet.fleet.fields import Duration, Flag, UserName


class Use(Declared):
    """How the use of hubs is measured, and how long traces of people stay."""

    measure: Flag = True
    """Whether hubs are read every minute; without it no use is known."""
    staff: tuple[UserName, ...] = ()
    """Names on the hubs that count as the operator's own, beside accounts with a staff role."""
    retention: Duration = "400d"
    """How long after a month the keyed hashes of its users stay, by which a bill is explained."""
    sessions: Duration = "90d"
    """How long after its end a session stays as a row of its own."""
