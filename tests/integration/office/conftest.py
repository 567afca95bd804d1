"""The places where a ledger can be kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.office.ledgers import LedgerHome
from tests.integration.office.postgresql import Server, running_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request, tmp_path) -> LedgerHome:
    """Each test runs once on a file and once on a server."""
    if request.param == "sqlite":
        return LedgerHome(tmp_path)
    return LedgerHome(tmp_path, request.getfixturevalue("postgresql").new_database())


@pytest.fixture
def file_home(tmp_path) -> LedgerHome:
    return LedgerHome(tmp_path)
