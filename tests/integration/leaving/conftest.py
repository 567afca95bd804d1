"""A console over two communities, with people of every kind; see `acting`."""

from __future__ import annotations

from tests.integration.acting import conftest as acting

office = acting.office
browse = acting.browse
