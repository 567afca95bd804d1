"""What people are called: one spelling for each person, and none that deceives or breaks paths."""

from __future__ import annotations

import re
import unicodedata

from hubfleet.fleet.fields import USER_NAME_PATTERN

LONGEST_NAME = 255
"""What JupyterHub's database has room for."""

_NAME = re.compile(USER_NAME_PATTERN)
# Controls, invisible signs that turn or hide text, and halves of letters.
_DECEIVING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def one_spelling(name: str) -> str:
    """The same for names that differ only in case or in how accents are stored."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower()).strip()


def is_good_name(name: str) -> bool:
    """Whether a person may be called so; `name` is in its one spelling already."""
    return (
        0 < len(name) <= LONGEST_NAME
        and bool(_NAME.fullmatch(name))
        and not any(unicodedata.category(sign) in _DECEIVING for sign in name)
        and name == one_spelling(name)
    )
