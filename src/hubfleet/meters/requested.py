"""What memory a server was promised, from the hub's values and what its person chose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubfleet.fleet.model import HubValues
from hubfleet.fleet.profiles import ForbiddenChoiceError, terms
from hubfleet.kit.units import parse_memory


def requested_memory(values: HubValues, chosen: Any) -> int | None:
    """The guarantee, else the limit, as Kubernetes takes it; None without either.

    `chosen` is what the hub's API calls `user_options`. Somebody whose choice is not offered any
    more has what everybody has.
    """
    options = chosen if isinstance(chosen, Mapping) else {}
    wanted = {str(key): value for key, value in options.items()} if values.profiles else {}
    try:
        found = terms(values, values.profiles, wanted)
    except (ForbiddenChoiceError, TypeError):
        found = terms(values, (), {})
    amount = found.guarantees.memory or found.limits.memory
    return None if amount is None else parse_memory(amount)
