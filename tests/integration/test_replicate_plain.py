"""A bundle goes on without hubfleet with the software it promises, or the trial tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hubfleet.fleet.load import load_fleet
from hubfleet.fleet.lockfile import write_lock
from hubfleet.platforms.local.environments import EnvironmentStore
from hubfleet.platforms.local.folders import StateFolder
from hubfleet.replicate.describing.scripts import RESTORE_HOMES
from hubfleet.replicate.trial.verify import verify
from tests.fleets import write_fleet
from tests.unit.replicate.bundles import exported, with_parts, write_hub
from tests.unit.replicate.test_bundle_plain import OWN, copied, run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with two homes, a shared folder and a lock; its `six` is older than what is here."""
    folder = tmp_path_factory.mktemp("plain")
    values = {"environment": {"packages": ["six==1.15.0"], "python": OWN}}
    fleet = write_fleet(folder / "fleet", {"reef/prod": values})
    (wanted,) = fleet.hubs["reef/prod"].environments
    resolved, python = EnvironmentStore(folder / "store").resolve(wanted, lambda _phase: None)
    lock = write_lock(resolved, basis=wanted.lock_basis, python=python, command="a test")
    (folder / "fleet/communities/reef/hubs/prod.lock").write_text(lock)
    state = StateFolder(folder / "state")
    write_hub(state, "reef/prod", {"bo": {"a.txt": b"mine"}, "cy": {"b.txt": b"hers"}})
    exported(load_fleet(folder / "fleet"), ("reef/prod",), folder / "bundle", state)
    return folder / "bundle"


def locked_six(bundle: Path) -> list[str]:
    """The lines of the lock that are about `six`."""
    lines = (bundle / "hubs/prod/environment/default/requirements.txt").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("six=="))
    last = next(n for n in range(first, len(lines)) if not lines[n].endswith("\\"))
    return lines[first : last + 1]


def test_software_is_made_by_pip_alone_and_becomes_the_kernel(bundle: Path, tmp_path: Path) -> None:
    made = tmp_path / "environments"
    hub, software = copied(bundle, tmp_path)
    (software / "requirements.txt").write_text("\n".join(locked_six(bundle)) + "\n")
    done = run(bundle / "make_environments.py", hub, made)
    assert (done.returncode, done.stdout) == (0, "made: default\n"), done.stderr
    python = made / "default/bin/python"
    kernel = json.loads((made / "default/share/jupyter/kernels/python3/kernel.json").read_text())
    assert kernel["argv"][0] == str(python)
    asked = [str(python), "-c", "import six; print(six.__file__)"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(made))
    again = run(bundle / "make_environments.py", hub, made)
    assert again.stdout == "left alone: default\n"


def test_software_that_is_not_what_was_locked_is_not_used(bundle: Path, tmp_path: Path) -> None:
    hub, software = copied(bundle, tmp_path)
    name = locked_six(bundle)[0].split(" ")[0]
    wanted = f"{name} --hash=sha256:{'0' * 64}\n"
    (software / "requirements.txt").write_text(wanted)
    beside = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = run(bundle / "make_environments.py", hub, tmp_path / "made", path=beside)
    assert done.returncode == 1
    assert "this failed: " in done.stderr and "uv" in done.stderr
    assert not (tmp_path / "made/default/share").exists()


SWAPPED = RESTORE_HOMES.replace("sorted(homes.items())", "zip(sorted(homes), [2, 1])").replace(
    "    for name in (", "    (target / '../shared').mkdir()\n    for name in ("
)
"""Gives each of two people the other's home, and nobody the shared folder."""


def test_packages_owners_and_files_that_are_not_as_promised_are_told(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["hubs"]["prod"]["packages"][""] |= {"six": "0.1", "Not.There": "1.0"}
    with_parts(bundle, {"restore_homes.py": SWAPPED.encode()}, hubs=manifest["hubs"])
    [trial] = verify(bundle, how="plain").trials
    found = {check.name: (check.outcome, check.detail) for check in trial.checks}
    told = "six is 1.15.0 instead of 0.1; Not.There is missing instead of 1.0"
    assert sorted(found.pop("packages")[1].split("; ")) == sorted(told.split("; "))
    assert found.pop("data") == ("differs", "the home of bo; the home of cy; shared")
    assert {outcome for outcome, _ in found.values()} == {"same"}, found
    assert {"probe", "sign-in", "users", "admins", "groups"} == found.keys()
    assert not trial.ok
