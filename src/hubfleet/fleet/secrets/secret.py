"""The opaque value: what a secret is to everybody who need not know it.

The plan compares marks, `explain` prints them, and only who holds an `Identity` can `reveal`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import SchemaSerializer, core_schema

from hubfleet.fleet.secrets.age import Identity, tag_of, unseal
from hubfleet.fleet.secrets.sops import opened_by_sops
from hubfleet.fleet.yaml import KeyPath
from hubfleet.kit.errors import HubfleetError, Place, Problem

MARK = re.compile(r"<secret [0-9a-f]{12}>")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """One encrypted value of the declaration; equal when its ciphertext is.

    `at` is what the ciphertext is bound to, `file:key.path`. `sops_file` is the file for values
    that the `sops` program opens, None for our own.
    """

    ciphertext: str
    at: str = field(compare=False)
    path: KeyPath = field(compare=False)
    place: Place = field(compare=False)
    sops_file: Path | None = field(default=None, compare=False)

    __pydantic_serializer__: ClassVar[SchemaSerializer]

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    @property
    def mark(self) -> str:
        """12 hexadecimal digits that change with the value, and not when it is encrypted anew.

        Values of sops, and those without a tag, have only their ciphertext to be known by.
        """
        tag = None if self.sops_file is not None else tag_of(self.ciphertext)
        return (tag or hashlib.sha256(self.ciphertext.encode()).hexdigest())[:12]

    @property
    def marked(self) -> str:
        """`<secret 3f2a90c41b7e>`: what stands for it in JSON, plans and files."""
        return f"<secret {self.mark}>"

    def reveal(self, identity: Identity) -> Any:
        """The value in the clear; raises why it does not open."""
        if self.sops_file is not None:
            return opened_by_sops(self.sops_file, self.path, self.place, identity)
        return unseal(self.ciphertext, self.at, self.place, identity).value

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memory: Any) -> Secret:
        return self

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError("a secret is never pickled")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return _SCHEMA


_SCHEMA = core_schema.json_or_python_schema(
    # Text in JSON schemas, too: what people write there is an encrypted text.
    json_schema=core_schema.str_schema(),
    python_schema=core_schema.is_instance_schema(Secret),
    serialization=core_schema.plain_serializer_function_ser_schema(
        lambda secret: secret.marked if isinstance(secret, Secret) else secret, when_used="json"
    ),
)

# Lets pydantic dump secrets that stand in fields of any type, such as the pass-through.
Secret.__pydantic_serializer__ = SchemaSerializer(_SCHEMA)

SecretText = Secret | str
"""The type of a field that should be secret: a `Secret` in the declaration, plain text only in
the hub's own process, after `filled`. `findings` refuses plain text in a declaration."""


def secrets_in(tree: Any) -> Iterator[Secret]:
    """Every secret in nested mappings, lists and models dumped with `mode="python"`."""
    if isinstance(tree, Secret):
        yield tree
    elif isinstance(tree, Mapping):
        for inner in tree.values():
            yield from secrets_in(inner)
    elif isinstance(tree, list | tuple):
        for inner in tree:
            yield from secrets_in(inner)


def revealed(tree: Any, identity: Identity) -> dict[str, Any]:
    """By mark, the value of every secret in `tree`; raises all that do not open, at once."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for secret in secrets_in(tree):
        try:
            values[secret.marked] = secret.reveal(identity)
        except HubfleetError as error:
            problems += error.problems
    if problems:
        raise HubfleetError(*dict.fromkeys(problems))
    return values


def filled(tree: Any, values: Mapping[str, Any]) -> Any:
    """`tree` with the value in place of every secret or mark that `values` (`revealed`) knows."""
    if isinstance(tree, Secret):
        return values[tree.marked]
    if isinstance(tree, str):
        return values.get(tree, tree)
    if isinstance(tree, Mapping):
        return {key: filled(inner, values) for key, inner in tree.items()}
    if isinstance(tree, list | tuple):
        return [filled(inner, values) for inner in tree]
    return tree


def marked(tree: Any) -> Any:
    """`tree` with the mark in place of every secret."""
    return filled(tree, {secret.marked: secret.marked for secret in secrets_in(tree)})
