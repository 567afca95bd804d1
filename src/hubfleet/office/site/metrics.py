"""What the console tells Prometheus about itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hubfleet.office.console import live

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()

_ANSWERS = Counter(
    "hubfleet_console_answers_total", "Answers by status.", ["status"], registry=registry
)
_SECONDS = Histogram(
    "hubfleet_console_answer_seconds",
    "Seconds until an answer, by view.",
    ["view"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    registry=registry,
)
_STREAMS = Gauge("hubfleet_console_streams", "Event streams that are open.", registry=registry)
_STREAMS.set_function(live.count)
_LOOPS = Counter(
    "hubfleet_console_loop_runs_total",
    "Runs of what the console does by itself.",
    ["loop", "outcome"],
    registry=registry,
)
_LOOP_AT = Gauge(
    "hubfleet_console_loop_success_timestamp_seconds",
    "When a loop last ended well.",
    ["loop"],
    registry=registry,
)


def answered(view: str, status: int, seconds: float) -> None:
    _ANSWERS.labels(str(status)).inc()
    _SECONDS.labels(view).observe(seconds)


def looped(loop: str, *, ok: bool) -> None:
    _LOOPS.labels(loop, "ok" if ok else "failed").inc()
    if ok:
        _LOOP_AT.labels(loop).set_to_current_time()


def told() -> bytes:
    """Everything, in Prometheus' text format."""
    return generate_latest(registry)
