"""Digests of the images that a bundle names by a tag, found once and kept in its declaration.

A digest that is written there needs no registry any more: what was exported with it comes out again
as it is, on any machine. What could not be found stays as it was declared, and is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hubfleet.fleet.model import HubValues
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.replicate.bundle.manifest import Told
from hubfleet.replicate.describing.declaring import Described, Description
from hubfleet.replicate.images.found import images_in, with_digests
from hubfleet.replicate.images.reference import Reference
from hubfleet.replicate.images.registry import ImageRegistry

FILE = "IMAGES.json"

_NOT_ASKED = Problem(
    "digest-not-asked",
    "no registry was asked for it",
    hint="export with --pin-images, or write the digest behind the tag",
)


@dataclass(slots=True)
class _Answers:
    """Each image is asked for once, whichever hubs name it."""

    digests: dict[Reference, str] = field(default_factory=dict)
    problems: dict[Reference, Problem] = field(default_factory=dict)


def pin_images(
    described: Description,
    registry: ImageRegistry | None,
    report: Callable[[str, str], None] = lambda _what, _phase: None,
) -> None:
    """Write digests into every hub's declaration; without a registry only say what lacks one."""
    answers = _asked(described, registry, report)
    for one in described.hubs:
        open_ones = {image for _, image in images_in(one.declaration) if image in answers.problems}
        for image in sorted(open_ones, key=lambda image: image.text):
            problem = answers.problems[image]
            why = f"{_sentence(problem.what)} {problem.why}".strip()
            what = f"{one.original.name}: the digest of {image.text}"
            described.left_out.append(Told(what=what, why=why, cure=problem.hint))
        if answers.digests:
            _pin(one, answers.digests)
            file = f"communities/{one.hub.name.replace('/', '/hubs/')}.yaml"
            described.declarations[file] = one.declaration
    hubs = {one.hub.name: one.hub for one in described.hubs}
    described.fleet = replace(described.fleet, hubs=hubs)


def _asked(
    described: Description, registry: ImageRegistry | None, report: Callable[[str, str], None]
) -> _Answers:
    answers = _Answers()
    for image in named_images(described):
        if image.digest is not None:
            continue
        if registry is None:
            answers.problems[image] = _NOT_ASKED
            continue
        what = f"digest of {image.text}"
        report(what, "being looked up")
        try:
            answers.digests[image] = registry.digest_of(image)
            report(what, "done")
        except HubfleetError as error:
            answers.problems[image] = error.problems[0]
            report(what, "failed")
    return answers


def _pin(one: Described, digests: Mapping[Reference, str]) -> None:
    one.declaration = with_digests(one.declaration, digests)
    values = HubValues.model_validate(one.declaration)
    kept = {"domain": one.hub.values.domain, "title": one.hub.values.title}
    one.hub = replace(one.hub, values=values.model_copy(update=kept))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def named_images(described: Description) -> tuple[Reference, ...]:
    """Each once, by name."""
    named = {image for one in described.hubs for _, image in images_in(one.declaration)}
    return tuple(sorted(named, key=lambda image: image.text))


def images_json(described: Description) -> str:
    """Which image each hub names, and the digest where it is known; empty where none does.

    It says nothing that the declarations do not say: it is for programs that read no YAML.
    """
    found: dict[Reference, list[dict[str, str]]] = {}
    for one in described.hubs:
        for path, image in images_in(one.declaration):
            found.setdefault(image, []).append({"hub": one.short, "key": ".".join(path)})
    if not found:
        return ""
    rows: list[dict[str, Any]] = [
        {
            "name": image.name,
            "tag": image.tag,
            "digest": image.digest,
            "named_by": sorted(where, key=lambda one: (one["hub"], one["key"])),
        }
        for image, where in sorted(found.items(), key=lambda item: item[0].text)
    ]
    return json.dumps({"images": rows}, indent=1, ensure_ascii=False) + "\n"
