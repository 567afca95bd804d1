"""The name of a container image, as Docker and Kubernetes read it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"[a-z0-9][a-z0-9.-]*(?::\d{1,5}(?=/))?(?:/[a-z0-9][a-z0-9._-]*)*"
_REFERENCE = re.compile(
    rf"(?P<name>{_NAME})(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_LONGEST = 500
_HUB_NAMES = ("docker.io", "index.docker.io")
_HUB_API = "registry-1.docker.io"
"""Where Docker Hub answers, which is not the host that its images are named after."""


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """`name` is as it was written, without tag and digest."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @property
    def host(self) -> str:
        """The registry, with its port where it has one; images without one are of Docker Hub."""
        first, slash, _ = self.name.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            return _HUB_NAMES[0] if first in _HUB_NAMES else first
        return _HUB_NAMES[0]

    @property
    def repository(self) -> str:
        """The path at the registry; Docker's own images are below `library/`."""
        first, slash, rest = self.name.partition("/")
        named = slash and (first == self.host or first in _HUB_NAMES)
        path = rest if named else self.name
        return f"library/{path}" if self.host == _HUB_NAMES[0] and "/" not in path else path

    @property
    def api(self) -> str:
        """The host that is asked."""
        return _HUB_API if self.host == _HUB_NAMES[0] else self.host

    @property
    def text(self) -> str:
        """As it is declared."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"

    def pinned(self, digest: str) -> Reference:
        """With its tag, for people, and the digest, which is what machines go by."""
        return Reference(self.name, self.tag or "latest", digest)


def read_reference(text: str) -> Reference | None:
    """None where the text is not the name of an image."""
    match = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    return Reference(**match.groupdict()) if match else None
