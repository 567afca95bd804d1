"""Django's secret key: derived from the console's own key, so that there is one secret to keep.

Sessions, tokens in mails and form tokens are signed with it. Whoever replaces the console's key
signs everybody out.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from hubfleet.fleet.console_clients import master_key


def secret_key(folder: Path) -> str:
    """Raises `console-key-not-read`."""
    return hmac.new(master_key(folder), b"django-secret-key", "sha256").hexdigest()
