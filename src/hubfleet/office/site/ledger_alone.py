"""Django's settings for commands that need the ledger and nothing else of the office.

Databases are added when they are opened, because `--state` names them.
"""

from __future__ import annotations

from typing import Any

INSTALLED_APPS = ["hubfleet.office.ledger"]
DATABASES: dict[str, Any] = {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
# What goes wrong is raised; Django's own handlers would print it a second time.
LOGGING_CONFIG = None
