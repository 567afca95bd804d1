"""The port behind which registries of images are."""

from __future__ import annotations

from typing import Protocol

from hubfleet.replicate.images.reference import Reference


class ImageRegistry(Protocol):
    """Whoever knows which digest a tag means now."""

    def digest_of(self, image: Reference) -> str:
        """`sha256:` and 64 digits, of the index where the image is made for several machines.

        Raises HubfleetError with one problem where it cannot be known; its texts are the same for
        the same trouble, and none of them is the registry's own.
        """
        ...
