"""Amounts as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubfleet.kit.units import format_duration, format_memory, parse_duration, parse_memory


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("512M", 512 * 1024**2),
        ("2G", 2 * 1024**3),
        ("2Gi", 2 * 1024**3),
        ("2GB", 2 * 1024**3),
        ("1.5G", 1536 * 1024**2),
        ("64K", 65536),
        (4096, 4096),
    ],
)
def test_memory(text, amount):
    assert parse_memory(text) == amount


@pytest.mark.parametrize("text", ["2", "G", "two", "-1G", "1 P", "", True, 0, -5])
def test_not_memory(text):
    with pytest.raises(ValueError, match="amount of memory"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h", 3600), ("1h30m", 5400), ("7d", 604800), ("1w", 604800), (60, 60), (0, 0)],
)
def test_duration(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["1 hour", "h", "", "-1h", True, -1, "1.5h"])
def test_not_a_duration(text):
    with pytest.raises(ValueError, match="length of time"):
        parse_duration(text)


@given(st.integers(1, 2**50))
def test_memory_comes_back(amount):
    text = format_memory(amount)
    assert parse_memory(int(text) if text.isdigit() else text) == amount


@given(st.integers(0, 10**8))
def test_duration_comes_back(seconds):
    assert parse_duration(format_duration(seconds)) == seconds
