"""What all tests share: laws are tried without a look at the clock, which tells of the machine;
and whoever leaves a file or a process open is told so, not whoever happens to run next.
"""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open():
    yield
    gc.collect()
