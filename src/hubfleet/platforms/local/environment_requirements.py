"""The packages of an environment in one spelling, with those that every environment needs."""

from __future__ import annotations

from importlib.metadata import version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hubfleet.fleet.software import Recipe
from hubfleet.kit.errors import HubfleetError, Place, Problem


def requirements(recipe: Recipe, place: Place | None) -> list[str]:
    """Sorted, with the kernel that every environment has, and pip where a script may want it.

    Everything that is not a plain requirement (options, paths, addresses) is refused: the list
    comes from people who may not choose what this machine reads or fetches.
    """
    problems: list[Problem] = []
    wanted: dict[str, str] = {}
    for text in recipe.requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            problems.append(_not_a_package(text, "it is not a requirement as pip knows it", place))
            continue
        if requirement.url is not None:
            why = "packages come from the package index only, not from addresses or files"
            problems.append(_not_a_package(text, why, place))
            continue
        name = canonicalize_name(requirement.name)
        requirement.name = str(name)
        wanted[str(requirement)] = str(name)
    if problems:
        raise HubfleetError(*problems)
    if "ipykernel" not in wanted.values():
        wanted[f"ipykernel=={version('ipykernel')}"] = "ipykernel"
    if recipe.post_build is not None and "pip" not in wanted.values():
        wanted["pip"] = "pip"
    return sorted(wanted)


def _not_a_package(text: str, why: str, place: Place | None) -> Problem:
    return Problem(
        "package-not-understood",
        f"{text!r} is not a package",
        place,
        why,
        "write a name, with versions if you like, such as `numpy` or `pandas>=2,<3`",
    )
