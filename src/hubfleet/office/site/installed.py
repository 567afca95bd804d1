"""Whether the packages of the console are there; asked before any of them is imported."""

from __future__ import annotations

from importlib.util import find_spec

from hubfleet.kit.errors import failure

NEEDED = ("django", "allauth", "ninja", "prometheus_client", "ruamel.yaml", "uvicorn", "whitenoise")


def missing() -> list[str]:
    """The packages that cannot be imported."""
    return [name for name in NEEDED if not _there(name)]


def require_office() -> None:
    """Raises `office-not-installed`."""
    if names := missing():
        raise failure(
            "office-not-installed",
            "the console's packages are not installed",
            why=f"{', '.join(names)} cannot be imported",
            hint='install hubfleet with its extra: pip install "hubfleet[local,office]"',
        )


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
