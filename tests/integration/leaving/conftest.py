"""A console over two communities, with people of every kind; see `acting`."""

from __future__ import annotations
