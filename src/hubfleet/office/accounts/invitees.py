"""What somebody pasted or uploaded as a list of people to invite, line by line. Pure.

A line is `ada@example.org`, `Ada Example <ada@example.org>`, or fields parted by commas, semicolons
or tabs: address, name, login, in this order or as a first line names them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr

from hubfleet.office.accounts.logins import one_spelling

MOST = 10_000
_ADDRESS = re.compile(r"^[^@\s<>\"'(),:;\\\[\]\x00-\x1f\x7f]+@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]{2,}$")
_HEADINGS = {
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "address": "email",
    "name": "name",
    "login": "login",
    "user": "login",
    "username": "login",
}


@dataclass(frozen=True, slots=True)
class Invitee:
    """One person to invite; `login` is empty where they choose one themselves."""

    email: str
    name: str = ""
    login: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """One line that invites nobody, and why. `line` counts from 1; 0 means the whole list."""

    line: int
    text: str
    why: str


def parse(text: str) -> tuple[list[Invitee], list[Refused]]:
    """Everybody that the text names, once each, and the lines that cannot be understood."""
    if "\x00" in text:
        return [], [Refused(0, "", "this is not text")]
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    filled = [(number, line) for number, line in enumerate(lines, 1) if line]
    if len(filled) > MOST:
        return [], [Refused(0, "", f"{len(filled)} lines; at most {MOST} can be invited at once")]
    found: dict[str, Invitee] = {}
    refused = []
    for number, line, invitee in _read(filled):
        if isinstance(invitee, str):
            refused.append(Refused(number, shown(line), invitee))
        elif invitee.email in found:
            refused.append(Refused(number, shown(line), "this address stands above already"))
        else:
            found[invitee.email] = invitee
    if len(found) > MOST:
        return [], [Refused(0, "", f"{len(found)} people; at most {MOST} can be invited at once")]
    return list(found.values()), refused


def _read(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str, Invitee | str]]:
    columns = ["email", "name", "login"]
    for index, (number, line) in enumerate(lines):
        fields = _fields(line)
        headings = [_HEADINGS.get(field.lower()) for field in fields]
        if index == 0 and "email" in headings:
            columns = [heading or "" for heading in headings]
            continue
        addresses = [field for field in fields if is_address(_address_in(field).lower())]
        if len(addresses) > 1:
            # As mail programs copy them: many people in one line.
            for field in fields:
                if field:
                    yield number, field, _one(field, [field], ["email"])
        else:
            yield number, line, _one(line, fields, columns)


def _fields(line: str) -> list[str]:
    """The line's fields, by whichever sign parts it."""
    sign = next((sign for sign in "\t;," if sign in line), ",")
    try:
        row = next(csv.reader([line], delimiter=sign, strict=False))
    except (csv.Error, StopIteration):
        row = [line]
    return [field.strip() for field in row]


def _address_in(field: str) -> str:
    return parseaddr(field)[1] if "<" in field else field


def _one(line: str, fields: list[str], columns: list[str]) -> Invitee | str:
    if "<" in line:
        name, email = parseaddr(line)
        values = {"name": name, "email": email}
    else:
        values = dict(zip(columns, fields, strict=False))
    email = values.get("email", "").lower()
    if not is_address(email):
        return "there is no e-mail address in it"
    return Invitee(email, values.get("name", "")[:200], one_spelling(values.get("login", "")))


def is_address(text: str) -> bool:
    """Whether mail can be sent there, as far as its form says; names only, no quoting."""
    return len(text) <= 254 and text.isascii() and bool(_ADDRESS.fullmatch(text))


def shown(line: str) -> str:
    """A line as a page or a log may show it."""
    plain = "".join(character if character.isprintable() else "?" for character in line)
    return plain if len(plain) <= 80 else plain[:77] + "..."
