"""Charts as SVG text. Pure.

Each has a title and a description for those who do not see it, and every page shows the same
numbers as text beside it. Colours are classes of the style sheet, so that both themes have theirs;
state is never told by colour alone: the words stand in the titles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from hubfleet.kit.units import counted
from hubfleet.office.watching.availability import Day, in_percent
from hubfleet.probes.verdict import SLOW

_WIDTH = 420
_ROW = 22
_LABEL = 66
_VALUE = 56
_STEP = 4


def stages(found: Sequence[dict[str, Any]], name: str) -> SafeString:
    """A probe's stages: a bar for each, as long as it took; failed ones are full and red."""
    longest = max([float(stage["seconds"]) for stage in found] + [0.5])
    room = _WIDTH - _LABEL - _VALUE
    bars = format_html_join(
        "", "{}", ((_stage(index, one, longest, room),) for index, one in enumerate(found))
    )
    words = "; ".join(
        f"{stage['name']} {'worked' if stage['ok'] else 'failed'}, {float(stage['seconds']):.2f} s"
        for stage in found
    )
    title = f"Stages of the last probe of {name}"
    return _svg(_WIDTH, _ROW * len(found), title, words, bars, kind="chart stages")


def _stage(index: int, stage: dict[str, Any], longest: float, room: float) -> SafeString:
    seconds = float(stage["seconds"])
    slow = SLOW.get(stage["name"])
    word = "bad" if not stage["ok"] else "warn" if slow and seconds > slow else "good"
    width = max(3.0, room * seconds / longest)
    top = index * _ROW
    shown = f"{seconds:.2f} s" if stage["ok"] else "failed"
    return format_html(
        '<text class="strong" x="0" y="{}">{}</text>'
        '<rect class="{}" x="{}" y="{}" width="{}" height="12" rx="2"><title>{}</title></rect>'
        '<text x="{}" y="{}">{}</text>',
        top + 16, stage["name"],
        word, _LABEL, top + 6, f"{width:.1f}", f"{stage['name']}: {shown}",
        f"{_LABEL + width + 6:.1f}", top + 16, shown,
    )  # fmt: skip


def probes(found: Sequence[tuple[str, str, float]], name: str) -> SafeString:
    """The last probes, oldest first: `(time, verdict, seconds)`; a bar for each."""
    longest = max([seconds for _, _, seconds in found] + [1.0])
    step = 14
    height = 56
    words = {"healthy": "good", "degraded": "warn", "failed": "bad"}
    bars = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="10" height="{}" rx="2">'
        "<title>{}: {}, {} s</title></rect>",
        (
            (
                words.get(verdict, "quiet"),
                index * step,
                f"{height - max(4.0, height * seconds / longest):.1f}",
                f"{max(4.0, height * seconds / longest):.1f}",
                at,
                verdict,
                f"{seconds:.1f}",
            )
            for index, (at, verdict, seconds) in enumerate(found)
        ),
    )
    failed = sum(verdict == "failed" for _, verdict, _ in found)
    text = f"{len(found)} probes, {failed} failed, the longest took {longest:.0f} s"
    width = max(step * len(found), step)
    return _svg(width, height, f"Last probes of {name}", text, bars, kind="chart own-size")


def days(found: Sequence[Day], name: str) -> SafeString:
    """Availability day by day: one bar each, filled by state, with date and share as its title."""
    step, width, height = 7, 5, 30
    bars = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1.5">'
        "<title>{}: {}</title></rect>",
        (
            (
                day.share.word,
                index * step,
                0 if day.share.seen else height - 10,
                width,
                height if day.share.seen else 10,
                day.day.isoformat(),
                in_percent(day.share.part),
            )
            for index, day in enumerate(found)
        ),
    )
    return _svg(
        step * len(found) - (step - width),
        height,
        f"Availability of {name} in the last {len(found)} days",
        in_words(found),
        bars,
        kind="chart days",
        stretch=True,
    )


