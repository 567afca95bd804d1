"""Starting the office in this process: settings for this place, then Django, then the database.

`start` may be called once in a process; `hubfleet serve` and tests call it. Commands that need
only the ledger call `opening.start_django` instead, which is quicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubfleet.kit.errors import failure
from hubfleet.kit.files import make_private_folder
from hubfleet.office.identity import configured as identity
from hubfleet.office.ledger.place import LedgerPlace, ledger_place
from hubfleet.office.site.installed import require_office
from hubfleet.office.site.keys import metrics_token, secret_key


@dataclass(frozen=True, slots=True)
class Launch:
    """What this place says about the console.

    `address` is where people's browsers find it (`https://console.example.org`); `names` are
    further host names that it answers to, such as the one that a health check uses.
    `trusted_proxies` is the number of proxies of ours in front of it: so many last entries of
    `X-Forwarded-For` are believed, and with 0 none.
    """

    state: Path
    address: str
    version: str
    database: str | None = None
    names: tuple[str, ...] = ()
    trusted_proxies: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)
    """Settings of rooms that depend on the place, such as mail."""

    @property
    def folder(self) -> Path:
        """What the console keeps beside the database: keys, static files."""
        return self.state / "console"

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over https."""
        return urlsplit(self.address).scheme == "https"


def start(launch: Launch) -> None:
    """Configure and set up Django; raises `office-not-installed` and `database-not-understood`."""
    require_office()
    import django
    from django.conf import settings

    from hubfleet.office.site import settings as ours

    place = ledger_place(launch.state, launch.database)
    make_private_folder(launch.folder)
    common = {name: value for name, value in vars(ours).items() if name.isupper()}
    # Not through DJANGO_SETTINGS_MODULE: hubs and people's servers inherit our environment.
    settings.configure(**{**common, **of_this_place(launch, place), **launch.more})
    django.setup()


def of_this_place(launch: Launch, place: LedgerPlace) -> dict[str, Any]:
    """The settings that differ from place to place."""
    host = urlsplit(launch.address).hostname or "localhost"
    prefix = "__Host-" if launch.secure else ""
    values: dict[str, Any] = {
        "SECRET_KEY": secret_key(launch.folder),
        "METRICS_TOKEN_FILE": metrics_token(launch.folder),
        "DEBUG": False,
        "ALLOWED_HOSTS": sorted({host, *launch.names}),
        "DATABASES": {"default": _database(place)},
        "STATIC_ROOT": str(launch.folder / "static"),
        "CONSOLE_ADDRESS": launch.address.rstrip("/"),
        "CONSOLE_VERSION": launch.version,
        "TRUSTED_PROXIES": launch.trusted_proxies,
        "ALLAUTH_TRUSTED_PROXY_COUNT": launch.trusted_proxies,
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if launch.secure else "http",
        "SESSION_COOKIE_SECURE": launch.secure,
        "CSRF_COOKIE_SECURE": launch.secure,
        # A hub lives below the same domain and could set cookies for it; browsers let nobody but
        # this host set one with this prefix.
        "SESSION_COOKIE_NAME": f"{prefix}hubfleet-session",
        "CSRF_COOKIE_NAME": f"{prefix}hubfleet-csrf",
        "CSRF_TRUSTED_ORIGINS": [launch.address.rstrip("/")],
    }
    values |= identity.of_this_place(launch.folder, launch.address)
    if launch.trusted_proxies:
        values["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")
    return values


def prepare_database(launch: Launch) -> None:
    """Bring all tables up to date: the ledger's by its own way, then all others.

    Raises `ledger-newer`, `office-newer`, and what the ledger's port promises.
    """
    from django.core.management import call_command
    from django.db import connections

    from hubfleet.office.ledger.troubles import in_plain_words
    from hubfleet.office.site.opening import open_ledger

    place = ledger_place(launch.state, launch.database)
    open_ledger(launch.state, launch.database, version=launch.version).close()
    try:
        with in_plain_words(place):
            _refuse_newer(place)
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            call_command("createcachetable", verbosity=0)
    finally:
        connections.close_all()


def _refuse_newer(place: LedgerPlace) -> None:
    """Raises `office-newer` when a table has a layout that this version does not know."""
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    ours = {app for app, _ in loader.disk_migrations}
    unknown = sorted(
        f"{app} {name}"
        for app, name in loader.applied_migrations
        if app in ours and (app, name) not in loader.disk_migrations and not _replaced(loader, app)
    )
    if unknown:
        raise failure(
            "office-newer",
            "the office's tables were written by a newer hubfleet",
            place=place.shown,
            why=f"they have a layout that this version does not know ({_some(unknown)})",
            hint="use that version or a later one; nothing was changed",
        )


def _replaced(loader: Any, app: str) -> bool:
    """Whether the app's migrations were joined into one: then old names are no news."""
    return any(key[0] == app for key in loader.replacements)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _database(place: LedgerPlace) -> dict[str, Any]:
    """The ledger's place, opened for pages: what they write need not wait for the disk, and their
    threads keep the connection for a while.
    """
    settings = dict(place.settings)
    options = dict(settings["OPTIONS"])
    if place.file is not None:
        options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    kept = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": place.file is None}
    return {**settings, **kept, "OPTIONS": options}
