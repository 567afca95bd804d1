"""The base of every mapping in the files."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    """A mapping in a file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Deep:
    """Marks, in a field's annotation, a free mapping whose layers merge at every depth."""