def in_words(found: Iterable[Day]) -> str:
    """What the bars show, as a sentence."""
    found = list(found)
    seen = [day for day in found if day.share.seen]
    bad = [day for day in seen if day.share.word in ("bad", "warn")]
    if not seen:
        return "Nothing was measured in this time."
    if not bad:
        return f"Measured on {counted(len(seen), 'day')}, available all the time."
    worst = min(bad, key=lambda day: day.share.part or 0.0)
    return (
        f"Measured on {counted(len(seen), 'day')}, with trouble on {len(bad)}; "
        f"the worst was {worst.day.isoformat()} with {in_percent(worst.share.part)}."
    )


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart of columns: what it is, its class, and a value for each column."""

    name: str
    word: str
    values: Sequence[float]


def columns(
    labels: Sequence[str], found: Sequence[Series], title: str, words: str, unit: str = ""
) -> SafeString:
    """A column for each label; of several series the later ones stand before the earlier ones.

    A line and its number at the top say what the highest one is.
    """
    step, height, top = _STEP, 96, 14
    most = max((value for series in found for value in series.values), default=0.0)
    width = max(step * len(labels), step)
    bars = format_html_join(
        "", "{}",
        (
            (_column(index * step, value / (most or 1.0) * (height - top), series, label, height),)
            for series in found
            for index, (label, value) in enumerate(zip(labels, series.values, strict=True))
            if value > 0
        ),
    )  # fmt: skip
    frame = format_html(
        '<line class="axis" x1="0" y1="{}" x2="{}" y2="{}"></line>'
        '<line class="axis" x1="0" y1="{}" x2="{}" y2="{}"></line>'
        '<text x="0" y="10">{}{}</text>',
        top, width, top, height, width, height, amount(most), unit,
    )  # fmt: skip
    inside = format_html("{}{}", frame, bars)
    return _svg(width, height + 1, title, words, inside, kind="chart columns")


def _column(left: int, tall: float, series: Series, label: str, height: int) -> SafeString:
    tall = max(tall, 1.0)
    value = amount(series.values[left // _STEP])
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="3" height="{}" rx="0.8">'
        "<title>{}: {} {}</title></rect>",
        series.word, left, f"{height - tall:.1f}", f"{tall:.1f}", label, value, series.name,
    )  # fmt: skip


def amount(value: float) -> str:
    """`12`, `3.4`, `1,250`: whole from ten on, and with one decimal below."""
    if value >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.05 else f"{value:.2f}"


def progress(parts: Sequence[tuple[str, int]], whole: int, name: str) -> SafeString:
    """One bar made of parts: `(class, count)`."""
    total, at, pieces = max(whole, 1), 0.0, []
    for word, count in parts:
        width = 100 * count / total
        pieces.append((word, f"{at:.2f}", f"{width:.2f}"))
        at += width
    inside = format_html_join(
        "", '<rect class="{}" x="{}" y="0" width="{}" height="4"></rect>', pieces
    )
    done = sum(count for _, count in parts)
    text = f"{done} of {counted(whole, 'hub')} have an end"
    return _svg(100, 4, name, text, inside, kind="chart progress", stretch=True)


def budget(left: float, word: str, name: str) -> SafeString:
    """What is left of an error budget, as a part of one bar: 0 to 1."""
    inside = format_html(
        '<rect class="{}" x="0" y="0" width="{}" height="4"></rect>', word, f"{100 * left:.2f}"
    )
    text = f"{int(100 * left)} % is left"
    title = f"Error budget of {name}"
    return _svg(100, 4, title, text, inside, kind="chart progress", stretch=True)


def _svg(
    width: int,
    height: int,
    title: str,
    words: str,
    inside: SafeString,
    *,
    kind: str = "chart",
    stretch: bool = False,
) -> SafeString:
    fit = format_html('width="{}" height="{}"', width, height)
    if stretch:
        fit = format_html('preserveAspectRatio="{}"', "none")
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" {} role="img" aria-label="{}: {}">{}</svg>',
        kind,
        width,
        height,
        fit,
        title,
        words,
        inside,
    )
