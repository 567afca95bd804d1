"""Amounts as people write them: `2G` of memory, `1h30m` of time, `30d` of the calendar.

Memory units are powers of 1024, as JupyterHub and KubeSpawner read them.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

_MEMORY_UNITS = {"T": 1024**4, "G": 1024**3, "M": 1024**2, "K": 1024}
_MEMORY = re.compile(r"^(\d+(?:\.\d+)?)\s*([KMGT])i?B?$")
_TIME_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"^(?:\d+[wdhms])+$")
_DURATION_PART = re.compile(r"(\d+)([wdhms])")
_PERIOD = re.compile(r"^([1-9]\d{0,3})([dwy])$")


def counted(count: int, one: str, many: str = "") -> str:
    """`1 hub`, `2 hubs`, `2 communities`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def parse_memory(text: str | int) -> int:
    """Bytes in `512M`, `2G`, `2Gi`, `1.5G`, or a plain number of bytes.

    Raises ValueError with a sentence that a person can act on.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        amount = text
    else:
        match = _MEMORY.match(str(text).strip())
        if not match:
            raise ValueError(f"{text!r} is not an amount of memory; write one such as 512M or 2G")
        amount = int(float(match[1]) * _MEMORY_UNITS[match[2]])
    if amount <= 0:
        raise ValueError("an amount of memory must be more than zero")
    return amount


def format_memory(amount: int) -> str:
    """The shortest exact text: 2147483648 -> `2G`, 1536 MiB -> `1536M`."""
    for unit, size in _MEMORY_UNITS.items():
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)


def parse_duration(text: str | int) -> int:
    """Seconds in `90s`, `1h`, `1h30m`, `7d`, or a plain number of seconds.

    Raises ValueError with a sentence that a person can act on.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        seconds = text
    elif _DURATION.match(str(text).strip()):
        parts = _DURATION_PART.findall(str(text))
        seconds = sum(int(count) * _TIME_UNITS[unit] for count, unit in parts)
    else:
        raise ValueError(f"{text!r} is not a length of time; write one such as 90s, 1h or 7d")
    if seconds < 0:
        raise ValueError("a length of time cannot be negative")
    return seconds


def format_duration(seconds: int) -> str:
    """The shortest exact text: 3600 -> `1h`, 5400 -> `1h30m`, 0 -> `0s`."""
    parts = []
    rest = seconds
    for unit, size in _TIME_UNITS.items():
        if unit == "w":
            continue
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_period(text: str) -> tuple[int, int]:
    """Days and calendar years in `30d`, `2w` or `1y`; one of the two is zero.

    Raises ValueError with a sentence that a person can act on.
    """
    match = _PERIOD.match(str(text).strip())
    if not match:
        raise ValueError(f"{text!r} is not a period; write one such as 30d, 2w or 1y")
    count = int(match[1])
    return (0, count) if match[2] == "y" else (count * (7 if match[2] == "w" else 1), 0)


def day_after(day: date, period: str) -> date:
    """The day so much later; a year after 29 February is 28 February."""
    days, years = parse_period(period)
    return _in_year(day, day.year + years) + timedelta(days=days)


def day_before(day: date, period: str) -> date:
    """The day so much earlier; a year before 29 February is 28 February."""
    days, years = parse_period(period)
    return _in_year(day, day.year - years) - timedelta(days=days)


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)
