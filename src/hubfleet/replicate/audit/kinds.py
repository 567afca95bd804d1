"""Everything that an audit can find, each with its words: the reference page is made of this list.

Words in braces are filled in by whoever finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["MUST", "SHOULD", "MAY"]
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "MAY")


@dataclass(frozen=True, slots=True)
class Kind:
    """With more than one level whoever finds it says which."""

    code: str
    levels: tuple[Level, ...]
    what: str
    why: str
    cure: str


_LIST = (
    # How people come in.
    Kind(
        "accounts-stay",
        ("MAY",),
        "people sign in at the operator's console",
        "Their accounts stay there; a copy has a console, or a way to sign in, of its own.",
        "nothing to do now; invite people to the new console after the move",
    ),
    Kind(
        "client-stays",
        ("MAY",),
        "people sign in with {provider}",
        "The client that is registered there is the operator's.",
        "nothing to do now; the new operator registers a client of its own",
    ),
    # What people's software is.
    Kind(
        "no-lock",
        ("SHOULD",),
        "the environment has no reviewed lock",
        "Built elsewhere or later it may get other versions.",
        "run `hubfleet environment lock {hub}`",
    ),
    Kind(
        "proprietary-package",
        ("SHOULD",),
        "the package `{package}` is under a licence that is not free: {licence}",
        "Its owner decides who may use it, where, and for how long.",
        "agree with its owner that the community may go on with it elsewhere, or take a free "
        "package in its place",
    ),
    Kind(
        "licence-unknown",
        ("MAY",),
        "{count} of the environment without a licence that is known to be free: {packages}",
        "What may be done with them elsewhere is not written down, or not in words that all know.",
        "read what they say in LICENCES.md of a bundle, and ask their authors to declare one",
    ),
    Kind(
        "licences-not-read",
        ("MAY",),
        "the licences of the environment's packages are not known here",
        "They are read from the environment itself, which was not built on this machine.",
        "run `hubfleet environment build {hub}`, then look again",
    ),
    # Images and charts.
    Kind(
        "private-image",
        ("MUST",),
        "the image is in a registry that needs an account",
        "Nobody else can fetch it.",
        "push it to a public registry, or keep how it is built in a repository",
    ),
    Kind(
        "cloud-image",
        ("SHOULD",),
        "the image is in a cloud provider's registry",
        "Whether others can fetch it is set there, and may change.",
        "push it to a public registry as well",
    ),
    Kind(
        "vendor-image",
        ("SHOULD",),
        "the image comes from {vendor}, under a licence of its own",
        "Whoever runs the hub next must agree to it, and may not pass the image on.",
        "build one on an image of free software, or read that licence before the move",
    ),
    Kind(
        "image-without-digest",
        ("SHOULD",),
        "the image has a tag and no digest",
        "A tag may name another image tomorrow.",
        "add `@sha256:...` to it, as `docker buildx imagetools inspect` shows it",
    ),
    Kind(
        "private-chart",
        ("MUST",),
        "the chart is in a registry that needs an account",
        "Nobody else can fetch it.",
        "publish it where everybody can fetch it, or use the project's own",
    ),
    Kind(
        "chart-stays",
        ("MUST",),
        "the chart is a folder of the operator's fleet",
        "It is not part of a bundle, and its changes are known here alone.",
        "publish it, and declare its `repository` and `version`; or use the project's own",
    ),
    # Whatever is passed through.
    Kind(
        "names-operator",
        ("MUST", "SHOULD"),
        "`{path}` names {whom}",
        "It means nothing elsewhere, and is left out of a bundle.",
        "write a name of the community's own, or one that everybody can reach",
    ),
    Kind(
        "provider-only",
        ("MUST",),
        "`{path}` works on {whose} alone",
        "The infrastructure must run with any provider.",
        "put it into the cluster's defaults, where another cluster says it its own way",
    ),
    Kind(
        "provider-service",
        ("SHOULD",),
        "`{path}` names a service of {whose}",
        "It stays with the account that pays for it, and what is in it is not part of a bundle.",
        "run free software in its place, or have the community own the account",
    ),
    Kind(
        "bucket-stays",
        ("SHOULD",),
        "`{path}` names a bucket",
        "What is in it is not part of a bundle.",
        "copy it to storage of the community's own, and let it say which",
    ),
    Kind(
        "inside-address",
        ("SHOULD",),
        "`{path}` names a place inside of the operator's network",
        "Nothing answers there elsewhere.",
        "put it into the cluster's defaults, where another cluster says it its own way",
    ),
)

KINDS = {kind.code: kind for kind in _LIST}
