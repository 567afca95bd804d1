"""Django's secret key: derived from the console's own key, so that there is one secret to keep.

Sessions, tokens in mails and form tokens are signed with it. Whoever replaces the console's key
signs everybody out.
"""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from hubfleet.fleet.console_clients import make_once, master_key


def secret_key(folder: Path) -> str:
    """Raises `console-key-not-read`."""
    return hmac.new(master_key(folder), b"django-secret-key", "sha256").hexdigest()


def metrics_token(folder: Path) -> Path:
    """The private file with the token for `/metrics`, made once."""
    file = folder / "metrics-token"
    make_once(file, secrets.token_urlsafe(32))
    return file
