"""The hub's histogram of starts: out of `/hub/metrics`, and what was added since. Pure.

JupyterHub before 6 counts every start that did not succeed as `failure`. From 6 on `error` is one
that broke and `failure` one that was refused; there each series has a `reason`, and by that the two
are told apart. The prefix of the names can be changed, so only their ends are looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from hubfleet.meters.samples import Buckets, SpawnCounters

_SPAWNS = re.compile(
    r"^\w*server_spawn_duration_seconds_(bucket|count)\{((?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\} (\S+)"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_BEGAN = re.compile(r"^process_start_time_seconds (\S+)")


def spawn_counters(text: str) -> SpawnCounters | None:
    """From the text of `/hub/metrics`; None where it holds no such histogram."""
    since, found = 0.0, False
    buckets: dict[float, float] = {}
    failed = rejected = 0.0
    for line in text.splitlines():
        if began := _BEGAN.match(line):
            since = _number(began[1])
        for kind, labels, value in _series(line):
            found = True
            status = labels.get("status")
            if kind == "bucket" and status == "success":
                bound = _number(labels.get("le", ""), otherwise=math.inf)
                buckets[bound] = buckets.get(bound, 0.0) + value
            elif kind == "count" and (status == "error" or (status, labels.get("reason")) == _OLD):
                failed += value
            elif kind == "count" and status == "failure":
                rejected += value
    return SpawnCounters(since, tuple(sorted(buckets.items())), failed, rejected) if found else None


_OLD = ("failure", None)


def _series(line: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    if match := _SPAWNS.match(line):
        yield match[1], dict(_LABEL.findall(match[2])), _number(match[3])


_MOST = 1e15
"""More than any hub can have counted: such numbers are not believed, and cannot overflow a sum."""


def _number(text: str, otherwise: float = 0.0) -> float:
    """What a hub says may be anything: words, negative and boundless numbers do not count."""
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return value if 0 <= value <= _MOST else otherwise


def added(before: SpawnCounters | None, now: SpawnCounters) -> SpawnCounters:
    """What happened between two readings; never less than nothing.

    Without an earlier reading nothing is known to have been added. A hub that began anew counts
    from nothing: all that it shows was added.
    """
    if before is None:
        return SpawnCounters(now.since)
    if _anew(before, now):
        return now
    earlier = dict(before.buckets)
    buckets = tuple((bound, count - earlier.get(bound, 0.0)) for bound, count in now.buckets)
    failed, rejected = now.failed - before.failed, now.rejected - before.rejected
    return SpawnCounters(now.since, buckets, failed, rejected)


def _anew(before: SpawnCounters, now: SpawnCounters) -> bool:
    # Worked out anew at each question, and so never quite the same.
    if before.since and now.since and abs(before.since - now.since) > 1:
        return True
    if [bound for bound, _ in before.buckets] != [bound for bound, _ in now.buckets]:
        return True
    pairs = zip(before.buckets, now.buckets, strict=True)
    fewer = any(count < earlier for (_, earlier), (_, count) in pairs)
    return fewer or now.failed < before.failed or now.rejected < before.rejected


def merged(histograms: Iterable[Buckets]) -> Buckets:
    """Several histograms as one, in any order.

    Where one has bounds that others lack, only the bounds that all have are kept.
    """
    known = [dict(one) for one in histograms if one]
    if not known:
        return ()
    bounds = set(known[0]).intersection(*known[1:])
    return tuple((bound, math.fsum(one[bound] for one in known)) for bound in sorted(bounds))


def quantile(buckets: Buckets, share: float) -> float | None:
    """Seconds within which so large a share of the starts succeeded; None without any.

    Between two bounds the starts are taken to be spread evenly, as Prometheus does; beyond the last
    bound all that is known is that it took longer, and the bound is the answer.
    """
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if math.isinf(bound) or count <= below:
                return lower
            return lower + (bound - lower) * (wanted - below) / (count - below)
        lower, below = bound, count
    return lower
