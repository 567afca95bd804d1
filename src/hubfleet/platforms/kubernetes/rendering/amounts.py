"""What a server gets for certain, and memory as Kubernetes writes it."""

from __future__ import annotations

from hubfleet.fleet.model import Guarantees, Limits
from hubfleet.kit.units import parse_memory

LEAST_MEMORY, LEAST_CPU = "256M", 0.05
"""Unless the declaration says otherwise. A pod without a request would be given its whole limit,
and four people would fill a node that forty can share."""

_UNITS = (("Ti", 1024**4), ("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024))


def least(limits: Limits, guarantees: Guarantees) -> tuple[str | int, float]:
    """Memory and CPU that a server gets for certain: never more than its limit."""
    memory = guarantees.memory or LEAST_MEMORY
    if limits.memory is not None and parse_memory(limits.memory) < parse_memory(memory):
        memory = limits.memory
    cpu = guarantees.cpu or LEAST_CPU
    return memory, cpu if limits.cpu is None else min(cpu, limits.cpu)


def quantity(memory: str) -> str:
    """`10G` of the declaration (powers of 1024) as Kubernetes writes it: `10Gi`."""
    amount = parse_memory(memory)
    for unit, size in _UNITS:
        if amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)
