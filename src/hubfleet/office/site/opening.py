"""Opening the ledger from the command line.

Importing Django costs more than most commands do, so nothing here is imported before there is
something to record or to read.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from hubfleet.kit.errors import failure
from hubfleet.office.ledger.place import ledger_place

if TYPE_CHECKING:
    from hubfleet.office.ledger.ledger import Ledger


def open_ledger(state: Path, url: str | None = None, *, version: str) -> Ledger:
    """The ledger of this state folder, or of the PostgreSQL server that `url` names, up to date.

    `version` is hubfleet's own: it is noted beside the tables, so that an older hubfleet can say
    which one wrote them. The caller closes the ledger. The folder must exist.
    """
    place = ledger_place(state, url)
    start_django()
    if url:
        _need("psycopg", "postgresql")
    from hubfleet.office.ledger.ledger import Ledger

    return Ledger(place, version)


def start_django() -> None:
    """Set Django up in this process; the second call does nothing."""
    _need("django", "office")
    import django
    from django.conf import settings

    from hubfleet.office.site import ledger_alone as ours

    if settings.configured:
        return
    # Not through DJANGO_SETTINGS_MODULE: hubs and people's servers inherit our environment.
    settings.configure(**{name: value for name, value in vars(ours).items() if name.isupper()})
    django.setup()


def _need(module: str, extra: str) -> None:
    try:
        import_module(module)
    except ModuleNotFoundError:
        raise failure(
            "office-not-installed",
            f"hubfleet cannot remember what it does: {module} is missing",
            why=f"it comes with the extra `{extra}`",
            hint=f"install hubfleet with it: pip install 'hubfleet[{extra}]'",
        ) from None
