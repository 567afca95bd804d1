"""A cluster of a test's own on a real API server; skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.control_plane.places import ClusterPlace, cluster_place


@pytest.fixture
def place(tmp_path) -> Iterator[ClusterPlace]:
    with cluster_place(tmp_path / "place") as made:
        yield made
