"""What the name of an image alone says: who may fetch it, whose it is, whether it can change. Pure.

Registries move and change their terms: each line is what their owner's pages said in 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubfleet.replicate.images.reference import Reference

# Registries that give nothing to anybody without an account.
_PRIVATE = re.compile(
    r"\.dkr\.ecr[.-]|\.azurecr\.|^registry\.digitalocean\.com$|\.ocir\.io$|^registry\.redhat\.io$|"
    r"^container-registry\.oracle\.com$|^registry\.cloud\.google\.com$"
)
# Registries of cloud providers, where the owner of each repository says who may fetch from it.
_CLOUD = re.compile(
    r"(^|\.)gcr\.io$|\.pkg\.dev$|\.aliyuncs\.com$|(^|\.)icr\.io$|\.scw\.cloud$|"
    r"\.container-registry\.ovh\.(net|us)$|\.vultrcr\.com$|\.myhuaweicloud\.com$"
)
_VENDORS = (
    (re.compile(r"^nvcr\.io/"), "NVIDIA"),
    (re.compile(r"^docker\.io/nvidia/"), "NVIDIA"),
    (re.compile(r"^docker\.io/mathworks/"), "MathWorks"),
    (re.compile(r"^docker\.io/(dataanalytics|rstudio)/(.*pro|.*workbench|.*connect)"), "Posit"),
)


def needs_account(host: str) -> bool:
    """Whether a registry, by its host, gives nothing to anybody without an account."""
    return _PRIVATE.search(_name(host)) is not None


def kinds_of(image: Reference) -> Iterator[tuple[str, dict[str, str]]]:
    """Codes of findings, with their words."""
    host, whole = _name(image.host), f"{image.host}/{image.repository}"
    vendor = next((name for pattern, name in _VENDORS if pattern.match(whole)), None)
    if needs_account(host):
        yield "private-image", {}
    elif _CLOUD.search(host):
        yield "cloud-image", {}
    if vendor is not None:
        yield "vendor-image", {"vendor": vendor}
    if image.digest is None:
        yield "image-without-digest", {}


def _name(host: str) -> str:
    return host.partition(":")[0].lower()
