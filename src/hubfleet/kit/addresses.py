"""Addresses that people typed, as they may be shown."""

from __future__ import annotations

import re


def without_credentials(text: str) -> str:
    """With what may be a password in it blotted out, since what does not fit is shown to people.

    That is all between `//` (or the beginning) and the last `@`, where a colon stands in it, and
    an address's query.
    """
    text = re.sub(r"(?s)(?<=//).*@", "***@", text)
    text = re.sub(r"(?s)^[^@]*:(?!//\*\*\*@).*@", "***@", text)
    return re.sub(r"(?s)(?<=//)([^?#]*)[?#].*", r"\1?***", text)
