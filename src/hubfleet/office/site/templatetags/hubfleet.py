"""Filters and tags that every template may use without loading them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hubfleet.kit import units
from hubfleet.kit.clock import now, timestamp

register = template.Library()


@register.filter
def moment(value: datetime | str | None) -> SafeString | str:
    """`<time>` with the age in words and the whole date for whoever points at it."""
    if not value:
        return "-"
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    full = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    stamp, age = timestamp(value), ago(value, now())
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, full, age)


def ago(then: datetime, present: datetime) -> str:
    """`now`, `40 s ago`, `5 min ago`, `3 h ago`, `6 days ago`, then the date; `in 5 min`."""
    seconds = int((present - then).total_seconds())
    if abs(seconds) < 5:
        return "now"
    words = _span(abs(seconds))
    if not words:
        return then.astimezone(UTC).strftime("%Y-%m-%d")
    return f"{words} ago" if seconds > 0 else f"in {words}"


def _span(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    if seconds < 60 * 86400:
        return f"{seconds // 86400} days"
    return ""


@register.filter
def seconds(value: float | None) -> str:
    """`0.42 s`, `12 s`, `3 min 20 s`."""
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


@register.filter
def counted(number: int, words: str) -> str:
    """`{{ 2|counted:"hub,hubs" }}` is `2 hubs`."""
    one, _, many = words.partition(",")
    return units.counted(number, one, many)


@register.filter
def in_short(value: Any) -> str:
    """A value of the declaration in one line: text as it is, the rest as JSON, - for nothing."""
    import json

    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


@register.filter
def item(values: Any, key: str) -> Any:
    """`values[key]`, or None."""
    return values.get(key) if values else None


@register.filter
def split(words: str) -> list[str]:
    """`"a,b"|split` is a list."""
    return words.split(",")
